import type { Socket } from 'node:net';
import { type Message, readElectionConfig, writeFrame } from '@cloud-steg/election';
import { ELECTION_HANDSHAKE_BYTES_MAX, ELECTION_LINE_BYTES_MAX } from '@cloud-steg/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { introduce } from '../src/handshake.ts';
import { linkKey } from '../src/link-proof.ts';
import { eventually, SECRET, TestCluster } from './cluster.ts';
import { HandMadeLink } from './hand-made-link.ts';
import { Splice } from './splice.ts';

/** A lease as long as by default: what is tested is that strangers do no harm, not how little a busy machine may stall. */
const TIMINGS = { heartbeat_interval_ms: 200 };
const FLOOD_CONNECTIONS = 400;
const SLOW_BYTE_MS = 100;
const ATTACKS_MAX = 100;
const ATTACK_PAUSE_MS = 50;

const key = linkKey(SECRET);
const strangersKey = linkKey(new Uint8Array(32).fill(8));
/** Would make its sender the leader for all time. */
const usurpation = writeFrame({
  kind: 'LeaderAnnounce',
  term: 99,
  process: 'usurper',
  cause: 'first',
  leadingMs: 0,
  seq: 1,
  nodes: [],
  leadingCostPoints: 0,
} satisfies Message);

let cluster: TestCluster;
/** What any node thought of who leads, from the first leader on. */
let beliefs: Set<string>;
let leader: { id: string; term: number };

beforeAll(async () => {
  cluster = await TestCluster.started(3, TIMINGS);
  leader = await cluster.leader();
  await eventually('all to follow', () =>
    [...cluster.nodes.values()].every((node) => node.status().leader === leader.id) ? true : undefined,
  );
  beliefs = new Set();
  for (const node of cluster.nodes.values()) {
    node.onChange(() => beliefs.add(`${node.status().leader} in ${node.status().term}`));
  }
});
afterAll(() => cluster.end());

/** Another member than the one at `address`. */
const another = (address: string) => cluster.ids.find((id) => id !== address) ?? '';
const configOf = (id: string) => cluster.optionsFor(id).config;

/** All followers have heard of the leader since now, and nobody ever had a doubt who that is. */
async function expectNoHarm(): Promise<void> {
  const beganAt = performance.now();
  for (const node of cluster.nodes.values()) {
    await eventually('a heartbeat', () => {
      const line = node.status().nodes.find(({ id }) => id === leader.id);
      const heardAfterMs = performance.now() - beganAt;
      return (line?.lastSeenMs ?? Infinity) < heardAfterMs ? true : undefined;
    });
  }
  expect([...beliefs]).toEqual([]);
  expect(cluster.leaders()).toMatchObject([{ id: leader.id, term: leader.term }]);
}

/** Knocks on every node's door until it was hung up on; again, until a node logs why: each reason is logged once a second. */
async function attack(why: string, knock: (address: string) => Promise<HandMadeLink>): Promise<void> {
  cluster.log.length = 0;
  const isTold = () => refusals().some((message) => message.includes(why));
  for (let i = 0; i < ATTACKS_MAX && !isTold(); i++) {
    const links = await Promise.all(cluster.ids.map(knock));
    await Promise.all(links.map(({ closed }) => closed));
    await new Promise((resolve) => setTimeout(resolve, ATTACK_PAUSE_MS));
  }
  expect(refusals().join('; ')).toContain(why);
}

function refusals(): string[] {
  return cluster.log
    .filter(({ event }) => event === 'election.connection-refused')
    .map(({ fields }) => String(fields['message']));
}

/** Writes one byte after the other until it is hung up on. */
function dribble(socket: Socket, bytes: Uint8Array): void {
  let index = 0;
  const timer = setInterval(() => socket.write(bytes.subarray(index, ++index)), SLOW_BYTE_MS);
  socket.on('close', () => clearInterval(timer));
}

describe('a running cluster keeps its leader and its term, whoever knocks:', () => {
  it('one with another secret', async () => {
    await attack('did not prove that it knows the cluster’s secret', async (address) => {
      const link = await HandMadeLink.to(address);
      link.say(introduce({ config: configOf(another(address)), key: strangersKey }, address, link.keying));
      link.say(usurpation);
      return link;
    });
    await expectNoHarm();
  });

  it('one of another cluster', async () => {
    const [first = '', ...peers] = cluster.ids;
    const other = (id: string) => readElectionConfig({ this_node: first, peers, leader_term_ms: 9000 }, id);
    const which = `runs with configuration ${other(first).hash}, this node with ${configOf(first).hash}`;
    await attack(which, async (address) => {
      const link = await HandMadeLink.to(address);
      link.say(introduce({ config: other(another(address)), key }, address, link.keying));
      link.say(usurpation);
      return link;
    });
    await expectNoHarm();
  });

  it.each([
    ['garbage', 'GET / HTTP/1.1\r\n\r\n', 'does not speak TLS 1.3'],
    ['a message', `${usurpation}\n`, 'does not speak TLS 1.3'],
    ['a line without end', 'x'.repeat(4 * ELECTION_LINE_BYTES_MAX), 'does not speak TLS 1.3'],
  ])('one that says %s in the clear', async (_, text, why) => {
    await attack(why, async (address) => {
      const link = await HandMadeLink.plainTo(address);
      link.socket.write(text);
      return link;
    });
    await expectNoHarm();
  });

  it.each([
    ['garbage', 'GET / HTTP/1.1\r\n\r\n', 'not valid JSON'],
    ['a message', `${usurpation}\n`, 'election handshake'],
    [
      'a line without end',
      'x'.repeat(4 * ELECTION_LINE_BYTES_MAX),
      `over ${ELECTION_HANDSHAKE_BYTES_MAX} bytes`,
    ],
  ])('one that says %s under TLS', async (_, text, why) => {
    await attack(why, async (address) => {
      const link = await HandMadeLink.to(address);
      link.socket.write(text);
      return link;
    });
    await expectNoHarm();
  });

  it('one that writes a byte now and a byte then, in the clear or under TLS', async () => {
    const links = await Promise.all(
      cluster.ids.flatMap((address) => [HandMadeLink.plainTo(address), HandMadeLink.to(address)]),
    );
    for (const { socket } of links)
      dribble(socket, Buffer.from([22, 3, 1, 2, 0, ...Buffer.from('x'.repeat(500))]));
    await Promise.all(links.map(({ closed }) => closed));
    await expectNoHarm();
  });

  it('one that opens connections by the hundred, in the clear and under TLS', async () => {
    cluster.log.length = 0;
    const links: HandMadeLink[] = [];
    for (let i = 0; i < FLOOD_CONNECTIONS; i++) {
      const address = cluster.ids[i % cluster.ids.length] ?? '';
      const connecting = i % 2 === 0 ? HandMadeLink.plainTo(address) : HandMadeLink.to(address);
      const link = await connecting.catch(() => undefined);
      if (link) links.push(link);
    }
    for (const { socket } of links) socket.destroy();
    expect(refusals().join('; ')).toMatch(/did not prove itself before|come in too fast/);
    await expectNoHarm();
  });

  it('a man in the middle, through whom a member dials', async () => {
    await attack('did not prove', async (address) => {
      const middle = await Splice.to(address);
      const link = await HandMadeLink.to(middle.address);
      link.say(introduce({ config: configOf(another(address)), key }, address, link.keying));
      link.say(usurpation);
      void link.closed.then(() => middle.close());
      return link;
    });
    await expectNoHarm();
  });

  it('one that repeats what a member said before', async () => {
    const recorded = new Map<string, string>();
    for (const address of cluster.ids) {
      const link = await HandMadeLink.to(address);
      recorded.set(address, introduce({ config: configOf(another(address)), key }, address, link.keying));
      link.socket.destroy();
    }
    await attack('did not prove', async (address) => {
      const link = await HandMadeLink.to(address);
      link.say(recorded.get(address) ?? '');
      link.say(usurpation);
      return link;
    });
    await expectNoHarm();
  });
});

it('a stranger at the address of a member that is down is told nothing, though it gives back what it is told', async () => {
  const two = await TestCluster.of(3, TIMINGS);
  const [a = '', b = '', down = ''] = two.ids;
  const ends: HandMadeLink[] = [];
  const mirror = await HandMadeLink.listen(down, async (end) => {
    ends.push(end);
    const hello = JSON.parse((await end.hear()) ?? '{}') as { config?: string; proof?: string };
    end.say(JSON.stringify({ config: hello.config, proof: hello.proof }));
  });
  try {
    await two.start(a);
    await two.start(b);
    const first = await two.leader();
    await eventually('the reflections', () => (ends.length > 3 ? true : undefined));
    for (const end of ends.slice(0, 3)) {
      await end.closed;
      expect(await end.hear()).toBeUndefined();
    }
    expect(two.log).toContainEqual(
      expect.objectContaining({
        event: 'election.connection-refused',
        fields: expect.objectContaining({ message: expect.stringContaining(`${down} did not prove`) }),
      }),
    );
    expect(two.leaders()).toMatchObject([{ id: first.id, term: first.term }]);
  } finally {
    await two.end();
    for (const { socket } of ends) socket.destroy();
    mirror.close();
  }
});
