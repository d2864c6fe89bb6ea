/** The store in memory: for tests, simulations and trials. Durable as long as the object lives. */

import { AppError, STORE_LIST_BYTES_MAX, type Term } from '@cloud-steg/protocol';
import { checkKey, compareKeys, type Key, TERM_KEY } from './key.ts';
import {
  type Commit,
  type CommitResult,
  checkClaim,
  checkCommit,
  checkList,
  decodeTermClaim,
  encodeTermClaim,
  type ListOptions,
  type Op,
  type Page,
  type Store,
  type StoreEvent,
  type Versioned,
} from './store.ts';

/**
 * Keeps the whole contract of {@link Store} and nothing beyond it. Deterministic: no clock and no randomness, and
 * every call has taken effect when it returns its promise. Watches see every change, none left out.
 */
export class MemoryStore implements Store {
  readonly #entries = new Map<Key, Versioned>();
  /** The keys of `#entries` in byte order. */
  readonly #keys: Key[] = [];
  readonly #deletions = new Map<Key, number>();
  readonly #watches = new Set<Watch>();
  #rev = 0;
  #compactedRev = 0;
  #closed = false;

  async get(key: Key): Promise<Versioned | undefined> {
    this.#checkOpen();
    checkKey(key);
    const entry = this.#entries.get(key);
    return entry && { value: new Uint8Array(entry.value), rev: entry.rev };
  }

  async list(prefix: string, options: ListOptions): Promise<Page> {
    this.#checkOpen();
    checkList(options);
    const page: Page = { items: [], more: false, rev: this.#rev };
    let bytes = 0;
    let index = positionOf(this.#keys, prefix);
    if (options.after !== undefined) {
      const after = positionOf(this.#keys, options.after);
      index = Math.max(index, this.#keys[after] === options.after ? after + 1 : after);
    }
    for (; ; index++) {
      const key = this.#keys[index];
      const entry = key === undefined ? undefined : this.#entries.get(key);
      if (key === undefined || entry === undefined || !key.startsWith(prefix)) return page;
      bytes += entry.value.length;
      const full = page.items.length === options.limit || bytes > STORE_LIST_BYTES_MAX;
      if (full && page.items.length > 0) return { ...page, more: true };
      page.items.push({ key, value: new Uint8Array(entry.value), rev: entry.rev });
    }
  }

  async claimTerm(term: Term, leader: string): Promise<boolean> {
    this.#checkOpen();
    checkClaim(term, leader);
    const standing = this.#claim();
    if (standing && term <= standing.term) return term === standing.term && leader === standing.leader;
    this.#apply([{ put: TERM_KEY, value: encodeTermClaim({ term, leader }) }]);
    return true;
  }

  async commit(commit: Commit): Promise<CommitResult> {
    this.#checkOpen();
    checkCommit(commit);
    if (this.#claim()?.term !== commit.term) return { ok: false, why: 'fenced' };
    const met = commit.expect.every(({ key, rev }) => (this.#entries.get(key)?.rev ?? 0) === rev);
    if (!met) return { ok: false, why: 'conflict' };
    this.#apply(commit.ops);
    return { ok: true, rev: this.#rev };
  }

  watch(
    prefix: string,
    fromRev: number,
    onEvent: (event: StoreEvent) => void,
    onCompacted: () => void,
  ): () => void {
    this.#checkOpen();
    const watch = new Watch(prefix, onEvent);
    if (fromRev <= this.#compactedRev) {
      void Promise.resolve().then(() => {
        if (watch.active) onCompacted();
      });
      return () => watch.stop();
    }
    for (const event of this.#changesSince(fromRev)) watch.offer(event);
    this.#watches.add(watch);
    return () => {
      watch.stop();
      this.#watches.delete(watch);
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const watch of this.#watches) watch.stop();
    this.#watches.clear();
  }

  /** Forgets all deletions made so far: a watch from one of their revisions or earlier is told `onCompacted`. */
  compact(): void {
    this.#deletions.clear();
    this.#compactedRev = this.#rev;
  }

  #claim() {
    const entry = this.#entries.get(TERM_KEY);
    return entry && decodeTermClaim(entry.value);
  }

  #apply(ops: readonly Op[]): void {
    const rev = this.#rev + 1;
    this.#rev = rev;
    for (const op of ops) {
      if ('put' in op) {
        if (!this.#entries.has(op.put)) this.#keys.splice(positionOf(this.#keys, op.put), 0, op.put);
        this.#entries.set(op.put, { value: new Uint8Array(op.value), rev });
        this.#deletions.delete(op.put);
        this.#announce({ kind: 'put', key: op.put, value: new Uint8Array(op.value), rev });
      } else if (this.#entries.delete(op.del)) {
        this.#keys.splice(positionOf(this.#keys, op.del), 1);
        this.#deletions.set(op.del, rev);
        this.#announce({ kind: 'del', key: op.del, rev });
      }
    }
  }

  #announce(event: StoreEvent): void {
    for (const watch of this.#watches) watch.offer(event);
  }

  #changesSince(fromRev: number): StoreEvent[] {
    const events: StoreEvent[] = [];
    for (const [key, { value, rev }] of this.#entries) events.push({ kind: 'put', key, value, rev });
    for (const [key, rev] of this.#deletions) events.push({ kind: 'del', key, rev });
    return events.filter(({ rev }) => rev >= fromRev).sort((a, b) => a.rev - b.rev);
  }

  #checkOpen(): void {
    if (this.#closed) throw new AppError('store/unavailable', 'the store is closed');
  }
}

/** Hands events to one watcher, each in a microtask of its own so that none comes within another call. */
class Watch {
  active = true;
  readonly #prefix: string;
  readonly #onEvent: (event: StoreEvent) => void;

  constructor(prefix: string, onEvent: (event: StoreEvent) => void) {
    this.#prefix = prefix;
    this.#onEvent = onEvent;
  }

  offer(event: StoreEvent): void {
    if (!event.key.startsWith(this.#prefix)) return;
    const own = event.kind === 'put' ? { ...event, value: new Uint8Array(event.value) } : event;
    void Promise.resolve().then(() => {
      if (this.active) this.#onEvent(own);
    });
  }

  stop(): void {
    this.active = false;
  }
}

/** Where `key` stands in the sorted `keys`, or would. */
function positionOf(keys: readonly Key[], key: Key): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys(keys[middle] as Key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
