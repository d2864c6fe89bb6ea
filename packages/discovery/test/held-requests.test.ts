import { HELD_REQUESTS_MAX, HELD_REQUESTS_PER_ADDRESS_MAX, type Term } from '@cloud-steg/protocol';
import { MemoryStore } from '@cloud-steg/store';
import { describe, expect, it } from 'vitest';
import { HeldRequests } from '../src/held-requests.ts';
import { ALICE, BOB, ELSEWHERE, HERE, HOLD_MS, outcomeOf, Server, THIRD, viewKey } from './fixtures.ts';

const FAR = '203.0.113.9';
const online = (server: Server, options = {}) => server.send('GET', '/discovery/online', options);
const NO_LEADER = '503 cluster/no-leader';
const IN_VAIN = 'cloud_steg_requests_held_in_vain_total';

/** No request left, no listener, no timer: whatever was held has gone. */
async function expectNothingHeld(server: Server): Promise<void> {
  await server.holds(0);
  expect([server.leadership.listeners, server.timers]).toEqual([0, 0]);
}

describe('a request during an election', () => {
  it('waits, and is served here once this node leads', async () => {
    const server = await Server.create();
    await server.register(ALICE);
    server.leadership.lose();
    const answers = [
      online(server),
      server.send('GET', '/users/alice'),
      server.send('GET', '/grants', { as: ALICE }),
    ];
    await server.holds(3);
    await server.store.claimTerm(2 as Term, '127.0.0.1:5001');
    server.leadership.lead(2);
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
    await expectNothingHeld(server);
  });

  it('waits, and is sent to whoever else leads then', async () => {
    const server = await Server.create();
    server.leadership.lose();
    const answer = online(server);
    await server.holds(1);
    server.leadership.follow();
    const response = await answer;
    expect(response.status).toBe(307);
    expect(response.headers.get('location')).toBe(`${ELSEWHERE}/discovery/online`);
    await expectNothingHeld(server);
  });

  it('waits through changes that bring no leader, such as one elected but not granted its term yet', async () => {
    const server = await Server.create();
    server.leadership.lose();
    const answer = online(server);
    await server.holds(1);
    server.leadership.leased = false;
    server.leadership.lead(2);
    server.leadership.lose();
    server.leadership.lead(3);
    await server.holds(1);
    await server.store.claimTerm(3 as Term, '127.0.0.1:5001');
    server.leadership.leased = true;
    expect((await answer).status).toBe(200);
  });

  it('is told to come again once it has waited for long enough, and no sooner', async () => {
    const server = await Server.create();
    server.leadership.lose();
    const answer = online(server);
    await server.holds(1);
    server.pass(HOLD_MS - 1);
    await server.holds(1);
    server.pass(1);
    const response = await answer;
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await outcomeOf(response)).toBe(NO_LEADER);
    expect(await server.metric(IN_VAIN)).toBe(1);
    await expectNothingHeld(server);
  });

  it('frees its place when its client hangs up', async () => {
    const server = await Server.create();
    server.leadership.lose();
    const hangUp = new AbortController();
    const answer = online(server, { signal: hangUp.signal });
    await server.holds(1);
    hangUp.abort();
    expect(await outcomeOf(await answer)).toBe('499 program/cancelled');
    expect(await server.metric(IN_VAIN)).toBe(0);
    await expectNothingHeld(server);
  });

  it('is one of so many, in all and from one address; what this machine asks is not counted by address', async () => {
    const server = await Server.create();
    server.leadership.lose();
    const held: Promise<Response>[] = [];
    for (let i = 0; i < HELD_REQUESTS_PER_ADDRESS_MAX; i++) held.push(online(server, { client: FAR }));
    await server.holds(HELD_REQUESTS_PER_ADDRESS_MAX);
    expect(await outcomeOf(await online(server, { client: FAR }))).toBe(NO_LEADER);
    for (let i = HELD_REQUESTS_PER_ADDRESS_MAX; i < HELD_REQUESTS_MAX; i++) held.push(online(server));
    await server.holds(HELD_REQUESTS_MAX);
    const refused = await online(server);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await outcomeOf(refused)).toBe(NO_LEADER);
    expect(await server.metric('cloud_steg_requests_not_held_total')).toBe(2);

    server.leadership.follow();
    const statuses = new Set((await Promise.all(held)).map(({ status }) => status));
    expect([...statuses]).toEqual([307]);
    await expectNothingHeld(server);
  });

  it('waits unread: however much it brings, its body takes no memory yet', async () => {
    const server = await Server.create();
    server.leadership.lose();
    const answer = server.send('POST', '/register', { body: 'x'.repeat(200_000) });
    await server.holds(1);
    expect(await server.metric('cloud_steg_body_bytes_held')).toBe(0);
    server.leadership.follow();
    expect((await answer).status).toBe(307);
  });

  it('is limited in number per address before it waits', async () => {
    const server = await Server.create();
    while ((await outcomeOf(await server.send('GET', '/healthz', { client: FAR }))) === '200');
    server.leadership.lose();
    expect(await outcomeOf(await online(server, { client: FAR }))).toBe('429 rate/limited');
  });

  it('does not wait for what every node answers itself', async () => {
    const server = await Server.create();
    server.leadership.lose();
    for (const path of ['/status', '/healthz', '/metrics']) {
      expect(await server.outcome('GET', path)).toBe('200');
    }
    expect(await server.outcome('GET', '/readyz')).toBe(NO_LEADER);
  });
});

describe('a change of leadership', () => {
  it('is not missed, though it comes while a request is looked at', async () => {
    const listeners = new Set<() => void>();
    const onChange = (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    };
    const held = new HeldRequests({ leadership: { onChange }, after: () => () => {}, holdMs: HOLD_MS });
    let looks = 0;
    const found = held.until(undefined, new AbortController().signal, async () => {
      looks += 1;
      if (looks === 2) for (const tell of listeners) tell();
      return looks === 3 ? 'a leader' : undefined;
    });
    expect(await found).toBe('a leader');
    expect([held.count, listeners.size]).toEqual([0, 0]);
  });
});

describe('a request whose client had no answer from the leader', () => {
  const silent = (...urls: string[]) => ({ headers: { 'no-answer-from': urls.join(', ') } });

  it('is not sent there again, but waits for the next leader', async () => {
    const server = await Server.create();
    server.leadership.follow();
    const answer = online(server, silent('http://127.0.0.1:9', ELSEWHERE));
    await server.holds(1);
    server.leadership.lose();
    await server.holds(1);
    server.leadership.follow('127.0.0.1:5003');
    expect((await answer).headers.get('location')).toBe(`${THIRD}/discovery/online`);
  });

  it('is sent there after all if it still leads when the wait is over', async () => {
    const server = await Server.create();
    server.leadership.follow();
    const answer = online(server, silent(ELSEWHERE));
    await server.holds(1);
    server.pass(HOLD_MS);
    expect((await answer).headers.get('location')).toBe(`${ELSEWHERE}/discovery/online`);
  });

  it('is served by a node that leads, whoever is said to be silent', async () => {
    const server = await Server.create();
    expect((await online(server, silent(HERE, ELSEWHERE))).status).toBe(200);
  });
});

describe('a leader that loses office while it answers', () => {
  /** A server whose next commit is followed by `then`, before the answer. */
  async function deposedBy(then: (server: Server) => void): Promise<Server> {
    const store = new MemoryStore();
    const server = await Server.create(store);
    await server.withGrant();
    const commit = store.commit.bind(store);
    store.commit = async (asked) => {
      store.commit = commit;
      const result = await commit(asked);
      then(server);
      return result;
    };
    return server;
  }

  it('says nothing before it knows its successor, and then whom to ask', async () => {
    const server = await deposedBy(({ leadership }) => leadership.lose());
    const answer = server.open(1);
    await server.holds(1);
    server.leadership.follow();
    expect(await outcomeOf(await answer)).toBe('307 cluster/not-leader');
    server.leadership.lead(1);
    expect((await server.grant()).used).toBe(1);
  });

  it('says what it did if nobody else led meanwhile', async () => {
    const server = await deposedBy(({ leadership }) => {
      leadership.leased = false;
    });
    const answer = server.open(1);
    await server.holds(1);
    server.leadership.leased = true;
    expect(await (await answer).json()).toMatchObject({ n: 1, grant: { used: 1 } });
  });

  it('answers anew if it is elected again, and counts nothing twice', async () => {
    const server = await deposedBy(({ leadership }) => leadership.lose());
    const answer = server.open(1);
    await server.holds(1);
    await server.store.claimTerm(2 as Term, '127.0.0.1:5001');
    server.leadership.lead(2);
    expect(await (await answer).json()).toMatchObject({ n: 1, grant: { used: 1 } });
    expect((await server.grant()).used).toBe(1);
  });

  it('tells no refusal either, which its successor may know better', async () => {
    const server = await deposedBy(() => {});
    await server.open(1);
    const { store } = server;
    const get = store.get.bind(store);
    store.get = async (key) => {
      if (key.startsWith('view/')) server.leadership.lose();
      return get(key);
    };
    const answer = server.open(1, BOB, viewKey(9));
    await server.holds(1);
    server.leadership.follow();
    expect(await outcomeOf(await answer)).toBe('307 cluster/not-leader');
  });
});

describe('a server that is being stopped', () => {
  it('sends what it holds to the successor, if it knows one', async () => {
    const server = await Server.create();
    server.leadership.lose();
    const waits = online(server);
    await server.holds(1);
    server.leadership.follow();
    server.app.endHolding();
    expect((await waits).status).toBe(307);
    expect((await online(server)).status).toBe(307);
  });

  it('holds nobody once it has left the election, since it will learn of no other leader', async () => {
    const server = await Server.create();
    server.leadership.lose();
    const waits = online(server);
    await server.holds(1);
    server.app.endHolding();
    expect(await outcomeOf(await waits)).toBe(NO_LEADER);
    expect(await outcomeOf(await online(server))).toBe(NO_LEADER);
    expect(await server.metric(IN_VAIN)).toBe(0);
    await expectNothingHeld(server);
  });
});
