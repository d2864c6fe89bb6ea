import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type TLSSocket } from 'node:tls';
import {
  generateIdentity,
  makeCertificate,
  sha256Hex,
  signDocument,
  toBase64url,
  toHex,
} from '@cloud-steg/envelope';
import type { Username } from '@cloud-steg/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { secureRandom } from '../src/carrier-engine.ts';
import { listReceived } from '../src/receiving.ts';
import { pendingRequests, requestImage } from '../src/requests.ts';
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

type Keys = ReturnType<typeof generateIdentity>;
interface Answer {
  status: number;
  body: { code?: string; [name: string]: unknown };
}

/** One request at a peer's door, by whoever holds `keys`. */
async function knock(
  at: Member,
  keys: Keys,
  method: string,
  path: string,
  body: Uint8Array = new Uint8Array(),
  headers: Record<string, string> = {},
): Promise<Answer> {
  const { certPem, keyPem } = await makeCertificate(keys.signing, secureRandom(8), Date.now());
  const socket: TLSSocket = connect({
    ...at.address,
    cert: certPem,
    key: keyPem,
    rejectUnauthorized: false,
    ALPNProtocols: ['p2p-http/1'],
  });
  await once(socket, 'secureConnect');
  return new Promise((resolve, reject) => {
    const sending = request(
      {
        createConnection: () => socket,
        method,
        path,
        headers: { connection: 'close', 'content-length': body.length, ...headers },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk) => (text += chunk));
        response.on('end', () => {
          socket.destroy();
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Answer['body'] });
        });
      },
    );
    // A refusal may come while the body is still being sent: the answer counts, not the broken pipe.
    let answered = false;
    sending.on('response', () => (answered = true));
    sending.on('error', (error) => answered || reject(error));
    sending.end(body);
  });
}

const keysOf = (member: Member): Keys => member.peer.profile.identity;
const json = (value: object) => Buffer.from(JSON.stringify(value));

/** A delivery from `from`, as honest or not as `change` makes it. */
function delivery(from: Member, requestId: string, bytes: Uint8Array, change: object = {}) {
  const deliveryId = toHex(secureRandom(16));
  const manifest = {
    v: 1,
    deliveryId,
    from: from.name,
    to: alice.name,
    requestId,
    grant: toHex(secureRandom(16)),
    imageName: 'x.jpg',
    views: 1,
    expiresAt: null,
    bytes: bytes.length,
    sha256: sha256Hex(bytes),
    at: Date.now(),
    ...change,
  };
  const signed = signDocument(keysOf(from).signing, 'delivery', manifest);
  return {
    path: `/p2p/receive-image/${deliveryId}`,
    headers: { 'delivery-manifest': toBase64url(json(signed)) },
  };
}

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
  const requestBy = (from: Username, signer: Keys) => {
    const [image] = bob.peer.database.all('SELECT id FROM image');
    return signDocument(signer.signing, 'image-request', {
      v: 1,
      id: toHex(secureRandom(16)),
      from,
      to: bob.name,
      imageId: image?.['id'],
      imageIndex: 0,
      at: Date.now(),
    });
  };

  it('is accepted once, however often it arrives', async () => {
    const body = json({ request: requestBy(alice.name, keysOf(alice)) });
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
      const body = json({ request: requestBy(alice.name, signer) });
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
    const one = delivery(bob, asked, bytes);
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
      expect(await deliver(by, delivery(by, request, bytes))).toMatchObject({
        body: { code: 'delivery/not-asked-for' },
      });
    }
    expect(listReceived(alice.peer)).toEqual([]);
  });

  it('is told why it was refused, even while still sending twenty megabytes', async () => {
    const large = secureRandom(20_000_000);
    const unasked = delivery(bob, toHex(secureRandom(16)), large);
    for (let i = 0; i < 3; i++) {
      expect(await deliver(bob, unasked, large)).toMatchObject({ body: { code: 'delivery/not-asked-for' } });
    }
  });

  it('whose bytes are not the announced ones is refused and leaves nothing', async () => {
    const wrong = delivery(bob, asked, bytes, { sha256: sha256Hex('other') });
    expect(await deliver(bob, wrong)).toMatchObject({ body: { code: 'delivery/damaged' } });
    const short = delivery(bob, asked, bytes, { bytes: bytes.length + 1 });
    expect(await deliver(bob, short)).toMatchObject({ body: { code: 'delivery/damaged' } });
    const long = delivery(bob, asked, bytes, { bytes: bytes.length - 1 });
    expect(await deliver(bob, long)).toMatchObject({ body: { code: 'input/too-large' } });
    const huge = delivery(bob, asked, bytes, { bytes: 2 ** 31 });
    expect(await deliver(bob, huge)).toMatchObject({ body: { code: 'input/too-large' } });
    expect(listReceived(alice.peer)).toEqual([]);
  });

  it('under an id that was used for something else is a conflict', async () => {
    const one = delivery(bob, asked, bytes);
    await deliver(bob, one);
    const id = one.path.split('/').at(-1);
    const other = delivery(bob, asked, secureRandom(10), { deliveryId: id });
    expect(await deliver(bob, { ...other, path: one.path })).toMatchObject({
      body: { code: 'delivery/conflict' },
    });
  });

  it('signed by another key, or naming others, is refused', async () => {
    const mallory = await world.join('mallory');
    alice.peer.contacts.remember(mallory.name, await identityOf(mallory));
    const stolen = delivery(bob, asked, bytes);
    expect((await deliver(mallory, stolen)).status).toBeGreaterThanOrEqual(401);
    const renamed = delivery(bob, asked, bytes, { to: 'mallory' });
    expect(await deliver(bob, renamed)).toMatchObject({ body: { code: 'auth/forbidden' } });
  });
});

describe('the door', () => {
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
});

async function identityOf(member: Member) {
  const answer = await fetch(`${world.url}/users/${member.name}`);
  return ((await answer.json()) as { identity: Parameters<Member['peer']['contacts']['remember']>[1] })
    .identity;
}
