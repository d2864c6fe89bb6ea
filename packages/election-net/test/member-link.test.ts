import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { type Message, readElectionConfig, splitAddress, writeFrame } from '@cloud-steg/election';
import {
  type AppError,
  ELECTION_HANDSHAKE_BYTES_MAX,
  ELECTION_HANDSHAKE_TIMEOUT_MS,
  ELECTION_HELD_MESSAGES_MAX,
  ELECTION_UNSENT_BYTES_MAX,
} from '@cloud-steg/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../src/clock.ts';
import { answerDialer } from '../src/handshake.ts';
import { linkKey } from '../src/link-proof.ts';
import { MemberLink } from '../src/member-link.ts';
import { eventually, freeAddresses, SECRET } from './cluster.ts';
import { HandMadeLink } from './hand-made-link.ts';

const key = linkKey(SECRET);
const step: Message = { kind: 'StepDown', term: 3, cause: 'stopping' };

const PATIENCE_MS = 1777;

/** Calls time on a handshake, or on an answer, as soon as the test says so, and lets all else run as usual. */
let timeOut: (() => void) | undefined;
let patienceEnds: (() => void) | undefined;
const clock: Clock = {
  now: () => systemClock.now(),
  after(ms, run) {
    if (ms === PATIENCE_MS) {
      patienceEnds = run;
      return () => {
        patienceEnds = undefined;
      };
    }
    if (ms !== ELECTION_HANDSHAKE_TIMEOUT_MS) return systemClock.after(ms, run);
    timeOut = run;
    return () => {
      timeOut = undefined;
    };
  },
};

let dialer: string;
let listener: string;
let server: Server;
let link: MemberLink;
let incoming: HandMadeLink[];
const refused: AppError[] = [];
const lost: string[] = [];
const unreachable: string[] = [];

const keys = () => ({
  this_node: dialer,
  peers: [listener],
  heartbeat_interval_ms: 500,
  election_timeout_min_ms: PATIENCE_MS,
});
const configOf = (node: string) => readElectionConfig(keys(), node);
const frame = (message: Message = step) => writeFrame(message);

/** The `index`th connection that the dialer makes. */
const connection = (index = 0) => eventually('a connection', () => incoming[index]);

beforeEach(async () => {
  for (const list of [refused, lost, unreachable]) list.length = 0;
  patienceEnds = undefined;
  incoming = [];
  [dialer = '', listener = ''] = await freeAddresses(2);
  server = await HandMadeLink.listen(listener, (each) => void incoming.push(each));
  link = new MemberLink({
    config: configOf(dialer),
    to: listener,
    key,
    clock,
    greeting: () => 'greeting',
    onLost: () => lost.push(listener),
    onUnreachable: () => unreachable.push(listener),
    onRefused: (error) => refused.push(error),
  });
});
afterEach(async () => {
  await link.close();
  for (const { socket } of incoming) socket.destroy();
  server.close();
});

/** Plays the listener up to and with its proof, and returns the dialer's own. */
async function prove(to: HandMadeLink): Promise<string> {
  const line = (await to.hear()) ?? '';
  to.say(answerDialer({ config: configOf(listener), key }, to.keying, line).answer);
  return line;
}

async function expectRefusal(to: HandMadeLink, code: AppError['code'], message: string): Promise<void> {
  await to.closed;
  expect(refused[0]).toMatchObject({ code, message: expect.stringContaining(message) });
  expect(lost).toEqual([]);
  expect(await to.hear()).toBeUndefined();
}

describe('a link', () => {
  it('proves itself first, and says nothing more before the listener has', async () => {
    const to = await connection();
    link.send(frame());
    const line = (await to.hear()) ?? '';
    expect(Object.keys(JSON.parse(line))).toEqual(['v', 'from', 'to', 'config', 'proof']);
    to.say(answerDialer({ config: configOf(listener), key }, to.keying, line).answer);
    expect(await to.hear()).toBe('greeting');
    expect(await to.hear()).toBe(frame());
  });

  it('holds so many frames and no more until then', async () => {
    const to = await connection();
    for (let i = 0; i < 2 * ELECTION_HELD_MESSAGES_MAX; i++) link.send(`frame ${i}`);
    await prove(to);
    const heard = [await to.hear()];
    link.send('last');
    while (heard.at(-1) !== 'last') heard.push(await to.hear());
    expect(heard).toHaveLength(ELECTION_HELD_MESSAGES_MAX + 2);
  });

  it('holds nothing over from a connection that broke before that', async () => {
    const first = await connection();
    link.send('for the first');
    first.socket.destroy();
    const second = await connection(1);
    await prove(second);
    expect(await second.hear()).toBe('greeting');
    link.send('for the second');
    expect(await second.hear()).toBe('for the second');
    expect(lost).toEqual([]);
    expect(unreachable).toEqual([listener]);
  });

  it('that breaks is made anew, with new proofs', async () => {
    const first = await connection();
    const before = await prove(first);
    first.socket.destroy();
    await eventually('the loss', () => lost[0]);
    const second = await connection(1);
    link.send('second');
    expect(await prove(second)).not.toBe(before);
    expect(await second.hear()).toBe('greeting');
    expect(await second.hear()).toBe('second');
  });

  it('is made anew when the member owes an answer for longer than a leader may be silent', async () => {
    const first = await connection();
    await prove(first);
    await first.hear();
    link.send('question');
    link.expectAnswer();
    (await eventually('the end of patience', () => patienceEnds))();
    expect(await first.hear()).toBe('question');
    await first.closed;
    const second = await connection(1);
    await prove(second);
    expect(await second.hear()).toBe('greeting');
    expect(lost).toEqual([listener]);
    expect(patienceEnds).toBeUndefined();
  });

  it('is kept where nothing is owed, or the member was heard', async () => {
    const to = await connection();
    await prove(to);
    await to.hear();
    link.send('no question');
    expect(patienceEnds).toBeUndefined();
    link.expectAnswer();
    expect(patienceEnds).toBeDefined();
    link.heard();
    expect(patienceEnds).toBeUndefined();
  });

  it('is given up when the member reads nothing, and no more than so much is kept for it', async () => {
    const first = await connection();
    await prove(first);
    await first.hear();
    first.socket.pause();
    const large = 'x'.repeat(ELECTION_UNSENT_BYTES_MAX / 8);
    await eventually('the loss', () => {
      link.send(large);
      return lost[0];
    });
    expect(first.socket.destroyed).toBe(false);
    await prove(await connection(1));
  });
});

describe('a listener is hung up on, and told nothing', () => {
  it('that cannot prove anything', async () => {
    const to = await connection();
    await to.hear();
    link.send(frame());
    to.say(JSON.stringify({ config: configOf(listener).hash, proof: 'A'.repeat(43) }));
    await expectRefusal(to, 'auth/bad-signature', `${listener} did not prove`);
  });

  it('that gives the dialer its own proof back', async () => {
    const to = await connection();
    const { config, proof } = JSON.parse((await to.hear()) ?? '') as { config: string; proof: string };
    to.say(JSON.stringify({ config, proof }));
    await expectRefusal(to, 'auth/bad-signature', `${listener} did not prove`);
  });

  it('that repeats what a member proved before', async () => {
    const genuine = await connection();
    await prove(genuine);
    genuine.socket.destroy();
    const to = await connection(1);
    await eventually('the loss', () => lost.pop());
    await to.hear();
    for (const line of genuine.said) to.say(line);
    await expectRefusal(to, 'auth/bad-signature', `${listener} did not prove`);
  });

  it('that has another configuration', async () => {
    const to = await connection();
    const other = readElectionConfig({ ...keys(), leader_term_ms: 9000 }, listener);
    const line = (await to.hear()) ?? '';
    to.say(answerDialer({ config: other, key }, to.keying, line).answer);
    await expectRefusal(to, 'input/invalid', `${listener} runs with configuration ${other.hash}`);
  });

  it('that speaks another protocol under TLS', async () => {
    const to = await connection();
    await to.hear();
    to.say('SSH-2.0-OpenSSH_9.9');
    await expectRefusal(to, 'input/invalid', 'election handshake: not valid JSON');
  });

  it('that sends too much', async () => {
    const to = await connection();
    await to.hear();
    to.socket.write('x'.repeat(ELECTION_HANDSHAKE_BYTES_MAX + 1));
    await expectRefusal(to, 'input/too-large', `line of over ${ELECTION_HANDSHAKE_BYTES_MAX} bytes`);
  });

  it('that takes too long', async () => {
    const to = await connection();
    await to.hear();
    (await eventually('the deadline', () => timeOut))();
    await expectRefusal(to, 'program/timeout', `${listener} did not prove itself within`);
  });

  it('that goes on talking', async () => {
    const to = await connection();
    await prove(to);
    expect(await to.hear()).toBe('greeting');
    to.say('and another thing');
    await to.closed;
    expect(refused[0]?.message).toBe(`${listener} has more to say than its proof`);
  });

  it('that does not speak TLS', async () => {
    const [address = ''] = await freeAddresses(1);
    const plain = createServer((socket) => {
      socket.on('error', () => {});
      socket.end('SSH-2.0-OpenSSH_9.9\r\n');
    });
    plain.listen(splitAddress(address));
    await once(plain, 'listening');
    const astray = new MemberLink({
      config: readElectionConfig({ this_node: dialer, peers: [address] }),
      to: address,
      key,
      clock,
      greeting: () => 'greeting',
      onLost: () => lost.push(address),
      onUnreachable: () => unreachable.push(address),
      onRefused: (error) => refused.push(error),
    });
    await eventually('the refusal', () => refused[0]);
    expect(refused[0]).toMatchObject({
      message: expect.stringContaining(`${address} does not speak TLS 1.3`),
    });
    expect(lost).toEqual([]);
    await astray.close();
    plain.close();
  });
});
