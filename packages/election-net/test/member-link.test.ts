import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { type Message, readElectionConfig, splitAddress, writeFrame } from '@cloud-steg/election';
import {
  type AppError,
  ELECTION_HANDSHAKE_BYTES_MAX,
  ELECTION_HANDSHAKE_TIMEOUT_MS,
  ELECTION_HELD_MESSAGES_MAX,
} from '@cloud-steg/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../src/clock.ts';
import { answerDialer, challenge } from '../src/handshake.ts';
import { type FrameOpener, linkKey } from '../src/link-proof.ts';
import { MemberLink } from '../src/member-link.ts';
import { eventually, freeAddresses, SECRET } from './cluster.ts';
import { HandMadeLink } from './hand-made-link.ts';

const key = linkKey(SECRET);
const nonce = 'm'.repeat(43);
const step: Message = { kind: 'StepDown', term: 3, cause: 'stopping' };

/** Calls time on a handshake as soon as the test says so, and lets all else run as usual. */
let timeOut: (() => void) | undefined;
const clock: Clock = {
  now: () => systemClock.now(),
  after(ms, run) {
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

const configOf = (node: string) => readElectionConfig({ this_node: dialer, peers: [listener] }, node);
const frame = (message: Message = step) => writeFrame(configOf(dialer), listener, message);

/** The `index`th connection that the dialer makes. */
const connection = (index = 0) => eventually('a connection', () => incoming[index]);

beforeEach(async () => {
  refused.length = 0;
  lost.length = 0;
  incoming = [];
  [dialer = '', listener = ''] = await freeAddresses(2);
  server = createServer((socket) => incoming.push(new HandMadeLink(socket)));
  server.listen(splitAddress(listener));
  await once(server, 'listening');
  link = new MemberLink({
    config: configOf(dialer),
    to: listener,
    key,
    clock,
    greeting: () => 'greeting',
    onLost: () => lost.push(listener),
    onRefused: (error) => refused.push(error),
  });
});
afterEach(async () => {
  await link.close();
  for (const { socket } of incoming) socket.destroy();
  server.close();
});

/** Plays the listener up to and with its proof. */
async function prove(to: HandMadeLink, secretKey = key): Promise<FrameOpener> {
  to.say(challenge(nonce));
  const line = (await to.hear()) ?? '';
  const { answer, frames } = answerDialer({ config: configOf(listener), key: secretKey, nonce }, line);
  to.say(answer);
  return frames;
}

async function expectRefusal(to: HandMadeLink, code: AppError['code'], message: string): Promise<void> {
  await to.closed;
  expect(refused[0]).toMatchObject({ code, message: expect.stringContaining(message) });
  expect(lost).toEqual([]);
  expect(await to.hear()).toBeUndefined();
}

describe('a link', () => {
  it('says nothing before it is challenged, and no frame before the listener has proven itself', async () => {
    const to = await connection();
    link.send(frame());
    to.say(challenge(nonce));
    const line = (await to.hear()) ?? '';
    expect(Object.keys(JSON.parse(line))).toEqual(['from', 'to', 'nonce', 'proof']);
    const { answer, frames } = answerDialer({ config: configOf(listener), key, nonce }, line);
    to.say(answer);
    expect(frames.open((await to.hear()) ?? '')).toBe('greeting');
    expect(frames.open((await to.hear()) ?? '')).toBe(frame());
  });

  it('holds so many frames and no more until then', async () => {
    const to = await connection();
    for (let i = 0; i < 2 * ELECTION_HELD_MESSAGES_MAX; i++) link.send(`frame ${i}`);
    const frames = await prove(to);
    const heard = [frames.open((await to.hear()) ?? '')];
    link.send('last');
    while (heard.at(-1) !== 'last') heard.push(frames.open((await to.hear()) ?? ''));
    expect(heard).toHaveLength(ELECTION_HELD_MESSAGES_MAX + 2);
  });

  it('holds nothing over from a connection that broke before that', async () => {
    const first = await connection();
    link.send('for the first');
    first.socket.destroy();
    const second = await connection(1);
    const frames = await prove(second);
    expect(frames.open((await second.hear()) ?? '')).toBe('greeting');
    link.send('for the second');
    expect(frames.open((await second.hear()) ?? '')).toBe('for the second');
    expect(lost).toEqual([]);
  });

  it('that breaks is made anew, with new proofs and frames of its own', async () => {
    const first = await connection();
    await prove(first);
    first.socket.destroy();
    await eventually('the loss', () => lost[0]);
    const second = await connection(1);
    link.send('second');
    const frames = await prove(second);
    expect(frames.open((await second.hear()) ?? '')).toBe('greeting');
    expect(frames.open((await second.hear()) ?? '')).toBe('second');
    expect(first.said[0]).toBe(second.said[0]);
    expect(first.said[1]).not.toBe(second.said[1]);
  });
});

describe('a listener is hung up on, and told nothing', () => {
  it('that cannot prove anything', async () => {
    const to = await connection();
    to.say(challenge(nonce));
    await to.hear();
    link.send(frame());
    to.say(JSON.stringify({ proof: 'A'.repeat(43) }));
    await expectRefusal(to, 'auth/bad-signature', `${listener} did not prove`);
  });

  it('that gives the dialer its own proof back', async () => {
    const to = await connection();
    to.say(challenge(nonce));
    const { proof } = JSON.parse((await to.hear()) ?? '') as { proof: string };
    to.say(JSON.stringify({ proof }));
    await expectRefusal(to, 'auth/bad-signature', `${listener} did not prove`);
  });

  it('that repeats what a member proved before', async () => {
    const genuine = await connection();
    await prove(genuine);
    genuine.socket.destroy();
    const to = await connection(1);
    await eventually('the loss', () => lost.pop());
    for (const line of genuine.said) to.say(line);
    await to.hear();
    await expectRefusal(to, 'auth/bad-signature', `${listener} did not prove`);
  });

  it('that speaks another protocol', async () => {
    const to = await connection();
    to.say('SSH-2.0-OpenSSH_9.9');
    await expectRefusal(to, 'input/invalid', 'election handshake: not valid JSON');
  });

  it('that sends too much', async () => {
    const to = await connection();
    to.socket.write('x'.repeat(ELECTION_HANDSHAKE_BYTES_MAX + 1));
    await expectRefusal(to, 'input/too-large', `line of over ${ELECTION_HANDSHAKE_BYTES_MAX} bytes`);
  });

  it('that takes too long', async () => {
    const to = await connection();
    (await eventually('the deadline', () => timeOut))();
    await expectRefusal(to, 'program/timeout', `${listener} did not prove itself within`);
  });

  it('that goes on talking', async () => {
    const to = await connection();
    const frames = await prove(to);
    expect(frames.open((await to.hear()) ?? '')).toBe('greeting');
    to.say(challenge(nonce));
    await to.closed;
    expect(refused[0]?.message).toBe(`${listener} has more to say than its proof`);
  });
});
