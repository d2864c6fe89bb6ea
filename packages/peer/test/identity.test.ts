import { cosignIdentity, generateIdentity, issueIdentityRecord, toBase64url } from '@cloud-steg/envelope';
import { CONTACTS_MAX, KEY_BYTES, type PublicKey, traitsOf, type Username } from '@cloud-steg/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { secureRandom } from '../src/carrier-engine.ts';
import { listGrants } from '../src/grants.ts';
import { listOutbox } from '../src/outbox.ts';
import { findPerson } from '../src/people.ts';
import { pendingRequests, requestImage } from '../src/requests.ts';
import { sendImage } from '../src/sending.ts';
import { json, keysOf, knock, requestBy } from './knocking.ts';
import { CLUSTER_KEY, type Member, World } from './world.ts';

let world: World;
let alice: Member;
let bob: Member;

beforeEach(async () => {
  world = await World.start();
  alice = await world.join('alice');
  bob = await world.join('bob', ['friends.jpg']);
});
afterEach(() => world.close());

const ask = () => requestImage(alice.peer, { owner: bob.name, imageIndex: 0, queue: true });
const send = () =>
  sendImage(bob.peer, {
    requester: alice.name,
    imageIndex: 0,
    views: 1,
    expiresAt: null,
    allowSave: true,
  });

/** As if `member` had met `name` with keys of which one is another than the cluster's by now. */
async function metOtherwise(member: Member, name: Username, which: 'ed25519' | 'x25519'): Promise<void> {
  await findPerson(member.peer, name);
  const { signing, agreement } = generateIdentity(secureRandom);
  const key = which === 'ed25519' ? signing.publicKey : agreement.publicKey;
  expect(member.peer.database.run(`UPDATE contact SET ${which} = ? WHERE username = ?`, key, name)).toBe(1);
}

describe.each(['ed25519', 'x25519'] as const)('a contact whose %s key has changed', (which) => {
  it('is asked for nothing', async () => {
    await metOtherwise(alice, bob.name, which);
    await expect(ask()).rejects.toMatchObject({ code: 'identity/changed' });
    expect(listOutbox(alice.peer.database)).toEqual([]);
    expect(pendingRequests(bob.peer)).toEqual([]);
  });

  it('is sent nothing, though they had asked', async () => {
    await ask();
    await metOtherwise(bob, alice.name, which);
    await expect(send()).rejects.toMatchObject({ code: 'identity/changed' });
    expect(await listGrants(bob.peer, 'owner')).toEqual([]);
    expect(listOutbox(bob.peer.database)).toEqual([]);
    expect(pendingRequests(bob.peer)).toHaveLength(1);
  });

  it('stays as first met, however often the cluster says otherwise', async () => {
    await metOtherwise(alice, bob.name, which);
    const before = alice.peer.contacts.byName(bob.name);
    for (let i = 0; i < 2; i++) await expect(ask()).rejects.toMatchObject({ code: 'identity/changed' });
    expect(alice.peer.contacts.byName(bob.name)).toEqual(before);
  });
});

describe('a changed key', () => {
  it('opens no door in its name’s stead', async () => {
    await metOtherwise(bob, alice.name, 'ed25519');
    const body = json({ request: requestBy(alice.name, keysOf(alice), bob) });
    expect(await knock(bob, keysOf(alice), 'POST', '/p2p/request-image', body)).toMatchObject({
      body: { code: 'identity/changed' },
    });
    expect(pendingRequests(bob.peer)).toEqual([]);
  });

  it('has an exit code of its own', () => {
    expect(traitsOf('identity/changed').exit).toBe(10);
  });
});

describe('contacts', () => {
  it('have keys that something can be sealed to: one without would stop the search of every carrier', async () => {
    const mallory = generateIdentity(secureRandom);
    const useless = toBase64url(new Uint8Array(KEY_BYTES)) as PublicKey;
    const identity = { ...mallory, agreement: { ...mallory.agreement, publicKey: useless } };
    const name = 'mallory' as Username;
    const signed = cosignIdentity(CLUSTER_KEY, issueIdentityRecord(identity, name, 1, Date.now()));
    expect(() => alice.peer.contacts.remember(name, signed)).toThrow(/low order/);
    expect(alice.peer.contacts.all()).toEqual([]);
  });

  it('are bounded; those who are known stay known', async () => {
    await findPerson(bob.peer, alice.name);
    bob.peer.database.run(
      `WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
       INSERT INTO contact (username, ed25519, x25519, identity, first_seen_at)
       SELECT 'user' || i, 'key' || i, 'key' || i, '{}', 0 FROM n`,
      CONTACTS_MAX,
    );
    const carol = await world.join('carol');
    await expect(findPerson(bob.peer, carol.name)).rejects.toMatchObject({ code: 'rate/limited' });
    const body = json({ request: requestBy(carol.name, keysOf(carol), bob) });
    expect(await knock(bob, keysOf(carol), 'POST', '/p2p/request-image', body)).toMatchObject({
      body: { code: 'rate/limited' },
    });
    expect(pendingRequests(bob.peer)).toEqual([]);
    expect(await findPerson(bob.peer, alice.name)).toMatchObject({ contact: { username: 'alice' } });
  });
});
