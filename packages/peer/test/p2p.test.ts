import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateIdentity, sha256Hex, toHex } from '@cloud-steg/envelope';
import { ReceiveImageAnswer } from '@cloud-steg/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { secureRandom } from '../src/carrier-engine.ts';
import type { Contact } from '../src/contacts.ts';
import { callPeer } from '../src/peer-call.ts';
import { listReceived } from '../src/receiving.ts';
import { pendingRequests, requestImage } from '../src/requests.ts';
import { delivery, identityOf, json, keysOf, knock, requestBy } from './knocking.ts';
import { type Member, World } from './world.ts';

let world: World;
let alice: Member;
let bob: Member;

beforeEach(async () => {
  world = await World.start();
  alice = await world.join('alice');
  bob = await world.join('bob', ['friends.jpg']);
});
afterEach(() => world.close());

describe('the owner’s own calls', () => {
  it('are answered to the owner’s key', async () => {
    await requestImage(alice.peer, { owner: bob.name, imageIndex: 0, queue: false });
    const answer = await knock(bob, keysOf(bob), 'GET', '/p2p/list-requests');
    expect(answer).toMatchObject({ status: 200, body: { requests: [{ from: 'alice', imageIndex: 0 }] } });
    const sent = await knock(
      bob,
      keysOf(bob),
      'POST',
      '/p2p/send-image',
      json({ requester: 'alice', imageIndex: 0, views: 1 }),
    );
    expect(sent).toMatchObject({ status: 200, body: { delivered: true } });
    expect(listReceived(alice.peer)).toHaveLength(1);
  });

  it('are refused to everybody else', async () => {
    for (const keys of [keysOf(alice), generateIdentity(secureRandom)]) {
      expect(await knock(bob, keys, 'GET', '/p2p/list-requests')).toMatchObject({ status: 403 });
      const body = json({ requester: 'alice', imageIndex: 0, views: 1 });
      expect(await knock(bob, keys, 'POST', '/p2p/send-image', body)).toMatchObject({ status: 403 });
    }
  });
});

describe('a request', () => {
  it('is accepted once, however often it arrives', async () => {
    const body = json({ request: requestBy(alice.name, keysOf(alice), bob) });
    for (let i = 0; i < 3; i++) {
      expect(await knock(bob, keysOf(alice), 'POST', '/p2p/request-image', body)).toMatchObject({
        status: 200,
      });
    }
    expect(pendingRequests(bob.peer)).toHaveLength(1);
  });

  it('is refused in another’s name, by an unregistered key, or with another signature', async () => {
    const eve = generateIdentity(secureRandom);
    for (const [keys, signer] of [
      [eve, eve],
      [eve, keysOf(alice)],
      [keysOf(alice), eve],
    ] as const) {
      const body = json({ request: requestBy(alice.name, signer, bob) });
      const answer = await knock(bob, keys, 'POST', '/p2p/request-image', body);
      expect(answer.status).toBeGreaterThanOrEqual(401);
    }
    expect(pendingRequests(bob.peer)).toEqual([]);
  });

  it('of any other shape gets a typed error', async () => {
    for (const [method, path, body, code] of [
      ['POST', '/p2p/request-image', Buffer.from('{'), 'input/invalid'],
      ['POST', '/p2p/request-image', json({}), 'input/invalid'],
      ['POST', '/p2p/request-image', Buffer.alloc(70_000, 32), 'input/too-large'],
      ['GET', '/p2p/request-image', Buffer.alloc(0), 'input/wrong-method'],
      ['GET', '/', Buffer.alloc(0), 'input/not-found'],
      ['PUT', '/p2p/receive-image/zz', Buffer.alloc(0), 'input/not-found'],
      ['PUT', '/p2p/receive-image/aa', Buffer.alloc(0), 'peer/stranger'],
    ] as const) {
      expect(await knock(bob, keysOf(alice), method, path, body)).toMatchObject({ body: { code } });
    }
  });
});

describe('a delivery', () => {
  const bytes = secureRandom(50_000);
  let asked: string;

  beforeEach(async () => {
    asked = (await requestImage(alice.peer, { owner: bob.name, imageIndex: 0, queue: false })).id;
  });

  const deliver = (by: Member, { path, headers }: ReturnType<typeof delivery>, body: Uint8Array = bytes) =>
    knock(alice, keysOf(by), 'PUT', path, body, headers);

  it('that was asked for is stored once, however often it arrives', async () => {
    const one = delivery(bob, alice, asked, bytes);
    const first = await deliver(bob, one);
    expect(first.status).toBe(200);
    expect(await deliver(bob, one)).toEqual(first);
    expect(listReceived(alice.peer)).toHaveLength(1);
  });

  it('that was not asked for, or asked of somebody else, is refused before it is read', async () => {
    const mallory = await world.join('mallory');
    await requestImage(mallory.peer, { owner: alice.name, imageIndex: 0, queue: true }).catch(() => {});
    alice.peer.contacts.remember(mallory.name, await identityOf(mallory));
    for (const [by, request] of [
      [bob, toHex(secureRandom(16))],
      [mallory, asked],
    ] as const) {
      expect(await deliver(by, delivery(by, alice, request, bytes))).toMatchObject({
        body: { code: 'delivery/not-asked-for' },
      });
    }
    expect(listReceived(alice.peer)).toEqual([]);
  });

  it('gets its answer though the body is large: the receipt again, or why it was refused', async () => {
    const large = secureRandom(3_000_000);
    const file = join(world.folder, 'large.png');
    await writeFile(file, large);
    const put = ({ path, headers }: ReturnType<typeof delivery>, signal?: AbortSignal) =>
      callPeer(bob.peer, contactOf(alice), [alice.address], {
        method: 'PUT',
        path,
        headers,
        body: { stream: () => createReadStream(file), bytes: large.length },
        answer: ReceiveImageAnswer,
        ...(signal && { signal }),
      });
    const one = delivery(bob, alice, asked, large);
    await expect(put(one, AbortSignal.abort())).rejects.toMatchObject({ code: 'peer/unreachable' });
    expect(listReceived(alice.peer)).toEqual([]);
    const first = await put(one);
    const unasked = delivery(bob, alice, toHex(secureRandom(16)), large);
    for (let i = 0; i < 6; i++) {
      expect(await put(one)).toEqual(first);
      await expect(put(unasked)).rejects.toMatchObject({ code: 'delivery/not-asked-for' });
    }
    expect(listReceived(alice.peer)).toHaveLength(1);
  });

  it('is told why it was refused, even while still sending twenty megabytes', async () => {
    const large = secureRandom(20_000_000);
    const unasked = delivery(bob, alice, toHex(secureRandom(16)), large);
    for (let i = 0; i < 3; i++) {
      expect(await deliver(bob, unasked, large)).toMatchObject({ body: { code: 'delivery/not-asked-for' } });
    }
  });

  it('whose bytes are not the announced ones is refused and leaves nothing', async () => {
    const wrong = delivery(bob, alice, asked, bytes, { sha256: sha256Hex('other') });
    expect(await deliver(bob, wrong)).toMatchObject({ body: { code: 'delivery/damaged' } });
    const short = delivery(bob, alice, asked, bytes, { bytes: bytes.length + 1 });
    expect(await deliver(bob, short)).toMatchObject({ body: { code: 'delivery/damaged' } });
    const long = delivery(bob, alice, asked, bytes, { bytes: bytes.length - 1 });
    expect(await deliver(bob, long)).toMatchObject({ body: { code: 'input/too-large' } });
    const huge = delivery(bob, alice, asked, bytes, { bytes: 2 ** 31 });
    expect(await deliver(bob, huge)).toMatchObject({ body: { code: 'input/too-large' } });
    expect(listReceived(alice.peer)).toEqual([]);
  });

  it('under an id that was used for something else is a conflict', async () => {
    const one = delivery(bob, alice, asked, bytes);
    await deliver(bob, one);
    const id = one.path.split('/').at(-1);
    const other = delivery(bob, alice, asked, secureRandom(10), { deliveryId: id });
    expect(await deliver(bob, { ...other, path: one.path })).toMatchObject({
      body: { code: 'delivery/conflict' },
    });
  });

  it('signed by another key, or naming others, is refused', async () => {
    const mallory = await world.join('mallory');
    alice.peer.contacts.remember(mallory.name, await identityOf(mallory));
    const stolen = delivery(bob, alice, asked, bytes);
    expect((await deliver(mallory, stolen)).status).toBeGreaterThanOrEqual(401);
    const renamed = delivery(bob, alice, asked, bytes, { to: 'mallory' });
    expect(await deliver(bob, renamed)).toMatchObject({ body: { code: 'auth/forbidden' } });
  });
});

function contactOf(member: Member): Contact {
  const { signing, agreement } = member.peer.profile.identity;
  return { username: member.name, ed25519: signing.publicKey, x25519: agreement.publicKey };
}
