/** What the compliance suite asks of an adapter's test, and the few moves all its parts share. */

import { Term } from '@cloud-steg/protocol';
import { afterEach, beforeEach, expect } from 'vitest';
import type { Key } from '../key.ts';
import type { Entry, Expect, Op, Store } from '../store.ts';

/** A fresh, empty store that an adapter's test sets up. */
export interface StoreUnderTest {
  /** A client of the store, as independent of the others as the engine knows such a thing. */
  open(): Promise<Store>;
  /** Makes the store forget its deletions, by whatever the engine offers; `store` leads with `term`. */
  compact(store: Store, term: Term): Promise<void>;
  /** Closes what was opened and removes what was written. */
  dispose(): Promise<void>;
}

/** Two clients of a store that is fresh for every test. */
export interface Clients {
  under: StoreUnderTest;
  store: Store;
  other: Store;
  /** Claims `term` for `store`. */
  lead(term: number, leader?: string): Promise<Term>;
}

/** Sets up a store before, and disposes of it after, each test of the enclosing `describe`. */
export function useClients(setUp: () => Promise<StoreUnderTest>): Clients {
  const on = {
    async lead(term, leader = 'a') {
      expect(await on.store.claimTerm(Term.parse(term), leader)).toBe(true);
      return Term.parse(term);
    },
  } as Clients;
  beforeEach(async () => {
    on.under = await setUp();
    on.store = await on.under.open();
    on.other = await on.under.open();
  });
  afterEach(() => on.under.dispose());
  return on;
}

/** Commits and returns the revision; fails the test where that is refused. */
export async function landed(store: Store, term: Term, ops: Op[], expected: Expect[] = []): Promise<number> {
  const result = await store.commit({ term, expect: expected, ops });
  expect(result).toEqual({ ok: true, rev: expect.any(Number) });
  return (result as { rev: number }).rev;
}

/** All entries below `prefix`, page by page. */
export async function everything(store: Store, prefix: string, limit: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let more = true; more; ) {
    const page = await store.list(prefix, { limit, after: entries.at(-1)?.key });
    expect(page.items.length).toBeLessThanOrEqual(limit);
    expect(page.items.length > 0 || !page.more).toBe(true);
    entries.push(...page.items);
    more = page.more;
  }
  return entries;
}

export function keysOf(entries: readonly { key: Key }[]): Key[] {
  return entries.map(({ key }) => key);
}

export function put(key: Key, value = 'v'): Op {
  return { put: key, value: bytesOf(value) };
}

/** The bytes of ASCII text. */
export function bytesOf(ascii: string): Uint8Array {
  return Uint8Array.from(ascii, (character) => character.charCodeAt(0));
}

/** The text of ASCII bytes; of none, the empty text. */
export function textOf(bytes: Uint8Array | undefined): string {
  return String.fromCharCode(...(bytes ?? []));
}
