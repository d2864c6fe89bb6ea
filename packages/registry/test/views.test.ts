import { type Term, VIEW_OPEN_MS, type ViewReceipt } from '@cloud-steg/protocol';
import { LossyStore } from '@cloud-steg/store';
import { describe, expect, it } from 'vitest';
import { closeView, getGrant, listGrantEvents, openView } from '../src/index.ts';
import {
  ALICE,
  BOB,
  CAROL,
  callerOf,
  GRANT,
  id,
  keyOfUser,
  refusal,
  SHARE,
  START,
  signed,
  TERM,
  World,
} from './fixtures.ts';

const used = async (world: World) => (await getGrant(world.registry, GRANT, ALICE)).used;

describe('opening', () => {
  it('spends one view and releases the share', async () => {
    const world = await World.create();
    await world.grant();
    const opened = await world.open(1);
    expect(opened).toMatchObject({ n: 1, grant: { used: 1, left: 2, lastOpenedAt: START } });
    expect(opened.sealedShare).toEqual(SHARE);
  });

  it('answers a repeated call again, at no cost', async () => {
    const world = await World.create();
    await world.grant();
    const first = await world.open(1);
    await world.open(2);
    expect(await world.open(1)).toMatchObject({ n: first.n, sealedShare: SHARE });
    expect(await used(world)).toBe(2);
  });

  it('answers a repeated call even after the grant has been revoked or used up', async () => {
    const world = await World.create();
    const { log } = await world.grant({ views: 1 });
    await world.open(1);
    expect((await world.open(1)).sealedShare).toEqual(SHARE);
    await expect(world.open(2)).rejects.toMatchObject(refusal('grant/exhausted'));
    await expect(world.amend(log, { revoked: true })).rejects.toMatchObject(refusal('grant/ended'));
    expect((await world.open(1)).sealedShare).toEqual(SHARE);
  });

  it('does not repeat for another key, or after the view has lapsed', async () => {
    const world = await World.create();
    await world.grant();
    await world.open(1);
    const otherKey = world.open(1, BOB, world.registry, keyOfUser('another'));
    await expect(otherKey).rejects.toMatchObject(refusal('operation/conflict'));
    world.time += VIEW_OPEN_MS;
    await expect(world.open(1)).rejects.toMatchObject(refusal('view/closed'));
    expect(await used(world)).toBe(1);
  });

  it('is for the named recipient with the named key; strangers and even the owner spend nothing', async () => {
    const world = await World.create();
    await world.grant();
    await expect(world.open(1, CAROL)).rejects.toMatchObject(refusal('auth/forbidden'));
    await expect(world.open(1, ALICE)).rejects.toMatchObject(refusal('auth/forbidden'));
    const impostor = { username: BOB, key: keyOfUser('mallory') };
    const view = { viewId: id(1), key: keyOfUser('view') };
    await expect(openView(world.registry, TERM, impostor, GRANT, view)).rejects.toMatchObject(
      refusal('auth/forbidden'),
    );
    expect(await used(world)).toBe(0);
    const nobodys = openView(world.registry, TERM, callerOf(BOB), id(99), view);
    await expect(nobodys).rejects.toMatchObject(refusal('grant/unknown'));
  });

  it('is refused once revoked, expired or used up, in that order, and costs nothing', async () => {
    const world = await World.create();
    await world.grant({ views: 1, expiresAt: START + 1000 });
    await world.open(1);
    await expect(world.open(2)).rejects.toMatchObject(refusal('grant/exhausted'));
    world.time += 1000;
    await expect(world.open(2)).rejects.toMatchObject(refusal('grant/expired'));
    expect(await used(world)).toBe(1);

    const revoked = await World.create();
    await revoked.grant({ views: 2, expiresAt: START + 1000 });
    await revoked.amend((await getGrant(revoked.registry, GRANT, ALICE)).log, {
      revoked: true,
      expiresAt: START + 1000,
    });
    revoked.time += 1000;
    await expect(revoked.open(1)).rejects.toMatchObject(refusal('grant/revoked'));
    expect(await used(revoked)).toBe(0);
  });

  it('spends exactly 10 views of 10 when 100 callers race', async () => {
    const world = await World.create();
    await world.grant({ views: 10 });
    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, (_, n) => world.open(n)));
    const opened = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value.n] : []));
    expect(opened.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await used(world)).toBe(10);
  });

  it('makes 100 callers wait for each other rather than give up', async () => {
    const world = await World.create();
    await world.grant({ views: 100 });
    const opened = await Promise.all(Array.from({ length: 100 }, (_, n) => world.open(n)));
    expect(new Set(opened.map(({ n }) => n)).size).toBe(100);
  });

  it('spends exactly 10 of 10 through several servers at once, with every third answer lost', async () => {
    let call = 0;
    const fates = ['answered', 'lost-after', 'answered', 'answered', 'lost-before', 'answered'] as const;
    const world = await World.create();
    await world.grant({ views: 10 });
    const registries = [1, 2, 3].map(() =>
      world.anotherRegistry(new LossyStore(world.store, () => fates[call++ % fates.length] ?? 'answered')),
    );
    const outcomes = await Promise.allSettled(
      Array.from({ length: 99 }, (_, n) => world.open(n % 33, BOB, registries[n % 3])),
    );
    const spent = new Map<number, number>();
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') spent.set(outcome.value.n, i % 33);
    }
    expect([...spent.keys()].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(new Set(spent.values()).size).toBe(10);
    expect(await used(world)).toBe(10);
    const events = await listGrantEvents(world.registry, GRANT, ALICE, { limit: 500 });
    expect(events.items.filter(({ kind }) => kind === 'opened')).toHaveLength(10);
  });

  it('is not done by a leader whose term is over', async () => {
    const world = await World.create();
    await world.grant();
    await world.store.claimTerm(2 as Term, '127.0.0.1:5002');
    await expect(world.open(1)).rejects.toMatchObject(refusal('cluster/fenced'));
    expect(await used(world)).toBe(0);
  });

  it('says so when the store never tells what became of it', async () => {
    const world = await World.create();
    await world.grant();
    const silent = world.anotherRegistry(new LossyStore(world.store, () => 'lost-before'));
    await expect(world.open(1, BOB, silent)).rejects.toMatchObject(refusal('store/unknown-outcome'));
    expect((await world.open(1)).n).toBe(1);
  });
});

describe('closing', () => {
  it('belongs to the first nonce, which may repeat it', async () => {
    const world = await World.create();
    await world.grant();
    await world.open(1);
    const closed = await world.close(1, 1, 'aa');
    expect(await world.close(1, 1, 'aa')).toEqual(closed);
    await expect(world.close(1, 1, 'bb')).rejects.toMatchObject(refusal('view/closed'));
    await expect(world.open(1)).rejects.toMatchObject(refusal('view/closed'));
    expect(await used(world)).toBe(1);
  });

  it('lets one of two nonces win that come at the same moment', async () => {
    const world = await World.create();
    await world.grant();
    await world.open(1);
    const outcomes = await Promise.allSettled([world.close(1, 1, 'aa'), world.close(1, 1, 'bb')]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('gives the owner the viewer’s receipt', async () => {
    const world = await World.create();
    await world.grant({ views: 1 });
    await world.open(1);
    await world.close(1, 1);
    const first = await listGrantEvents(world.registry, GRANT, ALICE, { limit: 2 });
    const second = await listGrantEvents(world.registry, GRANT, ALICE, { limit: 2, after: first.next });
    expect(first.next).toBe('1');
    expect([...first.items, ...second.items].map(({ seq, kind, n }) => [seq, kind, n])).toEqual([
      [0, 'created', undefined],
      [1, 'opened', 1],
      [2, 'closed', 1],
      [3, 'share-erased', undefined],
    ]);
    expect(JSON.parse(second.items[0]?.receipt?.text ?? '')).toMatchObject({ n: 1, viewer: BOB });
    await expect(listGrantEvents(world.registry, GRANT, CAROL, { limit: 2 })).rejects.toMatchObject(
      refusal('auth/forbidden'),
    );
    await expect(
      listGrantEvents(world.registry, GRANT, ALICE, { limit: 2, after: 'x' }),
    ).rejects.toMatchObject(refusal('input/invalid'));
  });

  it('wants a receipt of this very view, and a view that was opened', async () => {
    const world = await World.create();
    await world.grant();
    await expect(world.close(1, 1)).rejects.toMatchObject(refusal('view/unknown'));
    await world.open(1);
    await expect(world.close(1, 2)).rejects.toMatchObject(refusal('input/invalid'));
    const receipt: ViewReceipt = {
      v: 1,
      grant: GRANT,
      viewId: id(1),
      n: 1,
      viewer: CAROL,
      at: START,
    };
    const closing = { nonce: 'aa', receipt, signedReceipt: signed(receipt) };
    const byCarol = closeView(world.registry, TERM, callerOf(CAROL), GRANT, receipt.viewId, closing);
    await expect(byCarol).rejects.toMatchObject(refusal('auth/forbidden'));
    const forCarol = closeView(world.registry, TERM, callerOf(BOB), GRANT, receipt.viewId, closing);
    await expect(forCarol).rejects.toMatchObject(refusal('input/invalid'));
  });

  it('is still possible after the view has lapsed', async () => {
    const world = await World.create();
    await world.grant();
    await world.open(1);
    world.time += 2 * VIEW_OPEN_MS;
    expect((await world.close(1, 1)).used).toBe(1);
  });
});
