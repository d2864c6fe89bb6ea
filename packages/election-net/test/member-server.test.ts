import { type Message, readElectionConfig, writeFrame } from '@cloud-steg/election';
import {
  type AppError,
  ELECTION_HANDSHAKE_BYTES_MAX,
  ELECTION_HANDSHAKE_TIMEOUT_MS,
  ELECTION_LINE_BYTES_MAX,
  ELECTION_SOCKETS_UNPROVEN_MAX,
} from '@cloud-steg/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../src/clock.ts';
import { linkKey } from '../src/link-proof.ts';
import { MemberServer } from '../src/member-server.ts';
import { eventually, freeAddresses, SECRET } from './cluster.ts';
import { HandMadeLink } from './hand-made-link.ts';

const key = linkKey(SECRET);
const strangersKey = linkKey(new Uint8Array(32).fill(8));
const vote: Message = { kind: 'Vote', term: 3, campaignId: 1, releasedTerm: 2 };

/** Its handshakes last until a test calls time. */
const timeouts: (() => void)[] = [];
const clock: Clock = {
  now: () => systemClock.now(),
  after(ms, run) {
    expect(ms).toBe(ELECTION_HANDSHAKE_TIMEOUT_MS);
    timeouts.push(run);
    return () => timeouts.splice(timeouts.indexOf(run), 1);
  },
};

let ids: string[];
let server: MemberServer;
const messages: { from: string; message: Message }[] = [];
const lost: string[] = [];
const refused: AppError[] = [];

const id = (index: number) => ids[index] ?? '';
const configOf = (node: string) => readElectionConfig({ this_node: id(0), peers: ids.slice(1) }, node);
const frameOf = (from: string, message: Message = vote) => writeFrame(configOf(from), id(0), message);

beforeEach(async () => {
  for (const list of [timeouts, messages, lost, refused]) list.length = 0;
  ids = await freeAddresses(3);
  server = new MemberServer({
    config: configOf(id(0)),
    key,
    clock,
    onMessage: (from, message) => messages.push({ from, message }),
    onLost: (from) => lost.push(from),
    onRefused: (error) => refused.push(error),
  });
  await server.listen();
});
afterEach(() => server.close());

/** A connection over which `from` has proven itself, and a way to say a frame on it. */
async function proven(from: string): Promise<{ link: HandMadeLink; say: (frame: string) => void }> {
  const link = await HandMadeLink.to(id(0));
  const frames = await link.prove(configOf(from), key, id(0));
  return { link, say: (frame) => link.say(frames.seal(frame)) };
}

async function expectRefusal(link: HandMadeLink, code: AppError['code'], message: string): Promise<void> {
  await link.closed;
  expect(refused).toEqual([
    expect.objectContaining({ code, message: expect.stringContaining(message) as unknown }),
  ]);
  expect(messages).toEqual([]);
}

describe('a member that has proven itself', () => {
  it('is listened to', async () => {
    const { say } = await proven(id(1));
    say(frameOf(id(1)));
    say(frameOf(id(1), { ...vote, term: 4 }));
    await eventually('both messages', () => (messages.length === 2 ? true : undefined));
    expect(messages).toEqual([
      { from: id(1), message: vote },
      { from: id(1), message: { ...vote, term: 4 } },
    ]);
    expect(timeouts).toEqual([]);
  });

  it('is missed once it is gone, but not when it has connected anew', async () => {
    const first = await proven(id(1));
    const second = await proven(id(1));
    await first.link.closed;
    second.say(frameOf(id(1)));
    await eventually('its message', () => messages[0]);
    expect(lost).toEqual([]);
    second.link.socket.destroy();
    await eventually('the loss', () => lost[0]);
    expect(lost).toEqual([id(1)]);
    expect(refused).toEqual([]);
  });

  it('cannot speak for another', async () => {
    const { link, say } = await proven(id(1));
    say(frameOf(id(2)));
    await expectRefusal(link, 'input/invalid', `connection of ${id(1)} sends in the name of ${id(2)}`);
    expect(lost).toEqual([id(1)]);
  });

  it('is refused with another configuration', async () => {
    const { link, say } = await proven(id(1));
    const other = readElectionConfig({ this_node: id(0), peers: ids.slice(1), leader_term_ms: 9000 }, id(1));
    say(writeFrame(other, id(0), vote));
    await expectRefusal(link, 'input/invalid', 'runs with configuration');
  });

  it('is hung up on when a line never ends', async () => {
    const { link } = await proven(id(1));
    link.say('x'.repeat(ELECTION_LINE_BYTES_MAX + 1));
    await expectRefusal(link, 'input/too-large', `line of over ${ELECTION_LINE_BYTES_MAX} bytes`);
  });
});

describe('a line is refused', () => {
  it('without a seal', async () => {
    const { link } = await proven(id(1));
    link.say(frameOf(id(1)));
    await expectRefusal(link, 'auth/bad-signature', `line 0 in the name of ${id(1)}`);
  });

  it('when one digit of it was changed', async () => {
    const link = await HandMadeLink.to(id(0));
    const frames = await link.prove(configOf(id(1)), key, id(0));
    link.say(frames.seal(frameOf(id(1))).replace('"term":3', '"term":4'));
    await expectRefusal(link, 'auth/bad-signature', `line 0 in the name of ${id(1)}`);
  });

  it('when it is said again', async () => {
    const { link, say } = await proven(id(1));
    say(frameOf(id(1)));
    await eventually('the first', () => messages.shift());
    link.say(link.said.at(-1) ?? '');
    await expectRefusal(link, 'auth/bad-signature', `line 1 in the name of ${id(1)}`);
  });

  it('when the one before it was left out', async () => {
    const link = await HandMadeLink.to(id(0));
    const frames = await link.prove(configOf(id(1)), key, id(0));
    frames.seal(frameOf(id(1)));
    link.say(frames.seal(frameOf(id(1))));
    await expectRefusal(link, 'auth/bad-signature', `line 0 in the name of ${id(1)}`);
  });

  it('when it was sealed for another connection of the same member', async () => {
    const first = await proven(id(1));
    first.say(frameOf(id(1)));
    await eventually('the first', () => messages.shift());
    const { link } = await proven(id(1));
    link.say(first.link.said.at(-1) ?? '');
    await expectRefusal(link, 'auth/bad-signature', `line 0 in the name of ${id(1)}`);
  });
});

describe('a connection is refused', () => {
  it('that begins with a frame', async () => {
    const link = await HandMadeLink.to(id(0));
    link.say(frameOf(id(1), { kind: 'StepDown', term: Number.MAX_SAFE_INTEGER, cause: 'stopping' }));
    await expectRefusal(link, 'input/invalid', 'election handshake');
  });

  it('that knows another secret, and it is shown no proof', async () => {
    const link = await HandMadeLink.to(id(0));
    await expect(link.prove(configOf(id(1)), strangersKey, id(0))).rejects.toThrow('hung up');
    await expectRefusal(link, 'auth/bad-signature', `${id(1)} did not prove`);
  });

  it('that repeats another’s handshake and frames', async () => {
    const genuine = await proven(id(1));
    genuine.say(frameOf(id(1)));
    await eventually('the genuine message', () => messages.shift());
    const link = await HandMadeLink.to(id(0));
    for (const line of genuine.link.said) link.say(line);
    await expectRefusal(link, 'auth/bad-signature', `${id(1)} did not prove`);
    expect(lost).toEqual([]);
  });

  it('that claims to be a member with the proof of another', async () => {
    const link = await HandMadeLink.to(id(0));
    const say = link.say.bind(link);
    link.say = (line) => say(line.replace(`"from":"${id(1)}"`, `"from":"${id(2)}"`));
    await expect(link.prove(configOf(id(1)), key, id(0))).rejects.toThrow('hung up');
    await expectRefusal(link, 'auth/bad-signature', `${id(2)} did not prove`);
  });

  it('of a stranger that knows the secret', async () => {
    const [stranger = ''] = await freeAddresses(1);
    const config = readElectionConfig({ this_node: stranger, peers: [id(0)] });
    const link = await HandMadeLink.to(id(0));
    await expect(link.prove(config, key, id(0))).rejects.toThrow('hung up');
    await expectRefusal(link, 'input/invalid', `from ${stranger}, which is no other member`);
  });

  it('that was meant for another member', async () => {
    const link = await HandMadeLink.to(id(0));
    await expect(link.prove(configOf(id(1)), key, id(2))).rejects.toThrow('hung up');
    await expectRefusal(link, 'input/invalid', `for ${id(2)}, this node is ${id(0)}`);
  });

  it('whose handshake is too long, even unfinished', async () => {
    const link = await HandMadeLink.to(id(0));
    link.socket.write('x'.repeat(ELECTION_HANDSHAKE_BYTES_MAX + 1));
    await expectRefusal(link, 'input/too-large', `line of over ${ELECTION_HANDSHAKE_BYTES_MAX} bytes`);
  });

  it('whose handshake takes too long', async () => {
    const link = await HandMadeLink.to(id(0));
    link.socket.write('{"from"');
    await link.hear();
    for (const run of timeouts) run();
    await expectRefusal(link, 'program/timeout', 'did not prove itself within');
  });

  it('when many come that prove nothing, the oldest first, and members still get in', async () => {
    const links: HandMadeLink[] = [];
    for (let i = 0; i < ELECTION_SOCKETS_UNPROVEN_MAX; i++) {
      const link = await HandMadeLink.to(id(0));
      await link.hear();
      links.push(link);
    }
    const { say } = await proven(id(1));
    await links[0]?.closed;
    expect(refused).toHaveLength(1);
    say(frameOf(id(1)));
    await eventually('the member’s message', () => messages[0]);
    expect(links.slice(1).filter(({ socket }) => socket.destroyed)).toEqual([]);
    for (const { socket } of links) socket.destroy();
  });
});
