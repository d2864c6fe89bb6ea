import { openCosignedIdentity, signDocument } from '@cloud-steg/envelope';
import { HeartbeatAnswer, OnlinePage, PAGE_BYTES_MAX, RegisterAnswer, UserView } from '@cloud-steg/protocol';
import { describe, expect, it } from 'vitest';
import {
  ALICE,
  BOB,
  CAROL,
  CLUSTER_KEY,
  IMAGE,
  id,
  NO_HASH,
  outcomeOf,
  PREVIEW,
  registerBody,
  requestBody,
  Server,
  TTL_MS,
  user,
} from './fixtures.ts';

const HOME = [{ host: '127.0.0.1', port: 6000 }];
const beat = (username: string, seq: number, addresses = HOME) => ({ username, seq, addresses });

describe('registering', () => {
  it('gives the name to the key, in a record that the cluster has signed', async () => {
    const server = await Server.create();
    const body = registerBody(ALICE, [IMAGE]);
    const answer = await server.call(RegisterAnswer, 'POST', '/register', { as: ALICE, body });
    expect(answer.created).toBe(true);
    expect(openCosignedIdentity(CLUSTER_KEY.publicKey, answer.identity).username).toBe('alice');
    const again = await server.call(RegisterAnswer, 'POST', '/register', { as: ALICE, body });
    expect(again).toEqual(answer);
    const next = await server.call(RegisterAnswer, 'POST', '/register', {
      as: ALICE,
      body: registerBody(ALICE, [IMAGE], 2),
    });
    expect(next.created).toBe(false);
  });

  it('is refused to another key', async () => {
    const server = await Server.create();
    await server.register(ALICE);
    expect(await server.register(user('alice', 'mallory'))).toBe('409 identity/exists');
  });

  it('is refused with a key that nothing can be sealed to', async () => {
    const server = await Server.create();
    const { identity, ...body } = registerBody(ALICE);
    const record = { ...JSON.parse(identity.text), x25519: Buffer.alloc(32).toString('base64url') };
    const weak = { ...body, identity: signDocument(ALICE.identity.signing, 'identity', record) };
    expect(await server.outcome('POST', '/register', { as: ALICE, body: weak })).toBe('400 input/invalid');
    expect(await server.outcome('GET', '/users/alice')).toBe('404 identity/unknown');
  });

  it('must be signed by the key it registers, under its name', async () => {
    const server = await Server.create();
    const body = registerBody(ALICE);
    const key = BOB.identity.signing;
    expect(await server.outcome('POST', '/register', { body })).toBe('401 auth/unsigned');
    expect(await server.outcome('POST', '/register', { as: ALICE, key, body })).toBe(
      '401 auth/bad-signature',
    );
    const asBob = { as: BOB, key: ALICE.identity.signing, body };
    expect(await server.outcome('POST', '/register', asBob)).toBe('403 auth/forbidden');
    const forged = { ...body, identity: registerBody(user('alice', 'mallory')).identity };
    expect(await server.outcome('POST', '/register', { as: ALICE, body: forged })).toBe(
      '401 auth/bad-signature',
    );
    expect(await server.outcome('GET', '/users/alice')).toBe('404 identity/unknown');
  });
});

describe('presence', () => {
  it('lasts from a heartbeat until a TTL of silence', async () => {
    const server = await Server.create();
    await server.register(ALICE, [IMAGE]);
    const before = await server.call(UserView, 'GET', '/users/alice');
    expect(before).toMatchObject({ online: false, lastSeenMs: null, addresses: [{ host: '192.168.1.10' }] });

    const body = beat('alice', 1);
    const answer = await server.call(HeartbeatAnswer, 'POST', '/heartbeat', { as: ALICE, body });
    expect(answer).toEqual({ ttlMs: TTL_MS, requestsWaiting: 0 });
    server.time += 400;
    const during = await server.call(UserView, 'GET', '/users/alice');
    expect(during).toMatchObject({ online: true, lastSeenMs: 400, addresses: HOME, images: [IMAGE] });

    server.time += TTL_MS;
    await server.app.tick();
    expect(await server.call(UserView, 'GET', '/users/alice')).toMatchObject({ online: false });
  });

  it('tells its user how many requests wait', async () => {
    const server = await Server.create();
    await server.register(ALICE, [IMAGE]);
    await server.register(BOB);
    await server.send('POST', '/requests', { as: BOB, body: requestBody(1, BOB, ALICE) });
    const answer = await server.call(HeartbeatAnswer, 'POST', '/heartbeat', {
      as: ALICE,
      body: beat('alice', 1),
    });
    expect(answer.requestsWaiting).toBe(1);
  });

  it('ends with a farewell, which no late heartbeat undoes', async () => {
    const server = await Server.create();
    await server.register(ALICE);
    await server.send('POST', '/heartbeat', { as: ALICE, body: beat('alice', 1) });
    const body = { username: 'alice', seq: 3 };
    expect(await server.outcome('DELETE', '/heartbeat', { as: ALICE, body })).toBe('200');
    const late = { as: ALICE, body: beat('alice', 2) };
    expect(await server.outcome('POST', '/heartbeat', late)).toBe('401 auth/replayed');
    expect(await server.call(UserView, 'GET', '/users/alice')).toMatchObject({ online: false });
  });

  it('is one’s own to declare', async () => {
    const server = await Server.create();
    await server.register(ALICE);
    await server.register(BOB);
    const body = beat('bob', 1);
    expect(await server.outcome('POST', '/heartbeat', { as: ALICE, body })).toBe('403 auth/forbidden');
    const leaving = { as: ALICE, body: { username: 'bob', seq: 1 } };
    expect(await server.outcome('DELETE', '/heartbeat', leaving)).toBe('403 auth/forbidden');
    expect(await server.outcome('POST', '/heartbeat', { as: CAROL, body: beat('carol', 1) })).toBe(
      '404 identity/unknown',
    );
  });

  it('is listed page by page, by name', async () => {
    const server = await Server.create();
    for (const who of [CAROL, ALICE, BOB]) {
      await server.register(who);
      await server.send('POST', '/heartbeat', { as: who, body: beat(who.username, 1) });
    }
    const first = await server.call(OnlinePage, 'GET', '/discovery/online?limit=2');
    expect(first).toMatchObject({
      users: [{ username: 'alice' }, { username: 'bob' }],
      total: 3,
      next: 'bob',
    });
    const second = await server.call(OnlinePage, 'GET', `/discovery/online?limit=2&after=${first.next}`);
    expect(second.users.map(({ username }) => username)).toEqual(['carol']);
    expect(second.next).toBeUndefined();
    expect(await server.outcome('GET', '/discovery/online?limit=501')).toBe('400 input/invalid');
  });

  it('is listed in pages that end early when they become too long', async () => {
    const server = await Server.create();
    const mediaType = 'image/'.padEnd(64, 'x');
    const images = Array.from({ length: 20 }, (_, index) => ({ ...IMAGE, id: id(index), index, mediaType }));
    const users = Array.from({ length: 200 }, (_, n) => user(`user${String(n).padStart(3, '0')}`));
    for (const who of users) {
      await server.register(who, images);
      await server.send('POST', '/heartbeat', { as: who, body: beat(who.username, 1) });
    }
    const names: string[] = [];
    for (const page of [1, 2]) {
      const after = page === 1 ? '' : `&after=${names.at(-1)}`;
      const text = await (await server.send('GET', `/discovery/online?limit=500${after}`)).text();
      expect(Buffer.byteLength(text)).toBeLessThan(1.1 * PAGE_BYTES_MAX);
      const { users: shown, next, total } = OnlinePage.parse(JSON.parse(text));
      expect(total).toBe(users.length);
      names.push(...shown.map(({ username }) => username));
      expect(next).toBe(page === 1 ? names.at(-1) : undefined);
    }
    expect(names).toEqual(users.map(({ username }) => username));
  });

  it('survives a change of leader, with a TTL of grace', async () => {
    const old = await Server.create();
    await old.register(ALICE);
    await old.send('POST', '/heartbeat', { as: ALICE, body: beat('alice', 1) });

    const next = new Server(old.store);
    await old.store.claimTerm(2 as never, '127.0.0.1:5002');
    next.leadership.lead(2);
    next.time += 5 * TTL_MS;
    expect(await next.call(UserView, 'GET', '/users/alice')).toMatchObject({ online: true, lastSeenMs: 0 });
    next.time += TTL_MS;
    await next.app.tick();
    expect(await next.call(UserView, 'GET', '/users/alice')).toMatchObject({ online: false });
  });
});

describe('a preview', () => {
  it('is served by its hash, for ever', async () => {
    const server = await Server.create();
    await server.register(ALICE, [IMAGE]);
    const response = await server.send('GET', `/previews/${IMAGE.preview}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('image/webp');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('cache-control')).toMatch(/immutable/);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(PREVIEW);

    const etag = response.headers.get('etag') ?? '';
    const known = await server.send('GET', `/previews/${IMAGE.preview}`, {
      headers: { 'if-none-match': `"other", W/${etag}` },
    });
    expect(known.status).toBe(304);
    expect(await known.text()).toBe('');
  });

  it('that nobody shows is not found', async () => {
    const server = await Server.create();
    expect(await server.outcome('GET', `/previews/${NO_HASH}`)).toBe('404 image/not-found');
    expect(await outcomeOf(await server.send('GET', '/previews/..%2Fetc'))).toBe('400 input/invalid');
  });
});
