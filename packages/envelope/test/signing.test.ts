import { randomBytes } from 'node:crypto';
import type { GrantCreation, GrantId, ImageId, Sha256, Username } from '@cloud-steg/protocol';
import { describe, expect, it } from 'vitest';
import {
  certificateKey,
  clusterKeyPair,
  cosignIdentity,
  fingerprint,
  generateIdentity,
  issueIdentityRecord,
  keyPairFromSeed,
  makeCertificate,
  openCosignedIdentity,
  openIdentityRecord,
  openLeaderStatement,
  readGrantLog,
  seedOf,
  sha256Hex,
  signGrantAmendment,
  signGrantCreation,
  signLeaderStatement,
  signRequest,
  signText,
  verifyRequest,
  verifySigned,
} from '../src/index.ts';

const random = (bytes: number) => new Uint8Array(randomBytes(bytes));
const alice = generateIdentity(random);
const eve = generateIdentity(random);
const cluster = clusterKeyPair(random(32));
const aliceName = 'alice' as Username;
const NOW = 1_800_000_000_000;

describe('a key pair', () => {
  it('comes back from its seed', () => {
    const again = keyPairFromSeed('Ed25519', seedOf(alice.signing));
    expect(again.publicKey).toBe(alice.signing.publicKey);
    expect(keyPairFromSeed('X25519', seedOf(alice.agreement)).publicKey).toBe(alice.agreement.publicKey);
  });

  it('has a fingerprint a person can read aloud', () => {
    expect(fingerprint(alice.signing.publicKey)).toMatch(/^([0-9a-f]{5}-){3}[0-9a-f]{5}$/);
  });

  it('makes a certificate that holds exactly its public key', async () => {
    const { certPem } = await makeCertificate(alice.signing, random(8), NOW);
    const der = Buffer.from(certPem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
    expect(certificateKey(der)).toBe(alice.signing.publicKey);
    expect(certificateKey(random(40))).toBeUndefined();
  });
});

describe('a signed text', () => {
  it('holds for its key, text and context, and for no other', () => {
    const signed = signText(alice.signing, 'delivery', '{"a":1}');
    expect(verifySigned(alice.signing.publicKey, 'delivery', signed)).toBe(true);
    expect(verifySigned(eve.signing.publicKey, 'delivery', signed)).toBe(false);
    expect(verifySigned(alice.signing.publicKey, 'grant-entry', signed)).toBe(false);
    expect(verifySigned(alice.signing.publicKey, 'delivery', { ...signed, text: '{"a":2}' })).toBe(false);
  });
});

describe('an identity record', () => {
  const record = issueIdentityRecord(alice, aliceName, 1, NOW);

  it('opens when user and cluster have both signed it', () => {
    const opened = openCosignedIdentity(cluster.publicKey, cosignIdentity(cluster, record));
    expect(opened).toMatchObject({ username: 'alice', ed25519: alice.signing.publicKey, seq: 1 });
  });

  it('is refused when another key signed it or another cluster vouched for it', () => {
    const forged = { ...record, signature: signText(eve.signing, 'identity', record.text).signature };
    expect(() => openIdentityRecord(forged)).toThrow(/does not match/);
    const elsewhere = cosignIdentity(clusterKeyPair(random(32)), record);
    expect(() => openCosignedIdentity(cluster.publicKey, elsewhere)).toThrow(/not vouched/);
  });
});

describe('a leader statement', () => {
  it('is believed from the cluster’s key alone', () => {
    const signed = signLeaderStatement(cluster, 'http://127.0.0.1:8001', 7, NOW);
    expect(openLeaderStatement(cluster.publicKey, signed)).toMatchObject({
      url: 'http://127.0.0.1:8001',
      term: 7,
    });
    expect(() => openLeaderStatement(alice.signing.publicKey, signed)).toThrow(/does not match/);
  });
});

describe('a grant log', () => {
  const creation: GrantCreation = {
    v: 1,
    kind: 'create',
    grant: '0'.repeat(32) as GrantId,
    seq: 0,
    owner: aliceName,
    ownerKey: alice.signing.publicKey,
    recipient: 'bob' as Username,
    recipientKey: eve.signing.publicKey,
    imageId: '1'.repeat(32) as ImageId,
    imageIndex: 0,
    imageName: 'sunset.jpg',
    views: 2,
    expiresAt: null,
    allowSave: true,
    shareSha256: '2'.repeat(64) as Sha256,
    contentSha256: '3'.repeat(64) as Sha256,
    at: NOW,
  };
  const first = signGrantCreation(alice.signing, creation);
  const key = alice.signing.publicKey;

  it('states the terms of its newest entry', () => {
    const extended = signGrantAmendment(alice.signing, readGrantLog(key, [first]), { views: 5 }, NOW + 1);
    const terms = readGrantLog(key, [first, extended]);
    expect(terms).toMatchObject({
      views: 5,
      expiresAt: null,
      revoked: false,
      seq: 1,
      head: sha256Hex(extended.text),
    });
    const revoked = signGrantAmendment(alice.signing, terms, { revoked: true }, NOW + 2);
    expect(readGrantLog(key, [first, extended, revoked])).toMatchObject({ views: 5, revoked: true, seq: 2 });
  });

  it('is refused when an entry is missing, moved, forged or of another grant', () => {
    const one = signGrantAmendment(alice.signing, readGrantLog(key, [first]), { views: 5 }, NOW);
    const two = signGrantAmendment(alice.signing, readGrantLog(key, [first, one]), { revoked: true }, NOW);
    const forged = signGrantAmendment(eve.signing, readGrantLog(key, [first]), { views: 9 }, NOW);
    expect(() => readGrantLog(key, [])).toThrow(/empty/);
    expect(() => readGrantLog(key, [first, two])).toThrow(/out of place/);
    expect(() => readGrantLog(key, [first, two, one])).toThrow(/out of place/);
    expect(() => readGrantLog(key, [one])).toThrow(/input|expected/i);
    expect(() => readGrantLog(key, [first, forged])).toThrow(/does not match/);
    expect(() => readGrantLog(eve.signing.publicKey, [first])).toThrow(/does not match/);
  });
});

describe('a signed request', () => {
  const request = {
    method: 'POST',
    url: 'http://127.0.0.1:8000/grants/ab/views?x=1',
    body: Buffer.from('{"viewId":"1"}'),
  };
  const signer = {
    username: aliceName,
    key: alice.signing,
    clusterKey: cluster.publicKey,
    nowMs: NOW,
    random,
  };
  const verifier = (nowMs = NOW) => ({
    clusterKey: cluster.publicKey,
    nowMs,
    keyOf: async (name: Username) => (name === aliceName ? alice.signing.publicKey : undefined),
  });

  it('tells who signed it', async () => {
    const headers = await signRequest(request, signer);
    const verified = await verifyRequest({ ...request, headers }, verifier(NOW + 30_000));
    expect(verified).toMatchObject({ username: 'alice', createdMs: NOW });
  });

  it('holds behind another host name, but for no other method, path, query or body', async () => {
    const headers = await signRequest(request, signer);
    const moved = { ...request, url: 'https://elsewhere.example/grants/ab/views?x=1', headers };
    await expect(verifyRequest(moved, verifier())).resolves.toMatchObject({ username: 'alice' });
    const bad = { code: 'auth/bad-signature' };
    for (const change of [
      { method: 'PATCH' },
      { url: 'http://127.0.0.1:8000/grants/cd/views?x=1' },
      { url: 'http://127.0.0.1:8000/grants/ab/views?x=2' },
      { body: Buffer.from('{"viewId":"2"}') },
    ]) {
      await expect(verifyRequest({ ...request, headers, ...change }, verifier())).rejects.toMatchObject(bad);
    }
  });

  it('says by how much and in which direction a clock is off', async () => {
    const headers = await signRequest(request, signer);
    const late = verifyRequest({ ...request, headers }, verifier(NOW + 183_000));
    await expect(late).rejects.toMatchObject({ code: 'auth/clock-skew' });
    await expect(late).rejects.toThrow("this machine's clock is 183 s behind the server's");
    await expect(verifyRequest({ ...request, headers }, verifier(NOW - 240_000))).rejects.toThrow(
      '240 s ahead of',
    );
  });

  it('is refused unsigned, by a stranger, by a wrong key, for another cluster, or signed twice', async () => {
    const headers = await signRequest(request, signer);
    await expect(verifyRequest({ ...request, headers: {} }, verifier())).rejects.toMatchObject({
      code: 'auth/unsigned',
    });
    const stranger = await signRequest(request, { ...signer, username: 'mallory' as Username });
    await expect(verifyRequest({ ...request, headers: stranger }, verifier())).rejects.toMatchObject({
      code: 'identity/unknown',
    });
    const wrongKey = await signRequest(request, { ...signer, key: eve.signing });
    await expect(verifyRequest({ ...request, headers: wrongKey }, verifier())).rejects.toMatchObject({
      code: 'auth/bad-signature',
    });
    const elsewhere = await signRequest(request, { ...signer, clusterKey: eve.signing.publicKey });
    await expect(verifyRequest({ ...request, headers: elsewhere }, verifier())).rejects.toMatchObject({
      code: 'auth/wrong-cluster',
    });
    const twice = {
      ...headers,
      'signature-input': `${wrongKey['signature-input']}, ${headers['signature-input']?.replace('sig=', 'two=')}`,
      signature: `${wrongKey['signature']}, ${headers['signature']?.replace('sig=', 'two=')}`,
    };
    await expect(verifyRequest({ ...request, headers: twice }, verifier())).rejects.toMatchObject({
      code: 'auth/bad-signature',
    });
  });
});
