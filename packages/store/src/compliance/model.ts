/** Compliance: any sequence of calls answers as a map in memory would. */

import { Term } from '@cloud-steg/protocol';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareKeys, type Key, TERM_KEY } from '../key.ts';
import { keyOfOp, type Op, type Store, type Versioned } from '../store.ts';
import { keysOf, type StoreUnderTest } from './store-under-test.ts';

const RUNS = 40;
const COMMANDS_MAX = 40;
const KEYS: readonly Key[] = ['a', 'a/b', 'a%2Fb', 'b\u{ffee}', 'b\u{1f600}', 'c'];

/** What the store should hold. Its revisions are learnt from its answers, and must rise. */
interface Model {
  entries: Map<Key, Versioned>;
  term: number;
  leader: string;
  rev: number;
}

type Clients = readonly [Store, Store];
type Command = fc.AsyncCommand<Model, Clients>;
/** Which client acts: what one has done, the other must see. */
type Actor = 0 | 1;

const actors = fc.constantFrom<Actor>(0, 1);
const keys = fc.constantFrom(...KEYS);
const ops: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ put: keys, value: fc.uint8Array({ maxLength: 20 }) }),
  fc.record({ del: keys }),
);

export function describeModel(setUp: () => Promise<StoreUnderTest>): void {
  it('answers as a map in memory would', { timeout: 120_000 }, async () => {
    expect.hasAssertions();
    const commands = fc.commands(
      [
        fc
          .tuple(actors, fc.integer({ min: 1, max: 4 }), fc.constantFrom('a', 'b'))
          .map((args) => claim(...args)),
        fc
          .tuple(
            actors,
            fc.constantFrom(0, 0, 0, 0, -1, 1),
            fc.uniqueArray(
              fc.record({ key: keys, rev: fc.constantFrom<RevClass>('right', 'right', 'right', 'wrong') }),
              {
                selector: ({ key }) => key,
              },
            ),
            fc.uniqueArray(ops, { selector: keyOfOp, minLength: 1 }),
          )
          .map((args) => commit(...args)),
        fc.tuple(actors, keys).map((args) => get(...args)),
        fc
          .tuple(
            actors,
            fc.constantFrom('', 'a', 'a/', 'b', 'd'),
            fc.integer({ min: 1, max: 7 }),
            fc.option(keys, { nil: undefined }),
          )
          .map((args) => list(...args)),
      ],
      { maxCommands: COMMANDS_MAX },
    );
    await fc.assert(
      fc.asyncProperty(commands, async (sequence) => {
        const under = await setUp();
        try {
          const real: Clients = [await under.open(), await under.open()];
          const model: Model = { entries: new Map(), term: 0, leader: '', rev: 0 };
          await fc.asyncModelRun(() => ({ model, real }), sequence);
        } finally {
          await under.dispose();
        }
      }),
      { numRuns: RUNS },
    );
  });
}

function claim(by: Actor, term: number, leader: string): Command {
  return {
    check: () => true,
    toString: () => `claim(${by}, ${term}, ${leader})`,
    async run(model, clients) {
      const repeated = term === model.term && leader === model.leader;
      expect(await clients[by].claimTerm(Term.parse(term), leader)).toBe(term > model.term || repeated);
      if (term > model.term) Object.assign(model, { term, leader });
    },
  };
}

type RevClass = 'right' | 'wrong';

function commit(
  by: Actor,
  termOffset: number,
  guards: { key: Key; rev: RevClass }[],
  changes: Op[],
): Command {
  return {
    check: () => true,
    toString: () => `commit(${by}, ${termOffset}, ${JSON.stringify(guards)}, ${changes.map(keyOfOp).join()})`,
    async run(model, clients) {
      const term = Math.max(0, model.term + termOffset);
      const expected = guards.map(({ key, rev }) => {
        const standing = model.entries.get(key)?.rev ?? 0;
        return { key, rev: rev === 'right' ? standing : standing + 1 };
      });
      const result = await clients[by].commit({ term: Term.parse(term), expect: expected, ops: changes });
      expect(result).toEqual(outcomeOf(model, term, guards));
      if (result.ok) applyTo(model, changes, result.rev);
    },
  };
}

function outcomeOf(model: Model, term: number, guards: { rev: RevClass }[]) {
  if (term !== model.term || term === 0) return { ok: false, why: 'fenced' };
  if (guards.some(({ rev }) => rev === 'wrong')) return { ok: false, why: 'conflict' };
  return { ok: true, rev: expect.any(Number) };
}

function applyTo(model: Model, changes: Op[], rev: number): void {
  const changing = changes.some((op) => 'put' in op || model.entries.has(op.del));
  expect(rev).toBeGreaterThanOrEqual(changing ? model.rev + 1 : model.rev);
  model.rev = rev;
  for (const op of changes) {
    if ('put' in op) model.entries.set(op.put, { value: op.value, rev });
    else model.entries.delete(op.del);
  }
}

function get(by: Actor, key: Key): Command {
  return {
    check: () => true,
    toString: () => `get(${by}, ${key})`,
    async run(model, clients) {
      expect(await clients[by].get(key)).toEqual(model.entries.get(key));
    },
  };
}

function list(by: Actor, prefix: string, limit: number, after: Key | undefined): Command {
  return {
    check: () => true,
    toString: () => `list(${by}, ${JSON.stringify(prefix)}, ${limit}, ${after})`,
    async run(model, clients) {
      const page = await clients[by].list(prefix, { limit, after });
      const present = [...model.entries.keys(), ...(model.term > 0 ? [TERM_KEY] : [])];
      const matching = present
        .filter((key) => key.startsWith(prefix) && (after === undefined || compareKeys(key, after) > 0))
        .sort(compareKeys);
      expect(keysOf(page.items)).toEqual(matching.slice(0, limit));
      expect(page.more).toBe(matching.length > limit);
      expect(page.rev).toBeGreaterThanOrEqual(model.rev);
      for (const { key, value, rev } of page.items.filter(({ key }) => key !== TERM_KEY)) {
        expect({ value, rev }).toEqual(model.entries.get(key));
      }
    },
  };
}
