/**
 * The ordered store below the rules of the domain. Five methods, few enough that SQLite, etcd and
 * memory keep the same promises; `compliance.ts` checks them on every adapter.
 *
 * Words: a *revision* is the store's logical time. It rises with every change, may skip numbers, and an
 * entry's `rev` is that of its last change. The *term* is the election's fencing number.
 *
 * Errors, beside those named at each method: `store/unavailable` when the engine can't be used now and
 * nothing was changed, `store/damaged` when its data can't be read, `program/bug` when an argument is out of bounds.
 */

import {
  AppError,
  invariant,
  STORE_COMMIT_BYTES_MAX,
  STORE_EXPECTS_PER_COMMIT_MAX,
  STORE_LIST_ITEMS_MAX,
  STORE_OPS_PER_COMMIT_MAX,
  STORE_VALUE_BYTES_MAX,
  type Term,
} from '@cloud-steg/protocol';
import { checkKey, type Key, TERM_KEY } from './key.ts';

/** What stands at a key. The bytes belong to whoever received them. */
export interface Versioned {
  value: Uint8Array;
  /** Revision of the last change, at least 1. */
  rev: number;
}

export interface Entry extends Versioned {
  key: Key;
}

export interface ListOptions {
  /** Only keys after this one, in byte order. It needn't exist or have the prefix. */
  after?: Key | undefined;
  /** 1 to `STORE_LIST_ITEMS_MAX`. */
  limit: number;
}

export interface Page {
  /** In byte order of their keys. */
  items: Entry[];
  /** Whether there are items after the last one. A page may be short of its limit and yet have more. */
  more: boolean;
  /** The page shows the store as it stood after this revision. */
  rev: number;
}

/** `key` must stand at exactly this revision; 0: it must be absent. */
export interface Expect {
  key: Key;
  rev: number;
}

/**
 * Deleting an absent key changes nothing. A value may be empty; its bytes must stay as they are until the
 * commit has answered.
 */
export type Op = { put: Key; value: Uint8Array } | { del: Key };

export interface Commit {
  /** Must be the term that was claimed last. */
  term: Term;
  /** At most `STORE_EXPECTS_PER_COMMIT_MAX`, each key once. */
  expect: readonly Expect[];
  /** 1 to `STORE_OPS_PER_COMMIT_MAX`, each key once, none of them `TERM_KEY`. */
  ops: readonly Op[];
}

/**
 * `rev` is the revision of all changes of the commit (commits that were grouped share one). `fenced`:
 * another term is claimed. `conflict`: an expectation failed. Fenced comes before conflict; neither changes anything.
 */
export type CommitResult = { ok: true; rev: number } | { ok: false; why: 'fenced' | 'conflict' };

/** A change seen by a watch. */
export type StoreEvent =
  | { kind: 'put'; key: Key; value: Uint8Array; rev: number }
  | { kind: 'del'; key: Key; rev: number };

export interface Store {
  /**
   * The entry at `key`, or undefined. Linearizable: it shows every commit that was acknowledged, to
   * anyone, before the call.
   */
  get(key: Key): Promise<Versioned | undefined>;

  /**
   * One page of the entries whose keys start with `prefix`, in byte order; as fresh as `get`. Each page is
   * a snapshot of its own. To mirror a prefix, list all pages and watch from the *first* page's `rev + 1`.
   */
  list(prefix: string, options: ListOptions): Promise<Page>;

  /**
   * Makes `term` the only one that may commit, and returns whether it did. The claimed term never falls. An
   * older term, or the same one claimed by another leader, is refused. The same claim again answers true and
   * changes nothing, so that a leader whose answer was lost may ask again. From the moment a claim lands, no
   * commit of an older term can: not even one that was already under way.
   *
   * Durable before it answers. Throws `store/unknown-outcome`.
   */
  claimTerm(term: Term, leader: string): Promise<boolean>;

  /**
   * All of `ops` or none, if the term is the claimed one and every expectation holds; durable before it answers.
   *
   * Throws `store/unknown-outcome` when the answer was lost: the commit has landed, has not, or will still
   * land (at most once). Whoever repeats it must be able to tell, by an expectation on an operation's own key.
   */
  commit(commit: Commit): Promise<CommitResult>;

  /**
   * Calls `onEvent` for changes at `fromRev` or later to keys that start with `prefix`, in order of
   * revision, until the returned function is called. Of several changes of one key the earlier may be left
   * out; the last never is. Events come after `watch` has returned, soon but not at once, and a store that
   * can't be reached delays them.
   *
   * Where deletions as old as `fromRev` are forgotten, it calls `onCompacted` instead and is over: list again
   * and watch from the page's `rev + 1`.
   */
  watch(
    prefix: string,
    fromRev: number,
    onEvent: (event: StoreEvent) => void,
    onCompacted: () => void,
  ): () => void;

  /**
   * Only where a deleted value's bytes can outlive it (in a write-ahead log, say): when it resolves, the
   * store's files hold no byte of a value whose deletion was acknowledged before the call.
   */
  eraseRemnants?(): Promise<void>;

  /** Ends all watches and releases what the adapter holds. Further calls throw `store/unavailable`. */
  close(): Promise<void>;
}

/** Who claimed which term. */
export interface TermClaim {
  term: Term;
  /** As given to `claimTerm`: the leader's node id. */
  leader: string;
}

/** The claim that stands, or undefined when no term was ever claimed. */
export async function readTerm(store: Store): Promise<TermClaim | undefined> {
  const entry = await store.get(TERM_KEY);
  return entry && decodeTermClaim(entry.value);
}

/** For adapters: the value at `TERM_KEY`, JSON of a {@link TermClaim} in ASCII. */
export function encodeTermClaim(claim: TermClaim): Uint8Array {
  const json = JSON.stringify({ term: claim.term, leader: encodeURIComponent(claim.leader) });
  return Uint8Array.from(json, (character) => character.charCodeAt(0));
}

/** Reads what {@link encodeTermClaim} wrote; anything else is `store/damaged`. */
export function decodeTermClaim(value: Uint8Array): TermClaim {
  try {
    const claim = JSON.parse(String.fromCharCode(...value)) as TermClaim;
    if (!Number.isSafeInteger(claim.term) || typeof claim.leader !== 'string')
      throw new TypeError('no claim');
    return { term: claim.term, leader: decodeURIComponent(claim.leader) };
  } catch (cause) {
    throw new AppError('store/damaged', `the store's "${TERM_KEY}" entry can't be read`, { cause });
  }
}

/** Whoever gets this must find out whether the change has landed; see {@link Store.commit}. */
export function unknownOutcome(what: string, cause?: unknown): AppError {
  const message = `the store did not say whether ${what} took place`;
  if (!(cause instanceof AppError)) return new AppError('store/unknown-outcome', message, { cause });
  const { hint } = cause;
  return new AppError('store/unknown-outcome', `${message}: ${cause.message}`, {
    cause,
    ...(hint && { hint }),
  });
}

export function isUnknownOutcome(thrown: unknown): boolean {
  return thrown instanceof AppError && thrown.code === 'store/unknown-outcome';
}

/** The key an operation changes. */
export function keyOfOp(op: Op): Key {
  return 'put' in op ? op.put : op.del;
}

/** For adapters: crashes (`program/bug`) on a claim outside the contract. */
export function checkClaim(term: Term, leader: string): void {
  invariant(Number.isSafeInteger(term) && term >= 1, `a term to claim is at least 1, not ${term}`);
  checkKey(leader);
}

/** For adapters: crashes (`program/bug`) on list options outside the contract. */
export function checkList(options: ListOptions): void {
  invariant(
    Number.isSafeInteger(options.limit) && options.limit >= 1 && options.limit <= STORE_LIST_ITEMS_MAX,
    `a page has 1 to ${STORE_LIST_ITEMS_MAX} items, not ${options.limit}`,
  );
}

/** For adapters: crashes (`program/bug`) on a commit outside the contract. Returns its size in bytes. */
export function checkCommit({ expect, ops }: Commit): number {
  invariant(
    expect.length <= STORE_EXPECTS_PER_COMMIT_MAX,
    `a commit has at most ${STORE_EXPECTS_PER_COMMIT_MAX} expectations, not ${expect.length}`,
  );
  invariant(
    ops.length >= 1 && ops.length <= STORE_OPS_PER_COMMIT_MAX,
    `a commit has 1 to ${STORE_OPS_PER_COMMIT_MAX} operations, not ${ops.length}`,
  );
  invariant(new Set(expect.map(({ key }) => key)).size === expect.length, 'a commit expects each key once');
  const changed = new Set(ops.map(keyOfOp));
  invariant(changed.size === ops.length, 'a commit changes each key once');
  invariant(!changed.has(TERM_KEY), 'only a claim changes the term');

  let bytes = 0;
  for (const { key, rev } of expect) {
    bytes += checkKey(key);
    invariant(Number.isSafeInteger(rev) && rev >= 0, `a revision is a whole number, not ${rev}`);
  }
  for (const op of ops) {
    bytes += checkKey(keyOfOp(op));
    if (!('put' in op)) continue;
    bytes += op.value.length;
    invariant(
      op.value.length <= STORE_VALUE_BYTES_MAX,
      `the value of ${op.put} has ${op.value.length} bytes, more than ${STORE_VALUE_BYTES_MAX}`,
    );
  }
  invariant(
    bytes <= STORE_COMMIT_BYTES_MAX,
    `a commit has ${bytes} bytes, more than ${STORE_COMMIT_BYTES_MAX}`,
  );
  return bytes;
}
