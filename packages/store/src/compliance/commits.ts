/** Compliance: entries, expectations, terms, lost replies. */

import { STORE_VALUE_BYTES_MAX, Term } from '@cloud-steg/protocol';
import { describe, expect, it } from 'vitest';
import { keyOf, prefixOf, TERM_KEY } from '../key.ts';
import { type Fate, LossyStore } from '../lossy-store.ts';
import { type Entry, isUnknownOutcome, type Op, readTerm, type Store } from '../store.ts';
import {
  bytesOf,
  everything,
  keysOf,
  landed,
  put,
  type StoreUnderTest,
  textOf,
  useClients,
} from './store-under-test.ts';

const CONFLICT = { ok: false, why: 'conflict' };
const FENCED = { ok: false, why: 'fenced' };

export function describeCommits(setUp: () => Promise<StoreUnderTest>): void {
  const on = useClients(setUp);

  describe('entries', () => {
    it('shows an empty store as empty', async () => {
      expect(await on.store.get('k')).toBeUndefined();
      expect(await on.store.list('', { limit: 10 })).toMatchObject({ items: [], more: false });
    });

    it('returns what was committed, at the commit’s revision, to every client', async () => {
      const term = await on.lead(1);
      const rev = await landed(on.store, term, [{ put: 'k', value: bytesOf('v') }]);
      expect(await on.store.get('k')).toEqual({ value: bytesOf('v'), rev });
      expect(await on.other.get('k')).toEqual({ value: bytesOf('v'), rev });
    });

    it('keeps any bytes, none, and the most it promises', async () => {
      const term = await on.lead(1);
      const values = {
        all: Uint8Array.from({ length: 256 }, (_, byte) => byte),
        none: new Uint8Array(),
        most: new Uint8Array(STORE_VALUE_BYTES_MAX).fill(0xa5),
      };
      for (const [put, value] of Object.entries(values)) await landed(on.store, term, [{ put, value }]);
      for (const [key, value] of Object.entries(values)) {
        expect((await on.other.get(key))?.value).toEqual(value);
      }
    });

    it('shares no bytes with its callers', async () => {
      const term = await on.lead(1);
      const value = bytesOf('one');
      await landed(on.store, term, [{ put: 'k', value }]);
      value.fill(0);
      (await on.store.get('k'))?.value.fill(0);
      (await on.store.list('k', { limit: 1 })).items[0]?.value.fill(0);
      expect((await on.store.get('k'))?.value).toEqual(bytesOf('one'));
    });

    it('gives one commit one revision, higher than any before', async () => {
      const term = await on.lead(1);
      const first = await landed(on.store, term, [put('a'), put('b')]);
      const second = await landed(on.store, term, [put('b'), put('c')]);
      expect(second).toBeGreaterThan(first);
      const { items, rev } = await on.store.list('', { limit: 10, after: 'Z' });
      expect(rev).toBe(second);
      expect(revsOf(items)).toMatchObject({ a: first, b: second, c: second });
    });

    it('forgets what was deleted and takes a deletion of nothing', async () => {
      const term = await on.lead(1);
      await landed(on.store, term, [put('a'), put('b')]);
      await landed(on.store, term, [{ del: 'a' }, { del: 'never' }]);
      expect(await on.other.get('a')).toBeUndefined();
      expect(keysOf((await on.other.list('', { limit: 10 })).items)).toEqual(['b', TERM_KEY]);
    });
  });

  describe('expectations', () => {
    it('commit only what stands on the revisions they name', async () => {
      const term = await on.lead(1);
      const first = await landed(on.store, term, [put('k')], [{ key: 'k', rev: 0 }]);
      expect(await on.store.commit({ term, expect: [{ key: 'k', rev: 0 }], ops: [put('k')] })).toEqual(
        CONFLICT,
      );
      const second = await landed(on.store, term, [put('k')], [{ key: 'k', rev: first }]);
      expect(await on.store.commit({ term, expect: [{ key: 'k', rev: first }], ops: [put('k')] })).toEqual(
        CONFLICT,
      );
      await landed(on.store, term, [{ del: 'k' }], [{ key: 'k', rev: second }]);
      await landed(on.store, term, [put('k')], [{ key: 'k', rev: 0 }]);
    });

    it('guard keys that the commit doesn’t change', async () => {
      const term = await on.lead(1);
      const guard = await landed(on.store, term, [put('guard')]);
      await landed(on.store, term, [put('a')], [{ key: 'guard', rev: guard }]);
      await landed(on.store, term, [put('guard')]);
      const late = { term, expect: [{ key: 'guard', rev: guard }], ops: [put('a', 'late')] };
      expect(await on.store.commit(late)).toEqual(CONFLICT);
    });

    it('change nothing at all when one of them fails', async () => {
      const term = await on.lead(1);
      await landed(on.store, term, [put('old')]);
      const before = await on.store.list('', { limit: 10 });
      const expected = [
        { key: 'new', rev: 0 },
        { key: 'old', rev: 0 },
      ];
      const ops: Op[] = [put('new'), { del: 'old' }];
      expect(await on.store.commit({ term, expect: expected, ops })).toEqual(CONFLICT);
      expect(await on.store.list('', { limit: 10 })).toEqual(before);
    });

    it('let exactly one of many racing commits through', async () => {
      const term = await on.lead(1);
      const racers = Array.from({ length: 20 }, (_, n) =>
        (n % 2 ? on.store : on.other).commit({
          term,
          expect: [{ key: 'k', rev: 0 }],
          ops: [put('k', `${n}`)],
        }),
      );
      const results = await Promise.all(racers);
      expect(results.filter((result) => result.ok)).toHaveLength(1);
      const winner = results.findIndex((result) => result.ok);
      expect((await on.store.get('k'))?.value).toEqual(bytesOf(`${winner}`));
    });
  });

  describe('terms', () => {
    it('admit no commit before the first claim', async () => {
      expect(await on.store.commit({ term: Term.parse(1), expect: [], ops: [put('k')] })).toEqual(FENCED);
      expect(await readTerm(on.store)).toBeUndefined();
    });

    it('only rise, each with one leader', async () => {
      await on.lead(2, 'a');
      expect(await on.other.claimTerm(Term.parse(1), 'a')).toBe(false);
      expect(await on.other.claimTerm(Term.parse(2), 'b')).toBe(false);
      expect(await on.other.claimTerm(Term.parse(5), 'b')).toBe(true);
      expect(await readTerm(on.store)).toEqual({ term: 5, leader: 'b' });
    });

    it('may be claimed again by the leader whose answer was lost', async () => {
      const term = await on.lead(1);
      const rev = await landed(on.store, term, [put('k')]);
      expect(await on.store.claimTerm(term, 'a')).toBe(true);
      expect((await on.store.list('', { limit: 10 })).rev).toBe(rev);
    });

    it('give one of several leaders that claim the same one at once', async () => {
      const claims = Array.from({ length: 10 }, (_, n) =>
        (n % 2 ? on.store : on.other).claimTerm(Term.parse(3), `node-${n}`),
      );
      const won = (await Promise.all(claims)).flatMap((granted, n) => (granted ? [`node-${n}`] : []));
      expect(won).toEqual([(await readTerm(on.store))?.leader]);
    });

    it('fence every other term, before any conflict shows', async () => {
      await on.lead(5);
      for (const term of [1, 4, 6]) {
        const stale = { term: Term.parse(term), expect: [{ key: 'k', rev: 99 }], ops: [put('k')] };
        expect(await on.store.commit(stale)).toEqual(FENCED);
      }
      expect(await on.store.get('k')).toBeUndefined();
    });

    it('let no commit of an old leader land once a newer claim has answered', async () => {
      const term = await on.lead(1, 'old');
      const attempt = (n: number) => on.store.commit({ term, expect: [], ops: [put(keyOf('n', `${n}`))] });
      const attempts = Array.from({ length: 40 }, (_, n) => attempt(n));
      const claim = on.other.claimTerm(Term.parse(2), 'new');
      attempts.push(...Array.from({ length: 40 }, (_, n) => attempt(40 + n)));
      expect(await claim).toBe(true);
      const atClaim = await on.other.list(prefixOf('n'), { limit: 100 });
      expect(await attempt(80)).toEqual(FENCED);
      const results = await Promise.all(attempts);
      expect(await on.other.list(prefixOf('n'), { limit: 100 })).toEqual(atClaim);
      expect(results.filter((result) => result.ok)).toHaveLength(atClaim.items.length);
      expect(results.filter((result) => !result.ok && result.why !== 'fenced')).toEqual([]);
    });
  });

  describe('lost replies', () => {
    it('cost an operation that names itself nothing and land it once', async () => {
      const fates: Fate[] = ['lost-before', 'lost-after', 'answered', 'lost-after', 'lost-before'];
      let turn = 0;
      const lossy = new LossyStore(on.store, () => fates[turn++ % fates.length] as Fate);
      const term = Term.parse(1);
      await untilAnswered(() => lossy.claimTerm(term, 'a'));
      const operations = Array.from({ length: 12 }, (_, n) => keyOf('op', `${n}`));
      await Promise.all(
        operations.map((operation) => untilAnswered(() => countOnce(lossy, term, operation))),
      );
      expect(Number(textOf((await on.other.get('count'))?.value))).toBe(operations.length);
      expect(await everything(on.other, prefixOf('op'), 5)).toHaveLength(operations.length);
      expect(turn).toBeGreaterThan(operations.length);
    });
  });

  describe('erasing remnants', () => {
    it('leaves everything that wasn’t deleted', async () => {
      const term = await on.lead(1);
      await landed(on.store, term, [put('a', 'kept'), put('b', 'gone')]);
      await landed(on.store, term, [{ del: 'b' }]);
      await on.store.eraseRemnants?.();
      expect(textOf((await on.other.get('a'))?.value)).toBe('kept');
      await landed(on.store, term, [put('b', 'again')]);
    });
  });
}

function revsOf(entries: readonly Entry[]): Record<string, number> {
  return Object.fromEntries(entries.map(({ key, rev }) => [key, rev]));
}

/** Repeats what may have to be repeated: whatever did not hear its answer. */
async function untilAnswered<T>(act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!isUnknownOutcome(error)) throw error;
    }
  }
}

/** The shape of every operation of the domain: one entry names the operation, another is what it changes. */
async function countOnce(store: Store, term: Term, operation: string): Promise<void> {
  for (;;) {
    if (await store.get(operation)) return;
    const count = await store.get('count');
    const next = Number(textOf(count?.value)) + 1;
    const result = await store.commit({
      term,
      expect: [
        { key: operation, rev: 0 },
        { key: 'count', rev: count?.rev ?? 0 },
      ],
      ops: [put(operation), put('count', `${next}`)],
    });
    if (result.ok) return;
  }
}
