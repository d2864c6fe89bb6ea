import {
  GRANT_LOG_ENTRIES_MAX,
  GRANTS_HELD_PER_OWNER_MAX,
  GRANTS_HELD_PER_PAIR_MAX,
  QUOTA_RETRY_AFTER_SECONDS,
  type Sha256,
  SWEEP_GRANTS_MAX,
  type Term,
  type Username,
  VIEW_OPEN_MS,
} from '@cloud-steg/protocol';
import { LossyStore } from '@cloud-steg/store';
import { describe, expect, it } from 'vitest';
import {
  amendGrant,
  createGrant,
  getGrant,
  listGrantEvents,
  listGrants,
  ownerKeyOf,
  registerUser,
  sweepGrants,
} from '../src/index.ts';
import {
  ALICE,
  BOB,
  CAROL,
  GRANT,
  id,
  keyOfUser,
  newGrant,
  nextAmendment,
  refusal,
  registration,
  START,
  signed,
  TERM,
  World,
} from './fixtures.ts';

const sweep = async (world: World) => (await sweepGrants(world.registry, TERM)).swept;

describe('a grant', () => {
  it('is taken in once, and its owner and recipient see it', async () => {
    const world = await World.create();
    const grant = await world.grant();
    expect(grant).toMatchObject({ views: 3, used: 0, left: 3, phase: 'active', log: [newGrant().entry] });
    expect(await createGrant(world.registry, TERM, newGrant())).toEqual(grant);
    expect(await getGrant(world.registry, GRANT, ALICE)).toEqual(grant);
    expect(await getGrant(world.registry, GRANT, BOB)).toEqual(grant);
    await expect(getGrant(world.registry, GRANT, CAROL)).rejects.toMatchObject(refusal('auth/forbidden'));
    await expect(getGrant(world.registry, id(5), ALICE)).rejects.toMatchObject(refusal('grant/unknown'));
  });

  it('that was made is answered again, though its recipient has gone', async () => {
    const world = await World.create();
    const grant = await world.grant();
    await world.store.commit({ term: TERM, expect: [], ops: [{ del: `u/${BOB}` }] });
    expect(await createGrant(world.registry, TERM, newGrant())).toEqual(grant);
    const another = newGrant({ grant: id(9) });
    await expect(createGrant(world.registry, TERM, another)).rejects.toMatchObject(
      refusal('identity/unknown'),
    );
  });

  it('does not change its content under the same id, whoever asks', async () => {
    const world = await World.create();
    await world.grant();
    await world.register(CAROL);
    const more = newGrant({ views: 100 });
    await expect(createGrant(world.registry, TERM, more)).rejects.toMatchObject(
      refusal('operation/conflict'),
    );
    const stolen = newGrant({ owner: CAROL, ownerKey: keyOfUser(CAROL) });
    await expect(createGrant(world.registry, TERM, stolen)).rejects.toMatchObject(
      refusal('operation/conflict'),
    );
  });

  it('brings the share that was signed, and names keys as they are registered', async () => {
    const world = await World.create();
    await world.register(ALICE);
    await world.register(BOB);
    const { registry } = world;
    const another = { ...newGrant(), sealedShare: new Uint8Array(80) };
    await expect(createGrant(registry, TERM, another)).rejects.toMatchObject(refusal('input/invalid'));
    const toMallory = newGrant({ recipientKey: keyOfUser('mallory') });
    await expect(createGrant(registry, TERM, toMallory)).rejects.toMatchObject(refusal('identity/changed'));
    const byMallory = newGrant({ ownerKey: keyOfUser('mallory') });
    await expect(createGrant(registry, TERM, byMallory)).rejects.toMatchObject(refusal('identity/changed'));
    await expect(createGrant(registry, TERM, newGrant({ recipient: CAROL }))).rejects.toMatchObject(
      refusal('identity/unknown'),
    );
    const over = newGrant({ expiresAt: world.time });
    await expect(createGrant(registry, TERM, over)).rejects.toMatchObject(refusal('grant/expired'));
  });

  it('is listed with its owner and with its recipient, page by page', async () => {
    const world = await World.create();
    await world.grant();
    for (let n = 1; n < 5; n++) {
      await createGrant(world.registry, TERM, newGrant({ grant: id(0x617 + n) }));
    }
    for (const [who, role] of [
      [ALICE, 'owner'],
      [BOB, 'recipient'],
    ] as const) {
      const first = await listGrants(world.registry, who, role, { limit: 3 });
      const second = await listGrants(world.registry, who, role, { limit: 3, after: first.next });
      expect([...first.items, ...second.items].map((grant) => grant.id)).toEqual(
        [0, 1, 2, 3, 4].map((n) => id(0x617 + n)),
      );
      expect(second.next).toBeUndefined();
    }
    expect((await listGrants(world.registry, BOB, 'owner', { limit: 3 })).items).toEqual([]);
  });
});

describe('amending a grant', () => {
  it('replaces its terms: more views, a new expiry', async () => {
    const world = await World.create();
    const { log } = await world.grant();
    const amended = await world.amend(log, { views: 7, expiresAt: START + 1000 });
    expect(amended).toMatchObject({ views: 7, left: 7, expiresAt: START + 1000, phase: 'active' });
    expect(amended.log).toHaveLength(2);
  });

  it('happens once for the same entry, also when answers are lost', async () => {
    let call = 0;
    const world = await World.create(
      (inner) => new LossyStore(inner, () => (call++ % 2 ? 'answered' : 'lost-after')),
    );
    const { log } = await world.grant();
    const first = await world.amend(log, { views: 7 });
    expect(await world.amend(log, { views: 7 })).toEqual(first);
    const events = await listGrantEvents(world.registry, GRANT, ALICE, { limit: 10 });
    expect(events.items.map(({ kind }) => kind)).toEqual(['created', 'amended']);
  });

  it('must build on the newest entry', async () => {
    const world = await World.create();
    const { log } = await world.grant();
    const { registry } = world;
    const forked = nextAmendment(log, { prev: '0'.repeat(64) as Sha256 });
    await expect(amendGrant(registry, TERM, signed(forked), forked)).rejects.toMatchObject(
      refusal('grant/out-of-order'),
    );
    const ahead = nextAmendment(log, { seq: 2 });
    await expect(amendGrant(registry, TERM, signed(ahead), ahead)).rejects.toMatchObject(
      refusal('grant/out-of-order'),
    );
    await world.amend(log, { views: 7 });
    await expect(world.amend(log, { views: 8 })).rejects.toMatchObject(refusal('grant/out-of-order'));
  });

  it('lets one of two amendments through that were made at the same time', async () => {
    const world = await World.create();
    const { log } = await world.grant();
    const other = nextAmendment(log, { views: 9 });
    const outcomes = await Promise.allSettled([
      world.amend(log, { views: 8 }),
      amendGrant(world.anotherRegistry(), TERM, signed(other), other),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('brings nothing back that has ended', async () => {
    const world = await World.create();
    const { log } = await world.grant({ expiresAt: START + 1000 });
    world.time += 1000;
    await expect(world.amend(log, { expiresAt: null })).rejects.toMatchObject(refusal('grant/ended'));
  });

  it('is bounded, but for revoking', async () => {
    const world = await World.create();
    let { log } = await world.grant();
    while (log.length < GRANT_LOG_ENTRIES_MAX) log = (await world.amend(log, { views: 5 })).log;
    await expect(world.amend(log, { views: 6 })).rejects.toMatchObject(refusal('input/too-large'));
    expect((await world.amend(log, { revoked: true })).phase).toBe('revoked');
  });

  it('bounds the bytes of the log too, but for revoking', async () => {
    const world = await World.create();
    let { log } = await world.grant();
    // Escaped twice over, this is as long as a stored entry of 4096 characters can be.
    const padding = '"'.repeat(1800);
    const padded = (change: Parameters<typeof nextAmendment>[1]) => {
      const amendment = nextAmendment(log, change);
      return amendGrant(world.registry, TERM, signed({ ...amendment, padding }), amendment);
    };
    for (let i = 0; i < 15; i++) log = (await padded({ views: 5 })).log;
    await expect(
      (async () => {
        for (;;) log = (await padded({ views: 5 })).log;
      })(),
    ).rejects.toMatchObject(refusal('input/too-large'));
    expect((await padded({ revoked: true })).phase).toBe('revoked');
  });

  it('is checked against the key that signed the grant, for its owner alone', async () => {
    const world = await World.create();
    await world.grant();
    await registerUser(world.registry, TERM, registration(CAROL));
    expect(await ownerKeyOf(world.registry, GRANT, ALICE)).toBe(keyOfUser(ALICE));
    await expect(ownerKeyOf(world.registry, GRANT, BOB)).rejects.toMatchObject(refusal('auth/forbidden'));
  });
});

describe('the number of grants', () => {
  const give = (world: World, n: number, to: Username = BOB) =>
    createGrant(world.registry, TERM, newGrant({ grant: id(n), recipient: to, recipientKey: keyOfUser(to) }));

  it('that have not ended is bounded for one recipient, and ending one makes room for one', async () => {
    const world = await World.create();
    const { log } = await world.grant({ views: 1 });
    await world.register(CAROL);
    for (let n = 1; n < GRANTS_HELD_PER_PAIR_MAX; n++) await give(world, n);
    await expect(give(world, 1000)).rejects.toMatchObject({
      code: 'rate/limited',
      hint: expect.stringContaining('revoke'),
      data: { retryAfterSeconds: QUOTA_RETRY_AFTER_SECONDS },
    });
    // What was made is answered again, and others can be given to.
    expect((await give(world, 1)).phase).toBe('active');
    await give(world, 2000, CAROL);

    await world.amend(log, { revoked: true });
    await give(world, 1000);
    await expect(give(world, 1001)).rejects.toMatchObject(refusal('rate/limited'));
  });

  it('counts those that are used up or expired no more once their share is erased', async () => {
    const world = await World.create();
    await world.grant({ views: 1 });
    for (let n = 1; n < GRANTS_HELD_PER_PAIR_MAX - 1; n++) await give(world, n);
    await createGrant(world.registry, TERM, newGrant({ grant: id(999), expiresAt: START + 1000 }));
    await expect(give(world, 1000)).rejects.toMatchObject(refusal('rate/limited'));
    await world.open(1);
    await world.close(1, 1);
    await give(world, 1000);
    world.time += 1000;
    await sweep(world);
    await give(world, 1001);
    await expect(give(world, 1002)).rejects.toMatchObject(refusal('rate/limited'));
  });

  it('is bounded for one owner, whoever they are for', async () => {
    const world = await World.create();
    await world.register(ALICE);
    const recipients = Array.from(
      { length: GRANTS_HELD_PER_OWNER_MAX / GRANTS_HELD_PER_PAIR_MAX + 1 },
      (_, n) => `friend${n}` as Username,
    );
    for (const name of recipients) await world.register(name);
    const [last = BOB, ...others] = recipients;
    for (const [i, name] of others.entries()) {
      for (let n = 0; n < GRANTS_HELD_PER_PAIR_MAX; n++)
        await give(world, i * GRANTS_HELD_PER_PAIR_MAX + n, name);
    }
    await expect(give(world, 0xffff, last)).rejects.toMatchObject({
      code: 'rate/limited',
      message: expect.stringContaining(`${GRANTS_HELD_PER_OWNER_MAX} grants`),
    });
  });

  it('is right though they are made at once, through two servers, with answers lost', async () => {
    let call = 0;
    const fates = ['answered', 'lost-after', 'lost-before'] as const;
    const world = await World.create((inner) => new LossyStore(inner, () => fates[call++ % 3] ?? 'answered'));
    await world.register(ALICE);
    await world.register(BOB);
    const registries = [world.registry, world.anotherRegistry()];
    const outcomes = await Promise.allSettled(
      Array.from({ length: GRANTS_HELD_PER_PAIR_MAX + 20 }, (_, n) =>
        createGrant(registries[n % 2] ?? world.registry, TERM, newGrant({ grant: id(n) })),
      ),
    );
    const made = outcomes.filter(({ status }) => status === 'fulfilled');
    expect(made.length).toBe(GRANTS_HELD_PER_PAIR_MAX);
  });
});

describe('the share of a grant', () => {
  it('is erased with its revocation', async () => {
    const world = await World.create();
    const { log } = await world.grant();
    expect(await world.shareHeld()).toBe(true);
    await world.amend(log, { revoked: true });
    expect(await world.shareHeld()).toBe(false);
    const events = await listGrantEvents(world.registry, GRANT, BOB, { limit: 10 });
    expect(events.items.map(({ seq, kind }) => [seq, kind])).toEqual([
      [0, 'created'],
      [1, 'amended'],
      [2, 'share-erased'],
    ]);
  });

  it('is erased by the sweep after its expiry', async () => {
    const world = await World.create();
    await world.grant({ expiresAt: START + 1000 });
    world.time += 999;
    expect(await sweep(world)).toBe(0);
    expect(await world.shareHeld()).toBe(true);
    world.time += 1;
    expect(await sweep(world)).toBe(1);
    expect(await world.shareHeld()).toBe(false);
    expect(await sweep(world)).toBe(0);
  });

  it('follows an amended expiry', async () => {
    const world = await World.create();
    const { log } = await world.grant({ expiresAt: START + 1000 });
    await world.amend(log, { expiresAt: START + 9000 });
    world.time += 5000;
    expect(await sweep(world)).toBe(0);
    world.time += 4000;
    expect(await sweep(world)).toBe(1);
  });

  it('once erased has ended the grant, though the next leader’s clock is behind', async () => {
    const world = await World.create();
    const { log } = await world.grant({ expiresAt: START + 60_000 });
    world.time += 60_000;
    expect(await sweep(world)).toBe(1);

    world.time -= 30_000;
    expect(await getGrant(world.registry, GRANT, BOB)).toMatchObject({ phase: 'expired', left: 0 });
    await expect(world.open(1)).rejects.toMatchObject(refusal('grant/expired'));
    await expect(world.amend(log, { expiresAt: null })).rejects.toMatchObject(refusal('grant/ended'));
    expect((await getGrant(world.registry, GRANT, BOB)).used).toBe(0);
  });

  it('is erased though other grants, more than a sweep takes, are damaged', async () => {
    const world = await World.create();
    const damaged = SWEEP_GRANTS_MAX + 1;
    await world.register(ALICE);
    await world.register(BOB);
    for (let n = 1; n <= damaged; n++) {
      await createGrant(world.registry, TERM, newGrant({ grant: id(n), expiresAt: START + n }));
    }
    await world.grant({ expiresAt: START + 500 });
    await world.store.commit({
      term: TERM,
      expect: [],
      ops: Array.from({ length: damaged }, (_, n) => ({
        put: `g/alice/${id(n + 1)}`,
        value: new TextEncoder().encode('{}'),
      })),
    });
    world.time += 1000;
    const { swept, failures } = await sweepGrants(world.registry, TERM);
    expect(swept).toBe(1);
    expect(await world.shareHeld()).toBe(false);
    expect(failures.map(({ grant, error }) => [grant, error.code])).toEqual(
      Array.from({ length: damaged }, (_, n) => [id(n + 1), 'store/damaged']),
    );
  });

  it('is not looked for again where no grant is left', async () => {
    const world = await World.create();
    await world.grant({ expiresAt: START + 1000 });
    await world.store.commit({ term: TERM, expect: [], ops: [{ del: `gid/${GRANT}` }] });
    world.time += 1000;
    expect(await sweep(world)).toBe(1);
    expect(await sweep(world)).toBe(0);
  });

  it('is left to the next leader by one whose term is over', async () => {
    const world = await World.create();
    await world.grant({ expiresAt: START + 1000 });
    await world.store.claimTerm(2 as Term, '127.0.0.1:5002');
    world.time += 1000;
    await expect(sweepGrants(world.registry, TERM)).rejects.toMatchObject(refusal('cluster/fenced'));
    expect(await world.shareHeld()).toBe(true);
  });

  it('goes for no more grants in one sweep than are allowed', async () => {
    const world = await World.create();
    await world.grant({ expiresAt: START + 1 });
    for (let n = 1; n <= SWEEP_GRANTS_MAX; n++) {
      await createGrant(world.registry, TERM, newGrant({ grant: id(n), expiresAt: START + 1 }));
    }
    world.time += 1;
    expect(await sweep(world)).toBe(SWEEP_GRANTS_MAX);
    expect(await sweep(world)).toBe(1);
    expect(await sweep(world)).toBe(0);
  });

  it('stays while a view is open, and goes when that is closed', async () => {
    const world = await World.create();
    const { log } = await world.grant();
    await world.open(1);
    await world.amend(log, { revoked: true });
    expect(await world.shareHeld()).toBe(true);
    await world.close(1, 1);
    expect(await world.shareHeld()).toBe(false);
  });

  it('goes by the sweep when the open view lapses instead', async () => {
    const world = await World.create();
    await world.grant({ views: 1 });
    await world.open(1);
    world.time += VIEW_OPEN_MS - 1;
    expect(await sweep(world)).toBe(0);
    expect(await world.shareHeld()).toBe(true);
    world.time += 1;
    expect(await sweep(world)).toBe(1);
    expect(await world.shareHeld()).toBe(false);
  });

  it('outlives the grant’s expiry by what is left of an open view', async () => {
    const world = await World.create();
    await world.grant({ expiresAt: START + 1000 });
    await world.open(1);
    world.time += 1000;
    expect(await sweep(world)).toBe(0);
    expect((await world.open(1)).n).toBe(1);
    await world.close(1, 1);
    expect(await world.shareHeld()).toBe(false);
  });

  it('stays for an open view though another one, long lapsed, is closed late', async () => {
    const world = await World.create();
    await world.grant({ views: 2 });
    await world.open(1);
    world.time += VIEW_OPEN_MS;
    await world.open(2);
    await world.close(1, 1);
    expect(await world.shareHeld()).toBe(true);
    expect((await world.open(2)).n).toBe(2);
  });

  it('leaves no remnant behind once the sweep has asked the store to remove them', async () => {
    let asked = 0;
    const world = await World.create((inner) => {
      const lossless = new LossyStore(inner, () => 'answered');
      lossless.eraseRemnants = async () => {
        asked += 1;
      };
      return lossless;
    });
    const { log } = await world.grant();
    await sweepGrants(world.registry, TERM);
    // For what an earlier process may have left.
    expect(asked).toBe(1);
    await sweepGrants(world.registry, TERM);
    expect(asked).toBe(1);
    await world.amend(log, { revoked: true });
    await sweepGrants(world.registry, TERM);
    expect(asked).toBe(2);
  });
});
