import { openLeaderStatement } from '@cloud-steg/envelope';
import {
  JSON_BODY_BYTES_MAX,
  LeaderHint,
  Problem,
  REGISTER_BODY_BYTES_MAX,
  SIGNATURE_WINDOW_MS,
  type Term,
} from '@cloud-steg/protocol';
import { MemoryStore } from '@cloud-steg/store';
import { describe, expect, it } from 'vitest';
import { NonceCache } from '../src/nonce-cache.ts';
import {
  ALICE,
  ANOTHER_CLUSTER,
  BOB,
  CLUSTER_KEY,
  ELSEWHERE,
  GRANT,
  HOLD_MS,
  id,
  outcomeOf,
  Server,
  START,
  viewKey,
} from './fixtures.ts';

describe('a signed call', () => {
  const path = '/grants';

  it('must be signed, by a user who is known, for this cluster', async () => {
    const server = await Server.create();
    expect(await server.outcome('GET', path)).toBe('401 auth/unsigned');
    expect(await server.outcome('GET', path, { as: ALICE })).toBe('404 identity/unknown');
    await server.register(ALICE);
    expect(await server.outcome('GET', path, { as: ALICE })).toBe('200');
    const wrongKey = { as: ALICE, key: BOB.identity.signing };
    expect(await server.outcome('GET', path, wrongKey)).toBe('401 auth/bad-signature');
    const elsewhere = { as: ALICE, cluster: ANOTHER_CLUSTER };
    expect(await server.outcome('GET', path, elsewhere)).toBe('421 auth/wrong-cluster');
  });

  it('says by how much and in which direction a clock is off', async () => {
    const server = await Server.create();
    await server.register(ALICE);
    const detailAt = async (clock: number) =>
      Problem.parse(await (await server.send('GET', path, { as: ALICE, clock })).json()).detail;
    expect(await detailAt(START - 183_000)).toMatch(/183 s behind/);
    expect(await detailAt(START + 183_000)).toMatch(/183 s ahead/);
    for (const clock of [START - SIGNATURE_WINDOW_MS, START + SIGNATURE_WINDOW_MS]) {
      expect(await server.outcome('GET', path, { as: ALICE, clock })).toBe('200');
    }
  });

  it('is accepted once', async () => {
    const server = await Server.create();
    await server.register(ALICE);
    const request = await server.request('GET', path, { as: ALICE });
    const copy = request.clone();
    expect(await outcomeOf(await server.app.fetch(request, undefined))).toBe('200');
    expect(await outcomeOf(await server.app.fetch(copy, undefined))).toBe('401 auth/replayed');
  });

  it('covers method, path, query and body', async () => {
    const server = await Server.create();
    await server.withGrant();
    const body = { viewId: id(1), key: viewKey(1).publicKey };
    const changed = (url: string, method: string, text: string | undefined) => (request: Request) =>
      new Request(url, { method, headers: request.headers, ...(text === undefined ? {} : { body: text }) });
    const views = `http://127.0.0.1:8000/grants/${GRANT}/views`;
    const attempts = [
      changed(`${views}?x=1`, 'POST', JSON.stringify(body)),
      changed(views, 'POST', JSON.stringify({ ...body, viewId: id(2) })),
      changed(views.replace(GRANT, id(1)), 'POST', JSON.stringify(body)),
      changed(`http://127.0.0.1:8000/grants/${GRANT}`, 'PATCH', JSON.stringify(body)),
    ];
    for (const tamper of attempts) {
      const outcome = await server.outcome('POST', `/grants/${GRANT}/views`, { as: BOB, body, tamper });
      expect(outcome).toBe('401 auth/bad-signature');
    }
    expect((await server.grant()).used).toBe(0);
  });
});

describe('remembered nonces', () => {
  it('are forgotten when their signatures have lapsed', () => {
    const nonces = new NonceCache();
    nonces.spend('alice', 'n', 0);
    nonces.spend('bob', 'n', 0);
    expect(() => nonces.spend('alice', 'n', 2 * SIGNATURE_WINDOW_MS - 1)).toThrow(/answered before/);
    nonces.spend('alice', 'n', 2 * SIGNATURE_WINDOW_MS);
    expect(nonces.size).toBe(1);
  });

  it('are bounded in number', () => {
    const nonces = new NonceCache(3);
    for (let i = 0; i < 10; i++) nonces.spend('alice', String(i), i);
    expect(nonces.size).toBe(3);
    expect(() => nonces.spend('alice', '9', 10)).toThrow(/answered before/);
  });
});

describe('a body', () => {
  it('is refused by its stated length, unread', async () => {
    const server = await Server.create();
    let read = false;
    const body = new ReadableStream(
      {
        pull(controller) {
          read = true;
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const request = new Request('http://127.0.0.1:8000/grants', {
      method: 'POST',
      body,
      duplex: 'half',
      headers: { 'content-length': String(JSON_BODY_BYTES_MAX + 1) },
    } as RequestInit);
    expect(await outcomeOf(await server.app.fetch(request, undefined))).toBe('413 input/too-large');
    expect(read).toBe(false);
  });

  it('is refused as soon as it turns out too long, whatever it stated', async () => {
    const server = await Server.create();
    let chunks = 0;
    let cancelled = false;
    const body = new ReadableStream({
      pull(controller) {
        chunks += 1;
        controller.enqueue(new Uint8Array(16 * 1024));
      },
      cancel() {
        cancelled = true;
      },
    });
    const request = new Request('http://127.0.0.1:8000/grants', {
      method: 'POST',
      body,
      duplex: 'half',
    } as RequestInit);
    expect(await outcomeOf(await server.app.fetch(request, undefined))).toBe('413 input/too-large');
    expect(chunks).toBeLessThan(8);
    expect(cancelled).toBe(true);
  });

  it('may be longer for register, up to its own bound', async () => {
    const server = await Server.create();
    const body = 'x'.repeat(REGISTER_BODY_BYTES_MAX);
    expect(await server.outcome('POST', '/register', { body })).toBe('400 input/invalid');
    expect(await server.outcome('POST', '/register', { body: `${body}x` })).toBe('413 input/too-large');
    const elsewhere = { body: 'x'.repeat(JSON_BODY_BYTES_MAX + 1) };
    expect(await server.outcome('POST', '/heartbeat', elsewhere)).toBe('413 input/too-large');
  });

  it('must be JSON of the right shape, and says what is wrong with it', async () => {
    const server = await Server.create();
    await server.register(ALICE);
    expect(await server.outcome('POST', '/heartbeat', { as: ALICE, body: '{' })).toBe('400 input/invalid');
    const response = await server.send('POST', '/heartbeat', {
      as: ALICE,
      body: { username: 'alice', seq: 1 },
    });
    const problem = Problem.parse(await response.json());
    expect(problem.detail).toMatch(/^body: addresses: /);
    expect(problem.data).toEqual({ path: ['addresses'] });
  });
});

describe('a node that does not lead', () => {
  it('sends callers to the leader, and the cluster vouches for the address', async () => {
    const server = await Server.create();
    server.leadership.follow();
    const response = await server.send('GET', '/grants?limit=3', { as: ALICE });
    expect(response.status).toBe(307);
    expect(response.headers.get('location')).toBe(`${ELSEWHERE}/grants?limit=3`);
    const body: unknown = await response.json();
    expect(Problem.parse(body)).toMatchObject({
      code: 'cluster/not-leader',
      detail: expect.stringMatching(/^this node is not the leader, current leader: 127.0.0.1:5002/),
    });
    const hint = LeaderHint.parse(body);
    expect(hint.leader_url).toBe(ELSEWHERE);
    const statement = openLeaderStatement(CLUSTER_KEY.publicKey, hint.leader_statement);
    expect(statement).toMatchObject({ url: ELSEWHERE, term: 1 });
  });

  it('asks for patience when there was no leader for long', async () => {
    const server = await Server.create();
    server.leadership.lose();
    const asked = server.send('GET', '/discovery/online');
    await server.holds(1);
    server.pass(HOLD_MS);
    const response = await asked;
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Problem.parse(await response.json())).toMatchObject({ code: 'cluster/no-leader' });
  });

  it('does not send callers to itself when its lease has run out', async () => {
    const server = await Server.create();
    server.leadership.leased = false;
    const asked = server.outcome('GET', '/discovery/online');
    await server.holds(1);
    server.pass(HOLD_MS);
    expect(await asked).toBe('503 cluster/no-leader');
  });

  it('serves no leader’s call, however it comes, and spends nothing', async () => {
    const server = await Server.create();
    await server.withGrant();
    server.leadership.follow();
    for (const { method, path, servedBy } of server.app.routes) {
      if (servedBy === 'anyone') continue;
      expect(await server.outcome(method, path.replaceAll(/:\w+/g, GRANT), { as: BOB })).toBe(
        '307 cluster/not-leader',
      );
    }
    server.leadership.lead(1);
    expect((await server.grant()).used).toBe(0);
  });

  it('does not answer what it was asked while it still led', async () => {
    const store = new MemoryStore();
    const server = await Server.create(store);
    await server.withGrant();
    const inner = store.commit.bind(store);
    store.commit = async (commit) => {
      server.leadership.follow();
      return inner(commit);
    };
    expect(await outcomeOf(await server.open(1))).toBe('307 cluster/not-leader');
    store.commit = inner;
    server.leadership.lead(1);
    // The commit stands: the same view, asked for again, costs no second one.
    expect((await server.open(1)).status).toBe(200);
    expect((await server.grant()).used).toBe(1);
  });

  it('cannot write once another has claimed a later term, even if it does not know yet', async () => {
    const server = await Server.create();
    await server.withGrant();
    await server.store.claimTerm(2 as Term, '127.0.0.1:5002');
    expect(await outcomeOf(await server.open(1))).toBe('503 cluster/fenced');
    expect((await server.grant()).used).toBe(0);
  });
});

describe('a node that leads again', () => {
  it('serves under its new term, though it never noticed that the old one was over', async () => {
    const server = await Server.create();
    await server.register(ALICE);
    await server.store.claimTerm(3 as Term, '127.0.0.1:5001');
    server.leadership.lead(3);
    expect(await server.register(BOB)).toBe('200');
  });
});

describe('a problem', () => {
  it('keeps what went wrong inside the server in the log', async () => {
    const store = new MemoryStore();
    const server = await Server.create(store);
    store.get = async () => {
      throw new Error('secret path /var/lib');
    };
    const response = await server.send('GET', '/users/alice');
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(text).not.toContain('secret');
    const { requestId, code } = Problem.parse(JSON.parse(text));
    expect(code).toBe('program/bug');
    const entry = server.log.find(({ fields }) => fields['requestId'] === requestId);
    expect(entry).toMatchObject({ level: 'error' });
    expect(String(entry?.fields['error'])).toContain('secret path');
  });

  it('is what unknown addresses and wrong methods are answered with', async () => {
    const server = await Server.create();
    expect(await server.outcome('GET', '/nowhere')).toBe('404 input/not-found');
    const response = await server.send('PUT', '/heartbeat');
    expect(response.headers.get('allow')).toBe('POST, DELETE');
    expect(await outcomeOf(response)).toBe('405 input/wrong-method');
    expect(await server.outcome('GET', '/users/..%2F..%2Fetc')).toBe('400 input/invalid');
  });
});
