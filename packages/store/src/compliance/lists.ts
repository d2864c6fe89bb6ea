/** Compliance: order and pages. */

import { STORE_LIST_ITEMS_MAX, STORE_VALUE_BYTES_MAX } from '@cloud-steg/protocol';
import { describe, expect, it } from 'vitest';
import { compareKeys, type Key, keyOf, prefixOf } from '../key.ts';
import { everything, keysOf, landed, put, type StoreUnderTest, useClients } from './store-under-test.ts';

export function describeLists(setUp: () => Promise<StoreUnderTest>): void {
  const on = useClients(setUp);

  describe('lists', () => {
    it('are in the order of UTF-8 bytes, whatever the size of their pages', async () => {
      const segments = ['a', 'a/b', 'a%b', 'a b', 'A', 'z', 'é', '~', '\u{ffee}', '\u{1f600}', '日本', '\n'];
      const keys = segments.map((segment) => keyOf('o', segment));
      const term = await on.lead(1);
      await landed(
        on.store,
        term,
        keys.map((key) => put(key)),
      );
      const sorted = [...keys].sort(compareKeys);
      for (let limit = 1; limit <= keys.length + 1; limit++) {
        expect(keysOf(await everything(on.other, prefixOf('o'), limit))).toEqual(sorted);
      }
    });

    it('hold the keys with the prefix and no others', async () => {
      const term = await on.lead(1);
      const keys = ['u', 'u/', 'u/a', 'u/b', 'u0', 'v/a', 'u\u{10ffff}', '\u{10ffff}', '\u{10ffff}a'];
      await landed(
        on.store,
        term,
        keys.map((key) => put(key)),
      );
      expect(keysOf(await everything(on.store, 'u/', 2))).toEqual(['u/', 'u/a', 'u/b']);
      expect(keysOf(await everything(on.store, 'u', 3))).toEqual([
        'u',
        'u/',
        'u/a',
        'u/b',
        'u0',
        'u\u{10ffff}',
      ]);
      expect(keysOf(await everything(on.store, '\u{10ffff}', 1))).toEqual(['\u{10ffff}', '\u{10ffff}a']);
      expect(await everything(on.store, '', 4)).toHaveLength(keys.length + 1);
    });

    it('go on after a key that isn’t there, and start at the prefix', async () => {
      const term = await on.lead(1);
      await landed(on.store, term, [put('a'), put('p/1'), put('p/3'), put('q')]);
      const after = async (key: Key) => keysOf((await on.store.list('p/', { limit: 9, after: key })).items);
      expect(await after('p/2')).toEqual(['p/3']);
      expect(await after('a')).toEqual(['p/1', 'p/3']);
      expect(await after('p/3')).toEqual([]);
      expect(await after('z')).toEqual([]);
    });

    it('say there is more exactly when there is', async () => {
      const term = await on.lead(1);
      await landed(on.store, term, [put('p/1'), put('p/2'), put('q')]);
      expect(await on.store.list('p/', { limit: 1 })).toMatchObject({ more: true });
      expect(await on.store.list('p/', { limit: 2 })).toMatchObject({ more: false });
    });

    it('break pages of large values early and lose none', async () => {
      const term = await on.lead(1);
      const value = new Uint8Array(STORE_VALUE_BYTES_MAX);
      const keys = Array.from({ length: 20 }, (_, n) => keyOf('big', `${n}`.padStart(2, '0')));
      for (const key of keys) await landed(on.store, term, [{ put: key, value }]);
      const first = await on.store.list('big/', { limit: STORE_LIST_ITEMS_MAX });
      expect(first.more).toBe(true);
      expect(keysOf(await everything(on.store, 'big/', STORE_LIST_ITEMS_MAX))).toEqual(keys);
    });
  });
}
