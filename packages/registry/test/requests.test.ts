import {
  REQUESTS_PENDING_PER_OWNER_MAX,
  REQUESTS_PENDING_PER_PAIR_MAX,
  type Username,
} from '@cloud-steg/protocol';
import { LossyStore } from '@cloud-steg/store';
import { describe, expect, it } from 'vitest';
import {
  countPending,
  createGrant,
  denyRequest,
  fileRequest,
  listRequests,
  registerUser,
} from '../src/index.ts';
import {
  ALICE,
  BOB,
  CAROL,
  GRANT,
  id,
  newGrant,
  refusal,
  registration,
  request,
  signed,
  TERM,
  World,
} from './fixtures.ts';

async function withAliceAndBob(world: World): Promise<World> {
  await world.register(ALICE);
  await world.register(BOB);
  return world;
}

function file({ registry }: World, n: number, change: Parameters<typeof request>[1] = {}) {
  const asked = request(n, change);
  return fileRequest(registry, TERM, signed(asked), asked);
}

describe('a request', () => {
  it('waits for its owner, once however often it is filed', async () => {
    const world = await withAliceAndBob(await World.create());
    await file(world, 1);
    await file(world, 1);
    expect(await countPending(world.registry, ALICE)).toBe(1);
    const page = await listRequests(world.registry, ALICE, { limit: 10 });
    expect(page).toEqual({ items: [{ request: signed(request(1)), state: 'pending', grant: null }] });
  });

  it('counts once though answers of the store are lost', async () => {
    let call = 0;
    const world = await withAliceAndBob(
      await World.create((inner) => new LossyStore(inner, () => (call++ % 2 ? 'answered' : 'lost-after'))),
    );
    await file(world, 1);
    await denyRequest(world.registry, TERM, ALICE, id(1));
    await file(world, 2);
    expect(await countPending(world.registry, ALICE)).toBe(1);
  });

  it('does not change its content', async () => {
    const world = await withAliceAndBob(await World.create());
    await file(world, 1);
    await expect(file(world, 1, { message: 'please' })).rejects.toMatchObject(refusal('operation/conflict'));
  });

  it('is for a picture that its owner shows', async () => {
    const world = await withAliceAndBob(await World.create());
    await expect(file(world, 1, { imageIndex: 1 })).rejects.toMatchObject(refusal('image/no-such-index'));
    await expect(file(world, 1, { to: CAROL })).rejects.toMatchObject(refusal('identity/unknown'));
  });

  it('that was filed is answered again, though its owner shows the picture no more', async () => {
    const world = await withAliceAndBob(await World.create());
    const filed = await file(world, 1);
    await registerUser(world.registry, TERM, registration(ALICE, { seq: 2 }));
    expect(await file(world, 1)).toEqual(filed);
    await expect(file(world, 2)).rejects.toMatchObject(refusal('image/no-such-index'));
  });

  it('is denied once, and not after it was granted', async () => {
    const world = await withAliceAndBob(await World.create());
    const { registry } = world;
    await file(world, 1);
    await denyRequest(registry, TERM, ALICE, id(1));
    await denyRequest(registry, TERM, ALICE, id(1));
    expect(await countPending(registry, ALICE)).toBe(0);
    await expect(denyRequest(registry, TERM, BOB, id(1))).rejects.toMatchObject(refusal('request/unknown'));

    await file(world, 2);
    await createGrant(registry, TERM, newGrant({ requestId: id(2) }));
    expect(await countPending(registry, ALICE)).toBe(0);
    const { items } = await listRequests(registry, ALICE, { limit: 10 });
    expect(items.map(({ state, grant }) => [state, grant])).toEqual([
      ['denied', null],
      ['approved', GRANT],
    ]);
    await expect(denyRequest(registry, TERM, ALICE, id(2))).rejects.toMatchObject(
      refusal('request/answered'),
    );
  });

  it('is granted to nobody but who had asked', async () => {
    const world = await withAliceAndBob(await World.create());
    await world.register(CAROL);
    await file(world, 1, { from: CAROL });
    await expect(createGrant(world.registry, TERM, newGrant({ requestId: id(1) }))).rejects.toMatchObject(
      refusal('input/invalid'),
    );
    expect(await world.shareHeld()).toBe(false);
  });

  it('may be granted after a denial, and is not counted as answered twice', async () => {
    const world = await withAliceAndBob(await World.create());
    await file(world, 1);
    await file(world, 2);
    await denyRequest(world.registry, TERM, ALICE, id(1));
    await createGrant(world.registry, TERM, newGrant({ requestId: id(1) }));
    expect(await countPending(world.registry, ALICE)).toBe(1);
  });

  it('may have gone straight to the owner, unknown to the cluster', async () => {
    const world = await withAliceAndBob(await World.create());
    const grant = await createGrant(world.registry, TERM, newGrant({ requestId: id(77) }));
    expect(grant.phase).toBe('active');
  });

  it('is turned away when too many of its author’s wait, or of everyone’s', async () => {
    const world = await withAliceAndBob(await World.create());
    const requesters = REQUESTS_PENDING_PER_OWNER_MAX / REQUESTS_PENDING_PER_PAIR_MAX;
    let n = 0;
    for (let r = 0; r < requesters; r++) {
      const from = `user${r}` as Username;
      for (let i = 0; i < REQUESTS_PENDING_PER_PAIR_MAX; i++) await file(world, n++, { from });
      await expect(file(world, n, { from })).rejects.toMatchObject(refusal('rate/limited'));
    }
    await expect(file(world, n)).rejects.toMatchObject(refusal('rate/limited'));
    await denyRequest(world.registry, TERM, ALICE, id(0));
    await file(world, n);
    expect(await countPending(world.registry, ALICE)).toBe(REQUESTS_PENDING_PER_OWNER_MAX);
  });

  it('is listed page by page, none twice and none left out', async () => {
    const world = await withAliceAndBob(await World.create());
    for (let n = 0; n < 7; n++) await file(world, n);
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await listRequests(world.registry, ALICE, { limit: 3, after });
      seen.push(...page.items.map(({ request }) => request.text));
      after = page.next;
    } while (after);
    expect(seen).toEqual(Array.from({ length: 7 }, (_, n) => signed(request(n)).text));
  });
});
