import { connect } from 'node:net';
import {
  CHANGES_PER_USER_BURST,
  HTTP_SOCKETS_PER_ADDRESS_MAX,
  NEW_NAMES_PER_ADDRESS_PER_HOUR,
  Problem,
  REQUESTS_PER_ADDRESS_BURST,
  REQUESTS_PER_ADDRESS_PER_SECOND,
} from '@cloud-steg/protocol';
import { describe, expect, it } from 'vitest';
import { Bodies } from '../src/bounded-body.ts';
import { serveHttp } from '../src/http-server.ts';
import { ALICE, BOB, registerBody, Server, type User, user } from './fixtures.ts';

const FAR = '203.0.113.9';
const ELSEWHERE = '203.0.113.10';
const LIMITED = '429 rate/limited';

async function repeat(times: number, ask: () => Promise<string>): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>();
  for (let i = 0; i < times; i++) {
    const outcome = await ask();
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  return outcomes;
}

describe('an address', () => {
  it('may ask so often, whatever and of whomever it asks, and is told when to go on', async () => {
    const server = await Server.create();
    const ask = () => server.outcome('GET', '/discovery/online', { client: FAR });
    expect(await repeat(REQUESTS_PER_ADDRESS_BURST, ask)).toEqual(
      new Map([['200', REQUESTS_PER_ADDRESS_BURST]]),
    );
    for (const path of ['/status', '/grants', '/users/alice']) {
      const response = await server.send('GET', path, { client: FAR });
      expect(response.headers.get('retry-after')).toBe('1');
      expect(Problem.parse(await response.json())).toMatchObject({
        code: 'rate/limited',
        status: 429,
        detail: expect.stringContaining(FAR),
        hint: expect.stringContaining('1 s'),
        data: { retryAfterSeconds: 1 },
      });
    }
    expect(await server.outcome('GET', '/status', { client: ELSEWHERE })).toBe('200');
    server.time += 1000;
    const after = await repeat(REQUESTS_PER_ADDRESS_PER_SECOND + 5, ask);
    expect(after.get('200')).toBe(REQUESTS_PER_ADDRESS_PER_SECOND);
  });

  it('has no say in what it is', async () => {
    const server = await Server.create();
    const outcomes = await repeat(REQUESTS_PER_ADDRESS_BURST + 1, () =>
      server.outcome('GET', '/healthz', {
        client: FAR,
        headers: { 'x-forwarded-for': `198.51.100.${Math.random()}`, forwarded: 'for=127.0.0.1' },
      }),
    );
    expect(outcomes.get(LIMITED)).toBe(1);
  });

  it('is not counted on this machine', async () => {
    const server = await Server.create();
    const times = REQUESTS_PER_ADDRESS_BURST + 10;
    expect((await repeat(times, () => server.outcome('GET', '/healthz'))).get('200')).toBe(times);
  });

  it('takes only so many new names', async () => {
    const server = await Server.create();
    const register = (who: User, client?: string) =>
      server.outcome('POST', '/register', {
        as: who,
        body: registerBody(who),
        ...(client === undefined ? {} : { client }),
      });
    let n = 0;
    const another = () => register(user(`name${++n}`), FAR);
    expect((await repeat(NEW_NAMES_PER_ADDRESS_PER_HOUR, another)).get('200')).toBe(
      NEW_NAMES_PER_ADDRESS_PER_HOUR,
    );
    expect(await another()).toBe(LIMITED);
    // The same names again are not new, and other addresses have names left.
    expect(await register(user('name1'), FAR)).toBe('200');
    expect(await register(user('other'), ELSEWHERE)).toBe('200');
    expect(await register(user('here'))).toBe('200');
    server.time += 3_600_000 / NEW_NAMES_PER_ADDRESS_PER_HOUR;
    expect(await register(user('later'), FAR)).toBe('200');
    expect(await another()).toBe(LIMITED);
  });

  it('does not use up names by asking for those of others', async () => {
    const server = await Server.create();
    await server.register(ALICE);
    const squat = () =>
      server.outcome('POST', '/register', {
        as: user('alice', 'mallory'),
        body: registerBody(user('alice', 'mallory')),
        client: FAR,
      });
    expect(await repeat(NEW_NAMES_PER_ADDRESS_PER_HOUR + 5, squat)).toEqual(
      new Map([['409 identity/exists', NEW_NAMES_PER_ADDRESS_PER_HOUR + 5]]),
    );
    expect(await server.outcome('POST', '/register', { as: BOB, body: registerBody(BOB), client: FAR })).toBe(
      '200',
    );
  });
});

describe('a user', () => {
  it('may change things so often, from wherever, and read on', async () => {
    const server = await Server.create();
    await server.register(ALICE);
    await server.register(BOB);
    let seq = 0;
    const beat = (who: User) =>
      server.outcome('POST', '/heartbeat', {
        as: who,
        body: { username: who.username, addresses: [{ host: '127.0.0.1', port: 6000 }], seq: ++seq },
      });
    const outcomes = await repeat(CHANGES_PER_USER_BURST + 1, () => beat(ALICE));
    expect(outcomes).toEqual(
      new Map([
        ['200', CHANGES_PER_USER_BURST],
        [LIMITED, 1],
      ]),
    );
    expect(await server.register(ALICE)).toBe(LIMITED);
    expect(await server.outcome('GET', '/grants', { as: ALICE })).toBe('200');
    expect(await beat(BOB)).toBe('200');
    // Whoever pretends to be alice takes nothing from her, nor does time fail to give it back.
    server.time += 1000;
    expect(await server.register(user('alice', 'mallory'))).toBe('409 identity/exists');
    expect(await beat(ALICE)).toBe('200');
  });
});

describe('bodies', () => {
  const upload = (bytes: number) =>
    new Request('http://127.0.0.1/', { method: 'POST', body: 'x'.repeat(bytes) });

  it('take up only so much memory together, and of one client', async () => {
    const bodies = new Bodies(100, 60);
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let inUse = () => {};
    const used = new Promise<void>((resolve) => {
      inUse = resolve;
    });
    const held = bodies.read(upload(50), FAR, 80, async (bytes) => {
      inUse();
      await released;
      return bytes.length;
    });
    await used;
    const read = (bytes: number, client: string | undefined) =>
      bodies.read(upload(bytes), client, 80, async ({ length }) => length);
    await expect(read(20, FAR)).rejects.toMatchObject({ code: 'rate/limited' });
    await expect(read(60, undefined)).rejects.toMatchObject({ code: 'rate/limited' });
    expect(await read(10, FAR)).toBe(10);
    expect(await read(40, ELSEWHERE)).toBe(40);
    expect(bodies.bytesHeld).toBe(50);
    release();
    expect(await held).toBe(50);
    expect(bodies.bytesHeld).toBe(0);
    expect(await read(60, FAR)).toBe(60);
  });

  it('are let go of when their use fails', async () => {
    const bodies = new Bodies(100, 100);
    const failing = bodies.read(upload(50), FAR, 80, () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    await expect(bodies.read(upload(90), FAR, 80, async () => 1)).rejects.toMatchObject({
      code: 'input/too-large',
    });
    expect(bodies.bytesHeld).toBe(0);
  });
});

describe('connections', () => {
  it('of one address are only so many; those of this machine, and of others, go on', async () => {
    let client: string | undefined = FAR;
    const seen: (string | undefined)[] = [];
    const server = await serveHttp(
      '127.0.0.1',
      0,
      async (_, from) => {
        seen.push(from);
        return new Response('ok');
      },
      () => client,
    );
    const open = () =>
      new Promise<ReturnType<typeof connect>>((resolve, reject) => {
        const socket = connect(server.port, '127.0.0.1', () => resolve(socket));
        socket.once('error', reject);
      });
    const sockets = [];
    for (let i = 0; i < HTTP_SOCKETS_PER_ADDRESS_MAX; i++) sockets.push(await open());
    const oneTooMany = await open();
    await new Promise((resolve) => oneTooMany.once('close', resolve).resume());

    client = ELSEWHERE;
    expect(await (await fetch(`http://127.0.0.1:${server.port}/`)).text()).toBe('ok');
    client = undefined;
    const here = await fetch(`http://127.0.0.1:${server.port}/`);
    expect(await here.text()).toBe('ok');
    expect(seen[0]).toBe(ELSEWHERE);

    for (const socket of sockets) socket.destroy();
    await server.close();
  });
});
