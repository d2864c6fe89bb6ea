import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:tls';
import { pairKey, signDocument } from '@cloud-steg/envelope';
import { AppError, type DeliveryId } from '@cloud-steg/protocol';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { find, rewrite } from '../src/carrier.ts';
import { secureRandom } from '../src/carrier-engine.ts';
import { keepDelivering, sendEntry } from '../src/daemon.ts';
import { amendGrant, grantEvents, listGrants } from '../src/grants.ts';
import { awaitedRecipients, drainTo, listOutbox } from '../src/outbox.ts';
import { beat } from '../src/presence.ts';
import { listReceived } from '../src/receiving.ts';
import { collectFiledRequests, denyRequest, pendingRequests, requestImage } from '../src/requests.ts';
import { sendImage } from '../src/sending.ts';
import { inspectCarrier, viewImage } from '../src/viewing.ts';
import { type Member, Memory, photo, World } from './world.ts';

let world: World;
let alice: Member;
let bob: Member;

beforeEach(async () => {
  world = await World.start();
  alice = await world.join('alice');
  bob = await world.join('bob', ['friends.jpg']);
});
afterEach(() => world.close());

const hashOf = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
const terms = { views: 2, expiresAt: null, allowSave: true };
const send = (requester: Member, more: object = {}) =>
  sendImage(bob.peer, { requester: requester.name, imageIndex: 0, ...terms, ...more });
const ask = (asker: Member, queue = true) =>
  requestImage(asker.peer, { owner: bob.name, imageIndex: 0, queue });

/** One round of what the daemon does; how many entries got through. */
async function drain({ peer }: Member): Promise<number> {
  let sent = 0;
  for (const recipient of awaitedRecipients(peer)) sent += await drainTo(peer, recipient, sendEntry);
  return sent;
}

/** Alice asks, bob sends; the carrier's path. */
async function share(more: object = {}): Promise<string> {
  await ask(alice);
  await send(alice, more);
  const file = listReceived(alice.peer).at(-1)?.file;
  if (!file) throw new Error('nothing arrived');
  return file;
}

describe('the main job', () => {
  it('shows the picture as often as granted, byte for byte, and then never again', async () => {
    const file = await share();
    const display = new Memory();
    expect(await viewImage(alice.peer, file, display)).toMatchObject({
      n: 1,
      views: 2,
      left: 1,
      deleted: false,
    });
    expect(existsSync(file)).toBe(true);
    await copyFile(file, `${file}.copy.png`);
    expect(await viewImage(alice.peer, file, display)).toMatchObject({
      n: 2,
      views: 2,
      left: 0,
      deleted: true,
    });
    expect(existsSync(file)).toBe(false);
    const original = await hashOf(photo('friends.jpg'));
    expect(display.shown.map(({ sha256 }) => sha256)).toEqual([original, original]);
    await expect(viewImage(alice.peer, file, display)).rejects.toMatchObject({ code: 'grant/exhausted' });
    await copyFile(`${file}.copy.png`, file);
    await expect(viewImage(alice.peer, file, display)).rejects.toMatchObject({ code: 'grant/exhausted' });
    expect(display.shown).toHaveLength(2);
  });

  it('rewrites the carrier’s own counter, shown without spending', async () => {
    const file = await share({ views: 3 });
    await viewImage(alice.peer, file, new Memory());
    const inspection = await inspectCarrier(alice.peer, file);
    expect(inspection).toMatchObject({
      owner: 'bob',
      allowed: 'alice',
      header: { viewsRemaining: 2, viewsGranted: 3 },
    });
    expect(await listGrants(bob.peer, 'owner')).toMatchObject([{ used: 1, left: 2 }]);
  });

  it('tells the owner of every opening, signed by the viewer', async () => {
    const file = await share();
    await viewImage(alice.peer, file, new Memory());
    const [grant] = await listGrants(bob.peer, 'owner');
    if (!grant) throw new Error('no grant');
    const events = await grantEvents(bob.peer, grant);
    expect(events.map(({ kind, signed }) => [kind, signed])).toEqual([
      ['created', false],
      ['opened', false],
      ['closed', true],
    ]);
    expect(events.at(-1)?.receipt?.text).toContain('"viewer":"alice"');
    // A receipt for another view, or by another hand, is no receipt.
    const call = bob.peer.cluster.call.bind(bob.peer.cluster);
    bob.peer.cluster.call = (async (request: Parameters<typeof call>[0]) => {
      const answer = await call(request);
      if (!request.path.includes('/events')) return answer;
      const forged = signDocument(
        bob.peer.profile.identity.signing,
        'view-receipt',
        JSON.parse(events.at(-1)?.receipt?.text ?? ''),
      );
      return {
        events: [
          { ...events.at(-1), receipt: forged },
          { ...events.at(-1), n: 2 },
        ],
      };
    }) as typeof call;
    const told = await grantEvents(bob.peer, grant);
    expect(told.map(({ signed }) => signed)).toEqual([false, false]);
  });

  it('lets the owner extend and revoke', async () => {
    const file = await share({ views: 1 });
    const [grant] = await listGrants(bob.peer, 'owner');
    if (!grant) throw new Error('no grant');
    await amendGrant(bob.peer, grant.id, { moreViews: 2 });
    expect(await viewImage(alice.peer, file, new Memory())).toMatchObject({ n: 1, views: 3, left: 2 });
    await amendGrant(bob.peer, grant.id, { revoked: true });
    await expect(viewImage(alice.peer, file, new Memory())).rejects.toMatchObject({ code: 'grant/revoked' });
    await expect(amendGrant(bob.peer, grant.id, { moreViews: 1 })).rejects.toMatchObject({
      code: 'grant/ended',
    });
  });
});

describe('a carrier', () => {
  it('is nothing to somebody else, and costs its recipient nothing when they try', async () => {
    const mallory = await world.join('mallory');
    const file = await share();
    // Even one who knows everybody.
    await requestImage(mallory.peer, { owner: bob.name, imageIndex: 0, queue: false });
    await expect(viewImage(mallory.peer, file, new Memory())).rejects.toMatchObject({
      code: 'carrier/not-for-you',
    });
    expect(await listGrants(bob.peer, 'owner')).toMatchObject([{ used: 0 }]);
  });

  it('is recognised by its owner as sent, and not opened', async () => {
    const file = await share();
    expect(await inspectCarrier(bob.peer, file)).toMatchObject({ owner: 'bob', allowed: 'alice' });
    await expect(viewImage(bob.peer, file, new Memory())).rejects.toMatchObject({
      code: 'carrier/not-for-you',
    });
  });

  it('under another grant of the same pair is refused before a view is spent', async () => {
    const first = await share();
    const second = await share();
    // The header of the second names its own grant; its body under the first carrier's header would be a forgery.
    const found = await inspectCarrier(alice.peer, first);
    const other = await inspectCarrier(alice.peer, second);
    expect(found.header.grant).not.toBe(other.header.grant);
    const contact = alice.peer.contacts.byName(bob.name);
    if (!contact) throw new Error('no contact');
    const pair = pairKey(alice.peer.profile.identity.agreement, contact.x25519, bob.name, alice.name);
    const png = new Uint8Array(await readFile(first));
    const forged = await rewrite(
      png,
      'x',
      pair,
      { ...found.header, grant: other.header.grant },
      secureRandom,
    );
    expect((await find(forged, 'x', [pair]))?.header.grant).toBe(other.header.grant);
    await writeFile(first, forged);
    await expect(viewImage(alice.peer, first, new Memory())).rejects.toMatchObject({
      code: 'carrier/damaged',
    });
    expect((await listGrants(bob.peer, 'owner')).map(({ used }) => used)).toEqual([0, 0]);
  });
});

describe('a view', () => {
  it('is not spent where nothing could show the picture', async () => {
    const file = await share();
    const blind = {
      check: () => {
        throw new AppError('viewer/no-display', 'nowhere');
      },
      show: async () => {},
    };
    await expect(viewImage(alice.peer, file, blind)).rejects.toMatchObject({ code: 'viewer/no-display' });
    expect(await listGrants(bob.peer, 'owner')).toMatchObject([{ used: 0 }]);
  });

  it('that was answered but never closed is taken up again, not paid twice', async () => {
    const file = await share();
    const call = alice.peer.cluster.call.bind(alice.peer.cluster);
    let cut = true;
    alice.peer.cluster.call = ((request: Parameters<typeof call>[0]) => {
      if (cut && request.path.endsWith('/close'))
        throw new AppError('cluster/unreachable', 'the cable was pulled');
      return call(request);
    }) as typeof call;
    await expect(viewImage(alice.peer, file, new Memory())).rejects.toMatchObject({
      code: 'cluster/unreachable',
    });
    expect(await listGrants(bob.peer, 'owner')).toMatchObject([{ used: 1 }]);
    cut = false;
    const display = new Memory();
    expect(await viewImage(alice.peer, file, display)).toMatchObject({ n: 1, left: 1 });
    expect(await listGrants(bob.peer, 'owner')).toMatchObject([{ used: 1 }]);
    expect(display.shown).toHaveLength(1);
  });

  it('with a clock that is off by minutes says by how much, and costs nothing', async () => {
    const file = await share();
    world.peerClockMs = 5 * 60_000;
    await expect(viewImage(alice.peer, file, new Memory())).rejects.toThrow(
      /clock is (299|300) s ahead of the server's/,
    );
    world.peerClockMs = 0;
    expect(await listGrants(bob.peer, 'owner')).toMatchObject([{ used: 0 }]);
  });
});

describe('denying', () => {
  it('without the cluster changes nothing, and works once it is back', async () => {
    await ask(alice);
    const cut = cutCalls(bob, /^PATCH \/requests/, 'before');
    const [request] = pendingRequests(bob.peer);
    if (!request) throw new Error('no request');
    await expect(denyRequest(bob.peer, request)).rejects.toMatchObject({ code: 'cluster/unreachable' });
    expect(pendingRequests(bob.peer)).toHaveLength(1);
    cut.active = false;
    await denyRequest(bob.peer, request);
    expect(pendingRequests(bob.peer)).toEqual([]);
    await expect(denyRequest(bob.peer, request)).rejects.toMatchObject({ code: 'request/answered' });
  });
});

describe('a request', () => {
  it('survives a restart of the owner’s peer', async () => {
    await ask(alice);
    await bob.restart();
    await bob.listen();
    expect(pendingRequests(bob.peer)).toMatchObject([
      { from: 'alice', imageIndex: 0, imageName: 'friends.jpg' },
    ]);
    await send(alice);
    expect(listReceived(alice.peer)).toHaveLength(1);
    expect(pendingRequests(bob.peer)).toEqual([]);
  });

  it('to an owner who is offline waits, and is there when they come back, once', async () => {
    await bob.stopListening();
    const asked = await ask(alice);
    expect(asked).toMatchObject({ state: 'queued', reason: expect.stringContaining('refused') });
    expect(listOutbox(alice.peer.database)).toMatchObject([
      { kind: 'request', recipient: 'bob', state: 'waiting' },
    ]);
    // By way of the cluster, while alice may be off ...
    expect(await collectFiledRequests(bob.peer)).toBe(1);
    expect(await collectFiledRequests(bob.peer)).toBe(0);
    // ... and by way of alice's outbox.
    await bob.listen();
    world.peerClockMs = 60_000 - 5_000;
    expect(await drain(alice)).toBe(1);
    expect(listOutbox(alice.peer.database)).toEqual([]);
    expect(pendingRequests(bob.peer)).toHaveLength(1);
  });

  it('that its owner refuses is an error, and waits nowhere', async () => {
    bob.peer.database.run('DELETE FROM image');
    await expect(ask(alice)).rejects.toMatchObject({ code: 'image/no-such-index' });
    expect(listOutbox(alice.peer.database)).toEqual([]);
    expect(alice.peer.database.all('SELECT * FROM request_out')).toEqual([]);
  });

  it('to an owner who can’t look the asker up just now waits, too', async () => {
    const cut = cutCalls(bob, /^GET \/users/, 'before');
    expect(await ask(alice)).toMatchObject({ state: 'queued', reason: 'the cable was pulled' });
    cut.active = false;
    world.peerClockMs = 30_000;
    expect(await drain(alice)).toBe(1);
    expect(pendingRequests(bob.peer)).toHaveLength(1);
  });

  it('without a queue fails at once, leaving nothing behind', async () => {
    await bob.stopListening();
    await expect(ask(alice, false)).rejects.toMatchObject({ code: 'peer/unreachable' });
    expect(listOutbox(alice.peer.database)).toEqual([]);
  });

  it('for a picture that is not there, or to nobody, says so', async () => {
    const to = (owner: string, imageIndex: number) =>
      requestImage(alice.peer, { owner: owner as typeof bob.name, imageIndex, queue: true });
    await expect(to('bob', 1)).rejects.toMatchObject({
      code: 'image/no-such-index',
      message: expect.stringContaining('there is 1'),
    });
    await expect(to('nobody', 0)).rejects.toMatchObject({ code: 'identity/unknown' });
    await expect(to('alice', 0)).rejects.toMatchObject({ code: 'usage/bad-argument' });
  });
});

/** Lets `member`'s calls to the cluster that match fail as if the cable was pulled before, or after they arrived. */
function cutCalls(member: Member, matches: RegExp, when: 'before' | 'after') {
  const { cluster } = member.peer;
  const call = cluster.call.bind(cluster);
  const cut = { active: true };
  cluster.call = (async (request: Parameters<typeof call>[0]) => {
    const hit = cut.active && matches.test(`${request.method} ${request.path}`);
    if (hit && when === 'before') throw new AppError('cluster/unreachable', 'the cable was pulled');
    const answer = await call(request);
    if (hit) throw new AppError('cluster/unreachable', 'the cable was pulled');
    return answer;
  }) as typeof call;
  return cut;
}

describe('sending', () => {
  it('twice at once answers the request once', async () => {
    await ask(alice);
    const results = await Promise.allSettled([send(alice), send(alice)]);
    const refused = results.find(({ status }) => status === 'rejected');
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(refused).toMatchObject({ reason: { code: 'request/answered' } });
    expect(await listGrants(bob.peer, 'owner')).toHaveLength(1);
    expect(listReceived(alice.peer)).toHaveLength(1);
  });

  it.each(['before', 'after'] as const)(
    'while the cluster is lost %s the grant reached it makes one grant, later',
    async (when) => {
      await ask(alice);
      const cut = cutCalls(bob, /^POST \/grants$/, when);
      expect(await send(alice)).toMatchObject({ state: 'queued', reason: 'the cable was pulled' });
      expect(listReceived(alice.peer)).toEqual([]);
      cut.active = false;
      world.peerClockMs = 30_000;
      expect(await drain(bob)).toBe(1);
      expect(await listGrants(bob.peer, 'owner')).toHaveLength(1);
      world.peerClockMs = 0;
      const file = listReceived(alice.peer)[0]?.file ?? '';
      expect(await viewImage(alice.peer, file, new Memory())).toMatchObject({ n: 1, left: 1 });
    },
  );

  it('that the cluster refuses leaves the request waiting and nothing else', async () => {
    await ask(alice);
    const { cluster } = bob.peer;
    const call = cluster.call.bind(cluster);
    cluster.call = ((request: Parameters<typeof call>[0]) => {
      if (request.path === '/grants') throw new AppError('identity/changed', 'alice has another key');
      return call(request);
    }) as typeof call;
    await expect(send(alice)).rejects.toMatchObject({ code: 'identity/changed' });
    expect(pendingRequests(bob.peer)).toHaveLength(1);
    expect(listOutbox(bob.peer.database)).toEqual([]);
  });

  it('to one who refuses says so, and keeps no carrier for it', async () => {
    await ask(alice);
    alice.peer.database.run('DELETE FROM request_out');
    await expect(send(alice)).rejects.toMatchObject({ code: 'delivery/not-asked-for' });
    const [entry] = listOutbox(bob.peer.database);
    expect(entry).toMatchObject({ kind: 'delivery', state: 'refused' });
    expect(existsSync(bob.peer.directory.spoolFile(bob.name, entry?.id as DeliveryId))).toBe(false);
    expect(await drain(bob)).toBe(0);
  });

  it('to one who takes for ever holds up nobody else', async () => {
    const carol = await world.join('carol');
    await ask(alice);
    await ask(carol);
    await alice.stopListening();
    await carol.stopListening();
    await send(alice);
    await send(carol);
    const { certPem, keyPem } = await alice.peer.certificate();
    const silent = createServer({ cert: certPem, key: keyPem, requestCert: true, rejectUnauthorized: false });
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    await beat(alice.peer, [{ host: '127.0.0.1', port }]);
    await carol.listen();

    const stop = new AbortController();
    world.peerClockMs = 30_000;
    const delivering = keepDelivering(bob.peer, stop.signal);
    await expect.poll(() => listReceived(carol.peer).length, { timeout: 10_000 }).toBe(1);
    stop.abort();
    await delivering;
    silent.close();
  });

  it('to somebody offline waits in the outbox and is delivered when they come online', async () => {
    await ask(alice);
    await alice.stopListening();
    expect(await send(alice)).toMatchObject({ state: 'queued' });
    expect(listReceived(alice.peer)).toEqual([]);
    await bob.restart();
    await alice.listen();
    world.peerClockMs = 50_000;
    expect(await drain(bob)).toBe(1);
    const [received] = listReceived(alice.peer);
    if (!received) throw new Error('nothing arrived');
    world.peerClockMs = 0;
    expect(await viewImage(alice.peer, received.file, new Memory())).toMatchObject({ n: 1 });
    expect(
      existsSync(bob.peer.directory.spoolFile(bob.name, listOutbox(bob.peer.database)[0]?.id as never)),
    ).toBe(false);
  });

  it('is refused without a request, for another picture, to nobody, and with impossible terms', async () => {
    await expect(send(alice)).rejects.toMatchObject({ code: 'request/unknown' });
    await expect(send(alice, { imageIndex: 7 })).rejects.toMatchObject({ code: 'image/no-such-index' });
    await expect(send(alice, { requester: 'nobody' })).rejects.toMatchObject({ code: 'identity/unknown' });
    for (const views of [0, -1, 1e9, 2.5, Number.NaN]) {
      await expect(send(alice, { views })).rejects.toMatchObject({ code: 'usage/bad-argument' });
    }
    await expect(send(alice, { expiresAt: Date.now() - 1 })).rejects.toMatchObject({
      code: 'usage/bad-argument',
    });
  });

  it('with a cover that is too small changes nothing: the request still waits', async () => {
    const cover = `${world.folder}/small.png`;
    await sharp({ create: { width: 300, height: 300, channels: 3, background: '#345' } })
      .png()
      .toFile(cover);
    await ask(alice);
    await expect(send(alice, { coverPath: cover })).rejects.toMatchObject({
      code: 'carrier/cover-too-small',
    });
    expect(pendingRequests(bob.peer)).toHaveLength(1);
    expect(await listGrants(bob.peer, 'owner')).toEqual([]);
    expect(await send(alice)).toMatchObject({ state: 'delivered', profile: 'synth' });
  });
});
