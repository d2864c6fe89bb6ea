import { AppError, type Username, VIEW_OPEN_MS } from '@cloud-steg/protocol';
import { type Fate, LossyStore } from '@cloud-steg/store';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { getGrant, listGrantEvents, sweepGrants } from '../src/index.ts';
import { ALICE, BOB, CAROL, GRANT, keyOfUser, SHARE, START, TERM, World } from './fixtures.ts';

type Step =
  | { do: 'open'; view: number; key: number; who: Username }
  | { do: 'close'; view: number; nonce: string }
  | { do: 'amend'; views: number; expiresIn: number | null; revoked: boolean }
  | { do: 'wait'; ms: number }
  | { do: 'sweep' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('open' as const),
      view: fc.integer({ min: 0, max: 7 }),
      key: fc.constantFrom(0, 0, 0, 1),
      who: fc.constantFrom(BOB, BOB, BOB, BOB, CAROL, ALICE),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('close' as const),
      view: fc.integer({ min: 0, max: 7 }),
      nonce: fc.constantFrom('aa', 'bb'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('amend' as const),
      views: fc.integer({ min: 1, max: 6 }),
      expiresIn: fc.constantFrom(null, 1, VIEW_OPEN_MS, 3 * VIEW_OPEN_MS),
      revoked: fc.constantFrom(false, false, false, true),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1, VIEW_OPEN_MS / 2, VIEW_OPEN_MS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sweep' as const) }) },
);

/** What a grant should do, in the plainest words: one pass over everything that ever happened to it. */
class Model {
  now = START;
  views = 3;
  expiresAt: number | null = null;
  revoked = false;
  readonly opened = new Map<number, { n: number; key: number; at: number; nonce?: string }>();

  get phase(): string {
    if (this.revoked) return 'revoked';
    if (this.expiresAt !== null && this.now >= this.expiresAt) return 'expired';
    return this.opened.size >= this.views ? 'exhausted' : 'active';
  }

  isOpen({ at, nonce }: { at: number; nonce?: string }): boolean {
    return nonce === undefined && this.now < at + VIEW_OPEN_MS;
  }

  /** The number of the view, the code of the refusal, or "done". */
  apply(step: Step): number | string {
    switch (step.do) {
      case 'open': {
        if (step.who !== BOB) return 'auth/forbidden';
        const known = this.opened.get(step.view);
        if (known) {
          if (known.key !== step.key) return 'operation/conflict';
          return this.isOpen(known) ? known.n : 'view/closed';
        }
        if (this.phase !== 'active') return `grant/${this.phase}`;
        const n = this.opened.size + 1;
        this.opened.set(step.view, { n, key: step.key, at: this.now });
        return n;
      }
      case 'close': {
        const known = this.opened.get(step.view);
        if (!known) return 'view/unknown';
        known.nonce ??= step.nonce;
        return known.nonce === step.nonce ? 'done' : 'view/closed';
      }
      case 'amend':
        if (this.phase !== 'active') return 'grant/ended';
        this.views = step.views;
        this.expiresAt = step.expiresIn === null ? null : this.now + step.expiresIn;
        this.revoked = step.revoked;
        break;
      case 'wait':
        this.now += step.ms;
        break;
      case 'sweep':
        break;
    }
    return 'done';
  }
}

async function perform(world: World, model: Model, step: Step): Promise<number | string> {
  switch (step.do) {
    case 'open': {
      const key = keyOfUser(`view ${step.view} ${step.key}`);
      const opened = await world.open(step.view, step.who, world.registry, key);
      return Buffer.compare(opened.sealedShare, SHARE) === 0 ? opened.n : 'another share';
    }
    case 'close':
      await world.close(step.view, model.opened.get(step.view)?.n ?? 1, step.nonce);
      break;
    case 'amend': {
      const { log } = await getGrant(world.registry, GRANT, ALICE);
      const expiresAt = step.expiresIn === null ? null : world.time + step.expiresIn;
      await world.amend(log, { views: step.views, revoked: step.revoked, expiresAt });
      break;
    }
    case 'wait':
      world.time += step.ms;
      break;
    case 'sweep':
      await sweepGrants(world.registry, TERM);
      break;
  }
  return 'done';
}

describe('a grant', () => {
  it('lives as its model does, with answers of the store lost now and then', async () => {
    const fates = fc.infiniteStream(
      fc.constantFrom<Fate>('answered', 'answered', 'answered', 'lost-before', 'lost-after'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fates, async (steps, fates) => {
        const world = await World.create(
          (inner) => new LossyStore(inner, () => fates.next().value ?? 'answered'),
        );
        await world.grant({ views: 3 });
        const model = new Model();
        for (const step of steps) {
          const outcome = await perform(world, model, step).catch((thrown: unknown) => {
            if (thrown instanceof AppError) return thrown.code;
            throw thrown;
          });
          expect({ step, outcome }).toEqual({ step, outcome: model.apply(step) });
          await compare(world, model, step);
        }
        await checkHistory(world, model);
      }),
      { numRuns: 300 },
    );
  });
});

async function compare(world: World, model: Model, step: Step): Promise<void> {
  const grant = await getGrant(world.registry, GRANT, BOB);
  expect(grant).toMatchObject({ used: model.opened.size, views: model.views, phase: model.phase });

  const held = await world.shareHeld();
  const views = [...model.opened.values()];
  const wanted = model.phase === 'active' || views.some((view) => model.isOpen(view));
  const allClosed = views.every(({ nonce }) => nonce !== undefined);
  const allLapsed = views.every(({ at }) => model.now >= at + VIEW_OPEN_MS);
  const due = step.do === 'sweep' && model.phase !== 'active' && (allClosed || allLapsed);
  expect({ erasedTooEarly: wanted && !held, heldTooLong: due && held }).toEqual({
    erasedTooEarly: false,
    heldTooLong: false,
  });
}

async function checkHistory(world: World, model: Model): Promise<void> {
  const { items } = await listGrantEvents(world.registry, GRANT, ALICE, { limit: 500 });
  expect(items.map(({ seq }) => seq)).toEqual(items.map((_, i) => i));
  const numbers = (kind: string) => items.filter((event) => event.kind === kind).map(({ n }) => n);
  expect(numbers('opened')).toEqual([...model.opened.values()].map(({ n }) => n));
  const closed = [...model.opened.values()].filter(({ nonce }) => nonce !== undefined);
  expect(new Set(numbers('closed'))).toEqual(new Set(closed.map(({ n }) => n)));
  expect(numbers('share-erased').length).toBe((await world.shareHeld()) ? 0 : 1);
}
