/** Atomic changes above the store: read, decide, commit everything at once under the leader's term, or do it again. */

import { AppError, COMMIT_ATTEMPTS_MAX, PAGE_BYTES_MAX, type Term } from '@cloud-steg/protocol';
import { isUnknownOutcome, type Op, type Store } from '@cloud-steg/store';
import type * as z from 'zod';
import { Lanes } from './lanes.ts';

const utf8 = new TextEncoder();
const text = new TextDecoder();

export interface PageQuery {
  readonly limit: number;
  /** Name (last segment) of the last row of the page before. */
  readonly after?: string | undefined;
}

/** `next` is the `after` of the page that follows, if any does. */
export interface Page<T> {
  readonly items: T[];
  readonly next?: string;
}

export interface Row {
  /** The key without the prefix that was listed. */
  readonly name: string;
  readonly value: Uint8Array;
}

/** Reads, and changes not yet made. A read value that has changed meanwhile makes the commit conflict. */
export class Draft {
  readonly #store: Store;
  readonly #expected = new Map<string, number>();
  readonly #ops = new Map<string, Op>();
  #erases = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The JSON value at `key`, if any. Throws `store/damaged` when it isn't of `schema`. */
  async read<S extends z.ZodType>(schema: S, key: string): Promise<z.infer<S> | undefined> {
    const bytes = await this.readBytes(key);
    return bytes && decode(schema, key, bytes);
  }

  async readBytes(key: string): Promise<Uint8Array | undefined> {
    const found = await this.#store.get(key);
    // Should a key be read twice, what was seen first must hold.
    if (!this.#expected.has(key)) this.#expected.set(key, found?.rev ?? 0);
    return found?.value;
  }

  put(key: string, value: unknown): void {
    this.putBytes(key, encode(value));
  }

  putBytes(key: string, value: Uint8Array): void {
    this.#ops.set(key, { put: key, value });
  }

  del(key: string): void {
    this.#ops.set(key, { del: key });
  }

  /** Deletes a secret: no trace of its bytes shall be left (see {@link Ledger.eraseRemnants}). */
  erase(key: string): void {
    this.del(key);
    this.#erases = true;
  }

  get erases(): boolean {
    return this.#erases;
  }

  /** True once committed or with nothing to commit, false on a conflict. Throws `cluster/fenced`. */
  async commit(term: Term): Promise<boolean> {
    if (this.#ops.size === 0) return true;
    const result = await this.#store.commit({
      term,
      expect: [...this.#expected].map(([key, rev]) => ({ key, rev })),
      ops: [...this.#ops.values()],
    });
    if (result.ok) return true;
    if (result.why === 'conflict') return false;
    throw new AppError('cluster/fenced', `a leader of a later term than ${term} has taken over`);
  }
}

/** The store as the rules see it. */
export class Ledger {
  readonly #store: Store;
  readonly #lanes = new Lanes();
  /** At first, for what an earlier process may have left. */
  #remnants = true;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The JSON value at `key` now, if any. Throws `store/damaged` when it isn't of `schema`. */
  async read<S extends z.ZodType>(schema: S, key: string): Promise<z.infer<S> | undefined> {
    const bytes = await this.readBytes(key);
    return bytes && decode(schema, key, bytes);
  }

  async readBytes(key: string): Promise<Uint8Array | undefined> {
    return (await this.#store.get(key))?.value;
  }

  /**
   * Makes one change atomically and answers what `attempt` answered. `attempt` reads and writes through
   * the draft alone. It runs again after a conflict, and after an outcome nobody knows, so it must
   * recognise its own work by the ids it was given. Changes of the same `lane` wait for each other.
   *
   * Throws what `attempt` throws, `cluster/fenced`, and `store/unknown-outcome` or `store/unavailable`
   * once `COMMIT_ATTEMPTS_MAX` attempts came to nothing.
   */
  change<T>(term: Term, lane: string, attempt: (draft: Draft) => Promise<T>): Promise<T> {
    return this.#lanes.run(lane, async () => {
      let last: unknown;
      for (let i = 0; i < COMMIT_ATTEMPTS_MAX; i++) {
        const draft = new Draft(this.#store);
        const answer = await attempt(draft);
        if (draft.erases) this.#remnants = true;
        try {
          if (await draft.commit(term)) return answer;
          last = new AppError('store/unavailable', `${lane} is being changed too often; try again`);
        } catch (thrown) {
          if (!isUnknownOutcome(thrown)) throw thrown;
          last = thrown;
        }
      }
      throw last;
    });
  }

  /** Lets the store overwrite what erased secrets have left behind, if any were. */
  async eraseRemnants(): Promise<void> {
    if (!this.#remnants) return;
    this.#remnants = false;
    try {
      await this.#store.eraseRemnants?.();
    } catch (thrown) {
      this.#remnants = true;
      throw thrown;
    }
  }

  /**
   * Rows under `prefix` in byte order, each turned into an answer by `open`, until `limit` of them or
   * `PAGE_BYTES_MAX` of what they are made from.
   */
  async page<T>(
    prefix: string,
    query: PageQuery,
    open: (row: Row) => Promise<{ answer: T; bytes: number }>,
  ): Promise<Page<T>> {
    const items: T[] = [];
    let bytes = 0;
    let last = query.after;
    for (;;) {
      const batch = await this.#store.list(prefix, {
        ...(last === undefined ? {} : { after: prefix + last }),
        limit: query.limit - items.length,
      });
      for (const [i, row] of batch.items.entries()) {
        const name = row.key.slice(prefix.length);
        const opened = await open({ name, value: row.value });
        items.push(opened.answer);
        bytes += opened.bytes;
        last = name;
        const more = batch.more || i + 1 < batch.items.length;
        if (more && (items.length >= query.limit || bytes >= PAGE_BYTES_MAX)) return { items, next: name };
      }
      if (!batch.more) return { items };
    }
  }

  /** As {@link page}, for rows that are the answer themselves. */
  pageOf<S extends z.ZodType>(schema: S, prefix: string, query: PageQuery): Promise<Page<z.infer<S>>> {
    return this.page(prefix, query, async ({ name, value }) => ({
      answer: decode(schema, prefix + name, value),
      bytes: value.length,
    }));
  }
}

/** A value as it is stored: JSON in UTF-8. */
export function encode(value: unknown): Uint8Array {
  return utf8.encode(JSON.stringify(value));
}

/** A stored JSON value. Throws `store/damaged`, naming the key, when it isn't of `schema`. */
export function decode<S extends z.ZodType>(schema: S, key: string, bytes: Uint8Array): z.infer<S> {
  try {
    return schema.parse(JSON.parse(text.decode(bytes)));
  } catch (cause) {
    throw new AppError('store/damaged', `the record at ${key} is not as it was written`, { cause });
  }
}
