/** Compliance: bounds of the arguments, and the end of a store. */

import {
  STORE_COMMIT_BYTES_MAX,
  STORE_KEY_BYTES_MAX,
  STORE_LIST_ITEMS_MAX,
  STORE_OPS_PER_COMMIT_MAX,
  STORE_VALUE_BYTES_MAX,
  Term,
} from '@cloud-steg/protocol';
import { expect, it } from 'vitest';
import { type Key, TERM_KEY } from '../key.ts';
import type { Expect, Op } from '../store.ts';
import { everything, landed, put, type StoreUnderTest, useClients } from './store-under-test.ts';

const BUG = { code: 'program/bug' };
const ignore = () => {};
const absent = (key: Key): Expect => ({ key, rev: 0 });

export function describeLimits(setUp: () => Promise<StoreUnderTest>): void {
  const on = useClients(setUp);

  it('admit the largest commit', async () => {
    const term = await on.lead(1);
    const keys = Array.from({ length: STORE_OPS_PER_COMMIT_MAX }, (_, n) =>
      `${n}-`.padEnd(STORE_KEY_BYTES_MAX, 'k'),
    );
    const share = Math.floor(STORE_COMMIT_BYTES_MAX / STORE_OPS_PER_COMMIT_MAX);
    const value = new Uint8Array(share - 2 * STORE_KEY_BYTES_MAX);
    const ops = keys.map((key) => ({ put: key, value }));
    await landed(on.store, term, ops, keys.map(absent));
    expect(await everything(on.other, '', 100)).toHaveLength(keys.length + 1);
  });

  const many = Array.from({ length: STORE_OPS_PER_COMMIT_MAX + 1 }, (_, n) => `k${n}`);
  const large = new Uint8Array(STORE_VALUE_BYTES_MAX);
  it.each<[string, { expected?: Expect[]; ops: Op[] }]>([
    ['no operation', { ops: [] }],
    ['too many operations', { ops: many.map((key) => put(key)) }],
    ['too many expectations', { ops: [put('k')], expected: many.map(absent) }],
    ['a key changed twice', { ops: [put('k'), { del: 'k' }] }],
    ['a key expected twice', { ops: [put('k')], expected: [absent('k'), absent('k')] }],
    ['the term as an operation', { ops: [put(TERM_KEY)] }],
    ['an empty key', { ops: [put('')] }],
    ['a key with U+0000', { ops: [put('a\0')] }],
    ['a key that isn’t Unicode', { ops: [put('a\ud800')] }],
    ['a key too long', { ops: [put('é'.repeat(STORE_KEY_BYTES_MAX / 2 + 1))] }],
    ['a value too large', { ops: [{ put: 'k', value: new Uint8Array(STORE_VALUE_BYTES_MAX + 1) }] }],
    ['too many bytes', { ops: many.slice(0, 5).map((key) => ({ put: key, value: large })) }],
    ['a negative revision', { ops: [put('k')], expected: [{ key: 'k', rev: -1 }] }],
  ])('refuse a commit with %s', async (_, { expected = [], ops }) => {
    const term = await on.lead(1);
    await expect(on.store.commit({ term, expect: expected, ops })).rejects.toMatchObject(BUG);
    expect(await everything(on.store, '', 9)).toMatchObject([{ key: TERM_KEY }]);
  });

  it.each([0, 1.5, STORE_LIST_ITEMS_MAX + 1])('refuse a page of %s items', async (limit) => {
    await expect(on.store.list('', { limit })).rejects.toMatchObject(BUG);
  });

  it('refuse an empty key, term 0 and a leader without a name', async () => {
    await expect(on.store.get('')).rejects.toMatchObject(BUG);
    await expect(on.store.claimTerm(Term.parse(0), 'a')).rejects.toMatchObject(BUG);
    await expect(on.store.claimTerm(Term.parse(1), '')).rejects.toMatchObject(BUG);
  });

  it('of a closed store are to do nothing more', async () => {
    const term = await on.lead(1);
    await on.store.close();
    const closed = { code: 'store/unavailable' };
    await expect(on.store.get('k')).rejects.toMatchObject(closed);
    await expect(on.store.list('', { limit: 1 })).rejects.toMatchObject(closed);
    await expect(on.store.claimTerm(Term.parse(2), 'a')).rejects.toMatchObject(closed);
    await expect(on.store.commit({ term, expect: [], ops: [put('k')] })).rejects.toMatchObject(closed);
    expect(() => on.store.watch('', 1, ignore, ignore)).toThrow(expect.objectContaining(closed));
  });
}
