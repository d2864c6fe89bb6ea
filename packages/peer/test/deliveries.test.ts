import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { secureRandom } from '../src/carrier-engine.ts';
import { listReceived } from '../src/receiving.ts';
import { requestImage } from '../src/requests.ts';
import { delivery, keysOf, knock } from './knocking.ts';
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

const ask = async () => (await requestImage(alice.peer, { owner: bob.name, imageIndex: 0, queue: false })).id;
const make = (requestId: string, bytes = secureRandom(20_000)) => ({
  bytes,
  ...delivery(bob, alice, requestId, bytes),
});
const deliver = ({ path, headers, bytes }: ReturnType<typeof make>) =>
  knock(alice, keysOf(bob), 'PUT', path, bytes, headers);
const arrived = () => alice.events.filter(({ kind }) => kind === 'delivery');

describe('a request', () => {
  it('is answered by one delivery: another is refused, the first acknowledged again', async () => {
    const asked = await ask();
    const first = make(asked);
    const receipt = await deliver(first);
    expect(receipt.status).toBe(200);
    for (let i = 0; i < 3; i++) {
      expect(await deliver(make(asked))).toMatchObject({ body: { code: 'delivery/not-asked-for' } });
    }
    // Nothing of it is read: that its bytes are missing isn't noticed.
    expect(await deliver({ ...make(asked), bytes: new Uint8Array() })).toMatchObject({
      body: { code: 'delivery/not-asked-for' },
    });
    expect(await deliver(first)).toEqual(receipt);
    expect(listReceived(alice.peer)).toHaveLength(1);
    expect(await readdir(alice.peer.directory.carriers(alice.name))).toHaveLength(1);
  });

  it('is answered by one of two deliveries that come at the same time', async () => {
    const asked = await ask();
    const answers = await Promise.all([deliver(make(asked)), deliver(make(asked))]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 403]));
    expect(listReceived(alice.peer)).toHaveLength(1);
    // The loser's bytes don't stay behind.
    expect(await readdir(alice.peer.directory.carriers(alice.name))).toHaveLength(1);
    expect(await readdir(alice.peer.directory.incoming(alice.name))).toEqual([]);
  });
});

describe('deliveries', () => {
  /** From now on nothing happens later than anything else, as far as alice can tell. */
  async function stopAliceClock(): Promise<number> {
    const now = Date.now();
    const { ports } = alice.peer;
    alice.peer = { ...alice.peer, ports: { ...ports, now: () => now } };
    await alice.stopListening();
    await alice.listen();
    return now;
  }

  it('of the same millisecond are all kept', async () => {
    const wanted = [make(await ask()), make(await ask())];
    const now = await stopAliceClock();
    const answers = await Promise.all(wanted.map(deliver));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const images = listReceived(alice.peer);
    expect(new Set(images.map(({ file }) => file)).size).toBe(2);
    expect(images.map(({ receivedAt }) => receivedAt)).toEqual([now, now + 1]);
    expect(await readdir(alice.peer.directory.carriers(alice.name))).toHaveLength(2);
  });

  it('never take the name of a carrier that was deleted with its last view', async () => {
    const [first, second] = [make(await ask()), make(await ask())];
    await stopAliceClock();
    await deliver(first);
    const [gone] = listReceived(alice.peer);
    if (!gone) throw new Error('nothing arrived');
    await rm(gone.file);
    expect((await deliver(second)).status).toBe(200);
    expect(listReceived(alice.peer).map(({ file }) => file)).not.toContain(gone.file);
  });

  it('are told of by the file each became, and once', async () => {
    const [small, large] = [make(await ask(), secureRandom(10)), make(await ask(), secureRandom(30_000))];
    await deliver(large);
    // A clock that is set back lists the later one first.
    world.peerClockMs = -60_000;
    await deliver(small);
    await deliver(large);
    const files = listReceived(alice.peer).map(({ file, bytes }) => ({ file, bytes }));
    expect(files.map(({ bytes }) => bytes)).toEqual([10, 30_000]);
    expect(arrived()).toEqual(files.toReversed().map((file) => ({ kind: 'delivery', from: 'bob', ...file })));
  });

  it('that a crash cut short are swept away when the peer starts again, and nothing else is', async () => {
    await alice.restart();
    const folder = alice.peer.directory.incoming(alice.name);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `${'a'.repeat(32)}.part`), 'half of it');
    await writeFile(join(folder, 'note.txt'), 'mine');
    await alice.listen();
    expect(await readdir(folder)).toEqual(['note.txt']);
  });

  it('that arrive are left alone by a second program that finds the port taken', async () => {
    const folder = alice.peer.directory.incoming(alice.name);
    await mkdir(folder, { recursive: true });
    const part = join(folder, `${'a'.repeat(32)}.part`);
    await writeFile(part, 'on its way');
    const { startP2pServer } = await import('../src/p2p-server.ts');
    await expect(startP2pServer(alice.peer, alice.address)).rejects.toMatchObject({
      code: 'server/address-in-use',
    });
    expect(existsSync(part)).toBe(true);
  });
});
