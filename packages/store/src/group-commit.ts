/** Many commits, one `fsync`: what queued while one commit was made durable forms the next. */

import {
  AppError,
  STORE_COMMIT_BYTES_MAX,
  STORE_COMMITS_WAITING_MAX,
  STORE_EXPECTS_PER_COMMIT_MAX,
  STORE_OPS_PER_COMMIT_MAX,
  type Term,
} from '@cloud-steg/protocol';
import type { Key } from './key.ts';
import {
  type Commit,
  type CommitResult,
  checkCommit,
  keyOfOp,
  type ListOptions,
  type Page,
  type Store,
  type StoreEvent,
  type Versioned,
} from './store.ts';

/**
 * A store that coalesces the commits of concurrent callers for `inner`; a lone commit goes through at once. Group
 * commit is DeWitt et al., "Implementation techniques for main memory database systems" (1984).
 *
 * Only commits of one term that don't touch each other's keys are joined, so that joining them can't change what
 * any of them means. A batch that conflicts as a whole is made again item by item. What a batch throws, all
 * its callers get. At most `STORE_COMMITS_WAITING_MAX` wait; one more is refused (`store/unavailable`).
 *
 * `inner` is owned: `close` waits for what is queued, then closes it.
 */
export class GroupCommitStore implements Store {
  readonly eraseRemnants?: () => Promise<void>;
  readonly #inner: Store;
  #waiting: Waiting[] = [];
  #draining: Promise<void> | undefined;
  #closed = false;

  constructor(inner: Store) {
    this.#inner = inner;
    if (inner.eraseRemnants) this.eraseRemnants = inner.eraseRemnants.bind(inner);
  }

  get(key: Key): Promise<Versioned | undefined> {
    return this.#inner.get(key);
  }

  list(prefix: string, options: ListOptions): Promise<Page> {
    return this.#inner.list(prefix, options);
  }

  claimTerm(term: Term, leader: string): Promise<boolean> {
    return this.#inner.claimTerm(term, leader);
  }

  async commit(commit: Commit): Promise<CommitResult> {
    if (this.#closed) throw new AppError('store/unavailable', 'the store is closed');
    const bytes = checkCommit(commit);
    if (this.#waiting.length >= STORE_COMMITS_WAITING_MAX) {
      throw new AppError('store/unavailable', `${STORE_COMMITS_WAITING_MAX} commits are waiting already`, {
        hint: 'try again in a moment',
      });
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ commit, bytes, resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  watch(
    prefix: string,
    fromRev: number,
    onEvent: (event: StoreEvent) => void,
    onCompacted: () => void,
  ): () => void {
    return this.#inner.watch(prefix, fromRev, onEvent, onCompacted);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
    await this.#inner.close();
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const { batch, rest } = takeBatch(this.#waiting);
      this.#waiting = rest;
      await this.#commitBatch(batch);
    }
    this.#draining = undefined;
  }

  async #commitBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const result = await this.#inner.commit(joined(batch));
      if (result.ok || result.why === 'fenced' || batch.length === 1) {
        for (const { resolve } of batch) resolve(result);
        return;
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
      return;
    }
    await Promise.all(
      batch.map(({ commit, resolve, reject }) => this.#inner.commit(commit).then(resolve, reject)),
    );
  }
}

interface Waiting {
  commit: Commit;
  bytes: number;
  resolve: (result: CommitResult) => void;
  reject: (error: unknown) => void;
}

/** The oldest commit and, in order, all others that can be joined with it within the bounds of one commit. */
function takeBatch(waiting: readonly Waiting[]): { batch: Waiting[]; rest: Waiting[] } {
  const batch: Waiting[] = [];
  const rest: Waiting[] = [];
  const expected = new Map<Key, number>();
  const changed = new Set<Key>();
  let bytes = 0;

  for (const item of waiting) {
    const { term, expect, ops } = item.commit;
    const joins =
      term === (batch[0] ?? item).commit.term &&
      bytes + item.bytes <= STORE_COMMIT_BYTES_MAX &&
      expected.size + expect.length <= STORE_EXPECTS_PER_COMMIT_MAX &&
      changed.size + ops.length <= STORE_OPS_PER_COMMIT_MAX &&
      expect.every(({ key, rev }) => !changed.has(key) && (expected.get(key) ?? rev) === rev) &&
      ops.every((op) => !changed.has(keyOfOp(op)) && !expected.has(keyOfOp(op)));
    if (!joins) {
      rest.push(item);
      continue;
    }
    batch.push(item);
    bytes += item.bytes;
    for (const { key, rev } of expect) expected.set(key, rev);
    for (const op of ops) changed.add(keyOfOp(op));
  }
  return { batch, rest };
}

/** One commit of disjoint ones. An expectation that several share is made once. */
function joined(batch: readonly Waiting[]): Commit {
  const [first] = batch as [Waiting, ...Waiting[]];
  const expected = new Map(
    batch.flatMap(({ commit }) => commit.expect.map((expect) => [expect.key, expect])),
  );
  return {
    term: first.commit.term,
    expect: [...expected.values()],
    ops: batch.flatMap(({ commit }) => commit.ops),
  };
}
