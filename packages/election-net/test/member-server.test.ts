import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { type Message, readElectionConfig, splitAddress, writeFrame } from '@cloud-steg/election';
import {
  type AppError,
  ELECTION_CONNECTIONS_PER_ADDRESS_PER_SECOND,
  ELECTION_HANDSHAKE_BYTES_MAX,
  ELECTION_HANDSHAKE_TIMEOUT_MS,
  ELECTION_LINE_BYTES_MAX,
  ELECTION_SOCKETS_UNPROVEN_MAX,
} from '@cloud-steg/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../src/clock.ts';
import { introduce } from '../src/handshake.ts';
import { linkKey } from '../src/link-proof.ts';
import { MemberServer } from '../src/member-server.ts';
import { certificate, eventually, freeAddresses, SECRET } from './cluster.ts';
import { HandMadeLink } from './hand-made-link.ts';
import { Splice } from './splice.ts';

const key = linkKey(SECRET);
const strangersKey = linkKey(new Uint8Array(32).fill(8));
const vote: Message = { kind: 'Vote', term: 3, campaignId: 1, releasedTerm: 2 };

/** Its handshakes last until a test calls time, and each connection comes a second after the one before. */
const timeouts: (() => void)[] = [];
let now = 0;
let secondPasses = true;
const clock: Clock = {
  now: () => (secondPasses ? (now += 1000) : now),
  after(ms, run) {
    expect(ms).toBe(ELECTION_HANDSHAKE_TIMEOUT_MS);
    timeouts.push(run);
    return () => timeouts.splice(timeouts.indexOf(run), 1);
  },
};

let ids: string[];
let server: MemberServer;
const messages: { from: string; message: Message; address: string }[] = [];
const lost: string[] = [];
const refused: AppError[] = [];

const id = (index: number) => ids[index] ?? '';
const configOf = (node: string) => readElectionConfig({ this_node: id(0), peers: ids.slice(1) }, node);
const frame = (message: Message = vote) => writeFrame(message);

beforeEach(async () => {
  for (const list of [timeouts, messages, lost, refused]) list.length = 0;
  secondPasses = true;
  ids = await freeAddresses(3);
  server = new MemberServer({
    config: configOf(id(0)),
    key,
    certificate: await certificate(),
    clock,
    onMessage: (from, message, address) => messages.push({ from, message, address }),
    onLost: (from) => lost.push(from),
    onRefused: (error) => refused.push(error),
  });
  await server.listen();
});
afterEach(() => server.close());

/** A connection over which `from` has proven itself. */
async function proven(from: string): Promise<HandMadeLink> {
  const link = await HandMadeLink.to(id(0));
  await link.prove(configOf(from), key, id(0));
  return link;
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
    const link = await proven(id(1));
    link.say(frame());
    link.say(frame({ ...vote, term: 4 }));
    await eventually('both messages', () => (messages.length === 2 ? true : undefined));
    expect(messages).toEqual([
      { from: id(1), message: vote, address: '127.0.0.1' },
      { from: id(1), message: { ...vote, term: 4 }, address: '127.0.0.1' },
    ]);
    expect(timeouts).toEqual([]);
  });

  it('is missed once it is gone, but not when it has connected anew', async () => {
    const first = await proven(id(1));
    const second = await proven(id(1));
    await first.closed;
    second.say(frame());
    await eventually('its message', () => messages[0]);
    expect(lost).toEqual([]);
    second.socket.destroy();
    await eventually('the loss', () => lost[0]);
    expect(lost).toEqual([id(1)]);
    expect(refused).toEqual([]);
  });

  it('is hung up on when it says what is no message', async () => {
    const link = await proven(id(1));
    link.say(frame().replace('Vote', 'Veto'));
    await expectRefusal(link, 'input/invalid', 'election message');
    expect(lost).toEqual([id(1)]);
  });

  it('is hung up on when a line never ends', async () => {
    const link = await proven(id(1));
    link.say('x'.repeat(ELECTION_LINE_BYTES_MAX + 1));
    await expectRefusal(link, 'input/too-large', `line of over ${ELECTION_LINE_BYTES_MAX} bytes`);
  });

  it('is not listened to once it was hung up on, and is missed', async () => {
    const link = await proven(id(1));
    server.hangUp(id(1));
    link.say(frame());
    await link.closed;
    await eventually('the loss', () => lost[0]);
    expect(messages).toEqual([]);
  });
});

describe('a connection is refused', () => {
  it('that begins with a message', async () => {
    const link = await HandMadeLink.to(id(0));
    link.say(frame({ kind: 'StepDown', term: Number.MAX_SAFE_INTEGER, cause: 'stopping' }));
    await expectRefusal(link, 'input/invalid', 'election handshake');
  });

  it('that knows another secret, and it is shown no proof', async () => {
    const link = await HandMadeLink.to(id(0));
    await expect(link.prove(configOf(id(1)), strangersKey, id(0))).rejects.toThrow('hung up');
    await expectRefusal(link, 'auth/bad-signature', `${id(1)} did not prove`);
  });

  it('that proves nothing at all, and it is shown no proof', async () => {
    const link = await HandMadeLink.to(id(0));
    link.say(introduce({ config: configOf(id(1)), key }, id(0), link.keying).replace(/"proof":".{9}/, '$&~'));
    expect(await link.hear()).toBeUndefined();
    await expectRefusal(link, 'input/invalid', 'proof');
  });

  it('that repeats another’s handshake and messages', async () => {
    const genuine = await proven(id(1));
    genuine.say(frame());
    await eventually('the genuine message', () => messages.shift());
    const link = await HandMadeLink.to(id(0));
    for (const line of genuine.said) link.say(line);
    expect(await link.hear()).toBeUndefined();
    await expectRefusal(link, 'auth/bad-signature', `${id(1)} did not prove`);
    expect(lost).toEqual([]);
  });

  it('behind which a man in the middle relays a genuine member’s lines', async () => {
    const middle = await Splice.to(id(0));
    const link = await HandMadeLink.to(middle.address);
    await expect(link.prove(configOf(id(1)), key, id(0))).rejects.toThrow('hung up');
    expect(middle.relayed[0]).toBe(link.said[0]);
    await middle.close();
    await expectRefusal(link, 'auth/bad-signature', `${id(1)} did not prove`);
  });

  it('that claims to be a member with the proof of another', async () => {
    const link = await HandMadeLink.to(id(0));
    link.say(introduce({ config: configOf(id(1)), key }, id(0), link.keying).replace(id(1), id(2)));
    await expectRefusal(link, 'auth/bad-signature', `${id(2)} did not prove`);
  });

  it('of another configuration, and both sides say which', async () => {
    const other = readElectionConfig({ this_node: id(0), peers: ids.slice(1), leader_term_ms: 9000 }, id(1));
    const link = await HandMadeLink.to(id(0));
    const { hash } = configOf(id(0));
    await expect(link.prove(other, key, id(0))).rejects.toThrow(
      `${id(0)} runs with configuration ${hash}, this node with ${other.hash}`,
    );
    await expectRefusal(
      link,
      'input/invalid',
      `${id(1)} runs with configuration ${other.hash}, this node with ${hash}`,
    );
  });

  it('of a stranger that knows the secret', async () => {
    const [stranger = ''] = await freeAddresses(1);
    const config = { ...configOf(id(1)), thisNode: stranger };
    const link = await HandMadeLink.to(id(0));
    await link.prove(config, key, id(0));
    await expectRefusal(link, 'input/invalid', `from ${stranger}, which is no other member`);
  });

  it('of this node itself', async () => {
    const link = await HandMadeLink.to(id(0));
    await link.prove(configOf(id(0)), key, id(0)).catch(() => {});
    await expectRefusal(link, 'input/invalid', `from ${id(0)}, which is no other member`);
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

  it.each([
    ['that never speaks', () => {}],
    ['that begins to speak TLS and stops', (socket: Socket) => socket.write(Buffer.from([22, 3, 1]))],
  ])('%s, when its time is up', async (_, begin) => {
    const link = await HandMadeLink.plainTo(id(0));
    begin(link.socket);
    await eventually('its deadline', () => timeouts[0]);
    for (const run of timeouts) run();
    await expectRefusal(link, 'program/timeout', 'did not prove itself within');
  });

  it('whose handshake takes too long, a byte now and a byte then', async () => {
    const link = await HandMadeLink.to(id(0));
    for (const byte of '{"v":2,') link.socket.write(byte);
    for (const run of timeouts) run();
    await expectRefusal(link, 'program/timeout', 'did not prove itself within');
  });

  it.each([
    ['HTTP', 'GET / HTTP/1.1\r\n\r\n'],
    ['what older servers spoke', '{"from":"127.0.0.1:5001"}\n'],
    ['anything', '\0'.repeat(4096)],
  ])('that speaks %s in the clear', async (_, text) => {
    const link = await HandMadeLink.plainTo(id(0));
    link.socket.write(text);
    await expectRefusal(link, 'input/invalid', 'does not speak TLS 1.3');
  });

  it('that speaks no newer TLS than 1.2', async () => {
    const older = createSecureContext({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' });
    const link = new HandMadeLink(
      connectTls({ ...splitAddress(id(0)), secureContext: older, rejectUnauthorized: false }),
    );
    await expectRefusal(link, 'input/invalid', 'does not speak TLS 1.3');
  });

  it('when many come that prove nothing, the oldest first, and members still get in', async () => {
    const links: HandMadeLink[] = [];
    for (let i = 0; i < ELECTION_SOCKETS_UNPROVEN_MAX; i++) links.push(await HandMadeLink.to(id(0)));
    const member = await proven(id(1));
    await links[0]?.closed;
    expect(refused).toHaveLength(1);
    member.say(frame());
    await eventually('the member’s message', () => messages[0]);
    expect(links.slice(1).filter(({ socket }) => socket.destroyed)).toEqual([]);
    for (const { socket } of links) socket.destroy();
  });

  it('when too many come in one second', async () => {
    secondPasses = false;
    const links: HandMadeLink[] = [];
    for (let i = 0; i < ELECTION_CONNECTIONS_PER_ADDRESS_PER_SECOND; i++) {
      links.push(await HandMadeLink.plainTo(id(0)));
    }
    const tooMany = await HandMadeLink.plainTo(id(0));
    await tooMany.closed;
    expect(refused.at(-1)).toMatchObject({ code: 'rate/limited' });
    secondPasses = true;
    await proven(id(1));
    for (const { socket } of links) socket.destroy();
  });
});

describe('a channel', () => {
  it('is never a continued one, whatever of an earlier one was kept', async () => {
    const sessions: Buffer[] = [];
    const first = await HandMadeLink.to(id(0));
    first.socket.on('session', (session: Buffer) => sessions.push(session));
    await first.prove(configOf(id(1)), key, id(0));
    const kept = await eventually('a session', () => sessions[0]);
    const socket = connectTls({ ...splitAddress(id(0)), session: kept, rejectUnauthorized: false });
    const second = new HandMadeLink(socket);
    await once(socket, 'secureConnect');
    expect(socket.isSessionReused()).toBe(false);
    await second.prove(configOf(id(1)), key, id(0));
    socket.destroy();
  });
});
