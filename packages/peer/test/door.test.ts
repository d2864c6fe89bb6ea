import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { generateIdentity, makeCertificate } from '@cloud-steg/envelope';
import {
  HEADERS_TIMEOUT_MS,
  ListRequestsAnswer,
  PEER_BODY_TIMEOUT_MS,
  PEER_SOCKETS_MAX,
  PEER_SOCKETS_OF_STRANGERS_MAX,
  PEER_SOCKETS_OF_STRANGERS_PER_ADDRESS_MAX,
  PEER_SOCKETS_PER_REMOTE_MAX,
  type PublicKey,
} from '@cloud-steg/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { secureRandom } from '../src/carrier-engine.ts';
import { Doors } from '../src/doors.ts';
import { pendingRequests, requestImage } from '../src/requests.ts';
import { dial, identityOf, json, keysOf, knock, requestBy } from './knocking.ts';
import { type Member, World } from './world.ts';

const stranger = () => generateIdentity(secureRandom);

describe('the door, counted', () => {
  const visitor = (key: string, known: boolean, address = '192.0.2.1') => ({
    key: key as PublicKey,
    known,
    address,
  });
  /** How many of `count` visitors get in. */
  const admitted = (doors: Doors, count: number, make: (i: number) => ReturnType<typeof visitor>) =>
    Array.from({ length: count }, (_, i) => doors.enter(make(i))).filter(Boolean).length;

  it('has room for so many strangers of one address, whatever their keys', () => {
    const doors = new Doors();
    expect(admitted(doors, 100, (i) => visitor(`key ${i}`, false))).toBe(
      PEER_SOCKETS_OF_STRANGERS_PER_ADDRESS_MAX,
    );
    expect(doors.enter(visitor('elsewhere', false, '192.0.2.2'))).toBe(true);
  });

  it('keeps room for contacts, however many strangers come from however many addresses', () => {
    const doors = new Doors();
    expect(admitted(doors, 1000, (i) => visitor(`key ${i}`, false, `address ${i}`))).toBe(
      PEER_SOCKETS_OF_STRANGERS_MAX,
    );
    const left = PEER_SOCKETS_MAX - PEER_SOCKETS_OF_STRANGERS_MAX;
    expect(admitted(doors, left, (i) => visitor(`contact ${i}`, true))).toBe(left);
  });

  it('has room for so many connections of one key, and again once they have left', () => {
    const doors = new Doors();
    const visits = Array.from({ length: PEER_SOCKETS_PER_REMOTE_MAX + 1 }, () => visitor('alice', true));
    expect(visits.map((visit) => doors.enter(visit))).toEqual([true, true, true, true, false]);
    for (const visit of visits) doors.leave(visit);
    expect(doors.enter(visitor('alice', true))).toBe(true);
  });
});

describe('a peer’s door', () => {
  let world: World;
  let alice: Member;
  let bob: Member;

  beforeEach(async () => {
    world = await World.start();
    alice = await world.join('alice');
    bob = await world.join('bob', ['friends.jpg']);
  });
  afterEach(async () => {
    vi.useRealTimers();
    await world.close();
  });

  const knows = async (member: Member, other: Member) =>
    member.peer.contacts.remember(other.name, await identityOf(other));

  it('stays shut for whoever shows no certificate', async () => {
    const socket = connect({ ...bob.address, rejectUnauthorized: false });
    socket.on('error', () => {});
    socket.write('GET /p2p/list-requests HTTP/1.1\r\nHost: x\r\n\r\n');
    let answered = '';
    socket.on('data', (chunk) => (answered += chunk));
    await once(socket, 'close');
    expect(answered).toBe('');
  });

  it('lets one key hold no more than four connections', async () => {
    const { certPem, keyPem } = await makeCertificate(keysOf(alice).signing, secureRandom(8), Date.now());
    const sockets = Array.from({ length: 6 }, () =>
      connect({ ...bob.address, cert: certPem, key: keyPem, rejectUnauthorized: false }).on(
        'error',
        () => {},
      ),
    );
    let closed = 0;
    for (const socket of sockets) socket.on('close', () => closed++);
    await expect.poll(() => closed).toBe(2);
    for (const socket of sockets) socket.destroy();
  });

  it('is open to a contact while as many strangers as like wait in it', async () => {
    await knows(bob, alice);
    const crowd: TLSSocket[] = [];
    let closed = 0;
    for (let i = 0; i < PEER_SOCKETS_MAX; i++) {
      const socket = await dial(bob, stranger());
      socket.once('close', () => closed++);
      crowd.push(socket);
    }
    await expect.poll(() => closed).toBe(PEER_SOCKETS_MAX - PEER_SOCKETS_OF_STRANGERS_PER_ADDRESS_MAX);
    for (let i = 0; i < PEER_SOCKETS_PER_REMOTE_MAX; i++) {
      expect(await knock(bob, keysOf(alice), 'GET', '/')).toMatchObject({ status: 404 });
    }
    for (const socket of crowd) socket.destroy();
  });

  it('is open while as many as like come without ever showing a key', async () => {
    const crowd = await Promise.all(
      Array.from({ length: PEER_SOCKETS_MAX }, async () => {
        const socket = connectTcp(bob.address).on('error', () => {});
        await once(socket, 'connect');
        return socket;
      }),
    );
    expect(await knock(bob, keysOf(alice), 'GET', '/')).toMatchObject({ status: 404 });
    for (const socket of crowd) socket.destroy();
  });

  it('waits for a body as long as it said, though byte after byte arrives', async () => {
    const socket = await dial(bob, stranger());
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk));
    const closed = once(socket, 'close');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    socket.write('POST /p2p/request-image HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{');
    // Until its deadline runs, the body is not awaited.
    await vi.waitUntil(() => vi.getTimerCount() > 0);
    vi.advanceTimersByTime(PEER_BODY_TIMEOUT_MS - 1);
    socket.write(' ');
    expect(answer).toBe('');
    vi.advanceTimersByTime(1);
    await closed;
    expect(answer).toMatch(/^HTTP\/1\.1 408 [^]*input\/too-slow/);
  });

  it('closes on whoever asks for nothing in time', { timeout: 4 * HEADERS_TIMEOUT_MS }, async () => {
    const silent = await dial(bob, stranger());
    const dripping = await dial(bob, stranger());
    dripping.write('GET / HTTP/1.1\r\nX: ');
    const drip = setInterval(() => dripping.write('x'), 1_000);
    let open = 2;
    for (const socket of [silent, dripping]) socket.resume().once('close', () => open--);
    await expect.poll(() => open, { timeout: 2 * HEADERS_TIMEOUT_MS }).toBe(0);
    clearInterval(drip);
  });

  describe('asked for a picture', () => {
    const ask = (by: Member, request = requestBy(by.name, keysOf(by), bob)) =>
      knock(bob, keysOf(by), 'POST', '/p2p/request-image', json({ request }));

    it('knows who has asked, and nobody who was refused', async () => {
      const eve = stranger();
      const inAlicesName = json({ request: requestBy(alice.name, eve, bob) });
      expect(await knock(bob, eve, 'POST', '/p2p/request-image', inAlicesName)).toMatchObject({
        body: { code: 'peer/stranger' },
      });
      expect(bob.peer.contacts.all()).toEqual([]);
      expect(await ask(alice, requestBy(alice.name, eve, bob))).toMatchObject({
        body: { code: 'auth/bad-signature' },
      });
      expect(bob.peer.contacts.all()).toEqual([]);
      expect(await ask(alice)).toMatchObject({ status: 200 });
      expect(bob.peer.contacts.all()).toMatchObject([{ username: 'alice' }]);
    });

    it('says so once, not at every repetition', async () => {
      const request = requestBy(alice.name, keysOf(alice), bob);
      for (let i = 0; i < 3; i++) expect(await ask(alice, request)).toMatchObject({ status: 200 });
      expect(bob.events).toEqual([{ kind: 'request', from: 'alice', imageIndex: 0 }]);
    });

    it('lets one user leave so many requests and all together so many more', async () => {
      const carol = await world.join('carol');
      const leave = (count: number, sender: string) =>
        bob.peer.database.run(
          `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
           INSERT INTO request_in (id, sender, image_id, image_index, message, at, received_at, state, signed)
           SELECT ? || i, ?, 'x', 0, NULL, 0, 0, 'pending', '' FROM n`,
          count,
          sender,
          sender,
        );
      leave(49, alice.name);
      const last = requestBy(alice.name, keysOf(alice), bob);
      expect(await ask(alice, last)).toMatchObject({ status: 200 });
      expect(await ask(alice)).toMatchObject({ status: 429, body: { code: 'rate/limited' } });
      // What was taken is still acknowledged.
      expect(await ask(alice, last)).toMatchObject({ status: 200 });
      leave(449, 'others');
      expect(await ask(carol)).toMatchObject({ status: 200 });
      expect(await ask(carol)).toMatchObject({ status: 429, body: { code: 'rate/limited' } });
      bob.peer.database.run(`UPDATE request_in SET state = 'denied' WHERE sender = 'others'`);
      expect(await ask(carol)).toMatchObject({ status: 200 });
      expect(await ask(alice)).toMatchObject({ status: 429 });
    });

    it('lists as many requests as fit an answer, the oldest first', async () => {
      await requestImage(alice.peer, { owner: bob.name, imageIndex: 0, queue: false });
      const rows = 600;
      bob.peer.database.run(
        `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
         INSERT INTO request_in (id, sender, image_id, image_index, message, at, received_at, state, signed)
         SELECT printf('%032x', i), 'carol', 'x', 0, ?, 0, i, 'pending', '' FROM n`,
        rows,
        '\u0001'.repeat(280),
      );
      expect(pendingRequests(bob.peer)).toHaveLength(500);
      const answer = await knock(bob, keysOf(bob), 'GET', '/p2p/list-requests');
      expect(answer.status).toBe(200);
      expect(json(answer.body).length).toBeLessThanOrEqual(65_536);
      expect(json(answer.body).length).toBeGreaterThan(60_000);
      const { requests } = ListRequestsAnswer.parse(answer.body);
      expect(requests.map(({ receivedAt }) => receivedAt)).toEqual(requests.map((_, i) => i + 1));
    });
  });
});
