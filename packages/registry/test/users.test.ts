import {
  IMAGES_PER_USER_MAX,
  PAGE_BYTES_MAX,
  PREVIEW_BYTES_MAX,
  type Term,
  type Username,
} from '@cloud-steg/protocol';
import { LossyStore } from '@cloud-steg/store';
import { describe, expect, it } from 'vitest';
import { findPreview, findUser, getUsers, registerUser } from '../src/index.ts';
import {
  ALICE,
  BOB,
  imagesOf,
  keyOfUser,
  preview,
  refusal,
  registration,
  sha256,
  TERM,
  World,
} from './fixtures.ts';

describe('a name', () => {
  it('belongs to the first key that registers it', async () => {
    const { registry } = await World.create();
    const first = await registerUser(registry, TERM, registration(ALICE));
    expect(first.created).toBe(true);
    await expect(
      registerUser(registry, TERM, registration(ALICE, { key: keyOfUser('mallory'), seq: 9 })),
    ).rejects.toMatchObject(refusal('identity/exists'));
    expect((await findUser(registry, ALICE))?.ed25519).toBe(keyOfUser(ALICE));
  });

  it('goes to one of two keys that ask at the same moment, through different servers', async () => {
    const world = await World.create();
    const outcomes = await Promise.allSettled([
      registerUser(world.registry, TERM, registration(ALICE)),
      registerUser(world.anotherRegistry(), TERM, registration(ALICE, { key: keyOfUser('mallory') })),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('keeps what its key registers later: pictures, addresses, a newer record', async () => {
    const { registry } = await World.create();
    await registerUser(registry, TERM, registration(ALICE));
    const again = registration(ALICE, { seq: 2, images: imagesOf(ALICE, 2) });
    const { created, user } = await registerUser(registry, TERM, again);
    expect(created).toBe(false);
    expect(user.seq).toBe(2);
    expect(await findUser(registry, ALICE)).toEqual(user);
    expect(user.images).toEqual(again.images);
  });

  it('answers a registration that is repeated as it did the first time', async () => {
    const world = await World.create();
    const first = registration(ALICE, { images: imagesOf(ALICE, 1) });
    const taken = await registerUser(world.registry, TERM, first);
    world.time += 1;
    const repeated = await registerUser(world.anotherRegistry(), TERM, first);
    expect(repeated).toEqual(taken);
    const second = registration(ALICE, { seq: 2 });
    expect(await registerUser(world.registry, TERM, second)).toMatchObject({ created: false });
    expect(await registerUser(world.registry, TERM, second)).toMatchObject({ created: false });
  });

  it('refuses an older identity record, and another one of the same number', async () => {
    const { registry } = await World.create();
    await registerUser(registry, TERM, registration(ALICE, { seq: 2 }));
    await expect(registerUser(registry, TERM, registration(ALICE, { seq: 1 }))).rejects.toMatchObject(
      refusal('identity/stale'),
    );
    const other = registration(ALICE, { seq: 2, note: 'another text' });
    await expect(registerUser(registry, TERM, other)).rejects.toMatchObject(refusal('identity/stale'));
  });

  it('refuses a record that has expired', async () => {
    const world = await World.create();
    const expired = registration(ALICE, { expiresAt: world.time });
    await expect(registerUser(world.registry, TERM, expired)).rejects.toMatchObject(
      refusal('identity/stale'),
    );
  });

  it('is registered once though every other answer of the store is lost', async () => {
    let call = 0;
    const fates = ['lost-after', 'lost-before', 'answered'] as const;
    const world = await World.create((inner) => new LossyStore(inner, () => fates[call++ % 3] ?? 'answered'));
    const { created } = await registerUser(
      world.registry,
      TERM,
      registration(ALICE, { images: imagesOf(ALICE, 1) }),
    );
    expect(created).toBe(true);
    expect(await world.store.get(`vn/${sha256(preview('alice 0'))}`)).toMatchObject({
      value: new TextEncoder().encode('{"users":1}'),
    });
  });

  it('is not given away by a leader whose term is over', async () => {
    const world = await World.create();
    await world.store.claimTerm(2 as Term, '127.0.0.1:5002');
    await expect(registerUser(world.registry, TERM, registration(ALICE))).rejects.toMatchObject(
      refusal('cluster/fenced'),
    );
    expect(await findUser(world.registry, ALICE)).toBeUndefined();
  });
});

describe('several users', () => {
  it('are read in their order, ending early when they become too much', async () => {
    const { registry } = await World.create();
    const names = Array.from({ length: 300 }, (_, n) => `user${n}` as Username);
    for (const name of names) {
      await registerUser(registry, TERM, registration(name, { note: 'x'.repeat(3600) }));
    }
    const read = await getUsers(registry, names);
    expect(read.map(({ username }) => username)).toEqual(names.slice(0, read.length));
    const bytes = JSON.stringify(read).length;
    const [last] = read.slice(-1).map((user) => JSON.stringify(user).length);
    expect(bytes).toBeGreaterThanOrEqual(PAGE_BYTES_MAX);
    expect(bytes - (last ?? 0) - read.length).toBeLessThan(PAGE_BYTES_MAX);
    await expect(getUsers(registry, [ALICE])).rejects.toMatchObject(refusal('identity/unknown'));
  });
});

describe('a picture', () => {
  it('keeps its index for as long as it is shown', async () => {
    const { registry } = await World.create();
    const [first, second] = imagesOf(ALICE, 2);
    if (!first || !second) throw new Error('two were made');
    await registerUser(registry, TERM, registration(ALICE, { images: [first, second] }));
    const moved = registration(ALICE, { images: [{ ...second, index: 0 }] });
    moved.previews.clear();
    moved.previews.set(second.preview, preview('alice 1'));
    await expect(registerUser(registry, TERM, moved)).rejects.toMatchObject(refusal('operation/conflict'));
    const kept = { ...moved, images: [second] };
    await registerUser(registry, TERM, kept);
    expect((await findUser(registry, ALICE))?.images).toEqual([second]);
  });

  it('shares neither id nor index with another', async () => {
    const { registry } = await World.create();
    const [first, second] = imagesOf(ALICE, 2);
    if (!first || !second) throw new Error('two were made');
    const sameIndex = registration(ALICE, { images: [first, { ...second, index: 0 }] });
    const sameId = registration(ALICE, { images: [first, { ...second, id: first.id }] });
    await expect(registerUser(registry, TERM, sameIndex)).rejects.toMatchObject(refusal('input/invalid'));
    await expect(registerUser(registry, TERM, sameId)).rejects.toMatchObject(refusal('input/invalid'));
  });

  it('has a preview that is given, asked for, WebP, small, and of the stated hash', async () => {
    const { registry } = await World.create();
    const images = imagesOf(ALICE, 1);
    const given = registration(ALICE, { images });
    const [hash] = given.previews.keys();
    if (!hash) throw new Error('one was made');
    const withPreviews = (...entries: [typeof hash, Uint8Array][]) =>
      registerUser(registry, TERM, { ...given, previews: new Map(entries) });
    const large = new Uint8Array(PREVIEW_BYTES_MAX + 1);
    large.set(preview(''));
    await expect(withPreviews()).rejects.toMatchObject(refusal('input/invalid'));
    await expect(withPreviews([hash, preview('another')])).rejects.toMatchObject(refusal('input/invalid'));
    await expect(withPreviews([hash, large])).rejects.toMatchObject(refusal('input/too-large'));
    const html = new TextEncoder().encode('<script>alert(1)</script>');
    const asHtml = images.map((image) => ({ ...image, preview: sha256(html) }));
    await expect(
      registerUser(registry, TERM, {
        ...given,
        images: asHtml,
        previews: new Map([[sha256(html), html]]),
      }),
    ).rejects.toMatchObject(refusal('input/invalid'));
    const extra = preview('nobody shows this');
    await expect(withPreviews(...given.previews, [sha256(extra), extra])).rejects.toMatchObject(
      refusal('input/invalid'),
    );
    await withPreviews(...given.previews);
    expect(await findPreview(registry, hash)).toEqual(preview('alice 0'));
  });

  it('has a preview of no more pixels than a preview has, however few its bytes', async () => {
    const { registry } = await World.create();
    const given = registration(ALICE, { images: imagesOf(ALICE, 1) });
    for (const [width, height] of [
      [16_383, 16_383],
      [129, 128],
      [128, 127],
    ] as const) {
      const bytes = preview('', width, height);
      const hash = sha256(bytes);
      const images = given.images.map((image) => ({ ...image, preview: hash }));
      await expect(
        registerUser(registry, TERM, { ...given, images, previews: new Map([[hash, bytes]]) }),
      ).rejects.toMatchObject({
        code: 'input/invalid',
        message: expect.stringContaining(`${width}x${height} pixels, 128x128`),
      });
    }
    expect(await findUser(registry, ALICE)).toBeUndefined();
  });

  it('leaves its preview behind while another user shows the same, and takes it along after', async () => {
    const { registry } = await World.create();
    const alice = registration(ALICE, { images: imagesOf(ALICE, 1) });
    const bob = { ...registration(BOB), images: alice.images, previews: alice.previews };
    const hash = sha256(preview('alice 0'));
    await registerUser(registry, TERM, alice);
    await registerUser(registry, TERM, bob);
    await registerUser(registry, TERM, registration(ALICE));
    expect(await findPreview(registry, hash)).toBeDefined();
    await registerUser(registry, TERM, registration(BOB));
    expect(await findPreview(registry, hash)).toBeUndefined();
  });

  it('may be exchanged for as many others as a user can have, in one change', async () => {
    const { registry } = await World.create();
    const images = imagesOf(ALICE, 2 * IMAGES_PER_USER_MAX);
    const first = images.slice(0, IMAGES_PER_USER_MAX);
    const others = images.slice(IMAGES_PER_USER_MAX);
    await registerUser(registry, TERM, registration(ALICE, { images: first }));
    await registerUser(registry, TERM, registration(ALICE, { images: others }));
    expect((await findUser(registry, ALICE))?.images).toEqual(others);
    expect(await findPreview(registry, sha256(preview('alice 0')))).toBeUndefined();
    expect(await findPreview(registry, sha256(preview('alice 39')))).toBeDefined();
  });
});
