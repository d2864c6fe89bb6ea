/** What only a leader does, done a few times beforehand: else its first requests wait for code to be loaded and compiled. */

import {
  clusterKeyPair,
  generateIdentity,
  type Identity,
  issueIdentityRecord,
  sealShare,
  sha256Hex,
  signGrantCreation,
  signRequest,
  toBase64url,
  toHex,
} from '@cloud-steg/envelope';
import {
  type GrantCreation,
  type GrantId,
  type ImageId,
  KEY_BYTES,
  type Term,
  type Username,
  type ViewId,
} from '@cloud-steg/protocol';
import { MemoryStore } from '@cloud-steg/store';
import { createApp, type DiscoveryApp } from './app.ts';
import type { DiscoveryPorts, Leadership } from './ports.ts';

/** Enough for the first request of a new leader to take about as long as later ones. */
const VIEWS_REHEARSED = 5;
const ORIGIN = 'http://127.0.0.1';
const TERM = 1 as Term;

type RehearsalPorts = Pick<DiscoveryPorts, 'now' | 'random' | 'after'>;

interface User {
  readonly username: Username;
  readonly identity: Identity;
}

/**
 * Serves a few users of a made-up cluster in memory: registrations, heartbeats, a grant and views of it. Throws where one
 * of them is refused, which would be a bug.
 */
export async function rehearse(ports: RehearsalPorts): Promise<void> {
  const store = new MemoryStore();
  await store.claimTerm(TERM, 'rehearsal');
  const clusterKey = clusterKeyPair(ports.random(KEY_BYTES));
  const app = createApp({
    ...ports,
    store,
    leadership: ALWAYS_LEADING,
    clusterKey,
    heartbeatTtlMs: 1000,
    leaderHoldMs: 0,
    log: () => undefined,
    version: 'rehearsal',
  });
  const call = (user: User, path: string, body: object) =>
    callSigned(app, ports, clusterKey.publicKey, user, path, body);

  const [owner, viewer] = (['owner', 'viewer'] as const).map((name) => ({
    username: name as Username,
    identity: generateIdentity(ports.random),
  }));
  if (!owner || !viewer) return;
  const addresses = [{ host: '127.0.0.1', port: 6000 }];
  for (const user of [owner, viewer]) {
    const identity = issueIdentityRecord(user.identity, user.username, 1, ports.now());
    await call(user, '/register', { identity, addresses, images: [], previews: {} });
    await call(user, '/heartbeat', { username: user.username, addresses, seq: 1 });
  }
  const grant = toHex(ports.random(16)) as GrantId;
  await call(owner, '/grants', await grantBody(ports, grant, owner, viewer));
  for (let i = 0; i < VIEWS_REHEARSED; i++) {
    const viewId = toHex(ports.random(16)) as ViewId;
    await call(viewer, `/grants/${grant}/views`, { viewId, key: viewer.identity.agreement.publicKey });
  }
}

const ALWAYS_LEADING: Leadership = {
  leading: () => ({ term: TERM }),
  status: () => ({
    id: 'rehearsal',
    term: TERM,
    leader: 'rehearsal',
    leaderUrl: ORIGIN,
    nodes: [],
    elections: [],
  }),
  onChange: () => () => undefined,
};

async function callSigned(
  app: DiscoveryApp,
  { now, random }: RehearsalPorts,
  clusterKey: Parameters<typeof signRequest>[1]['clusterKey'],
  { username, identity }: User,
  path: string,
  body: object,
): Promise<void> {
  const request = { method: 'POST', url: ORIGIN + path, body: Buffer.from(JSON.stringify(body)) };
  const signer = { username, key: identity.signing, clusterKey, nowMs: now(), random };
  const headers = await signRequest(request, signer);
  const answer = await app.fetch(new Request(request.url, { ...request, headers }), undefined);
  if (answer.status !== 200) throw new Error(`rehearsed ${path}: ${answer.status} ${await answer.text()}`);
}

async function grantBody({ now, random }: RehearsalPorts, grant: GrantId, owner: User, viewer: User) {
  const sealedShare = await sealShare(viewer.identity.agreement.publicKey, grant, random(KEY_BYTES));
  const creation: GrantCreation = {
    v: 1,
    kind: 'create',
    grant,
    seq: 0,
    owner: owner.username,
    ownerKey: owner.identity.signing.publicKey,
    recipient: viewer.username,
    recipientKey: viewer.identity.signing.publicKey,
    imageId: toHex(random(16)) as ImageId,
    imageIndex: 0,
    imageName: 'rehearsal.png',
    views: VIEWS_REHEARSED,
    expiresAt: null,
    allowSave: false,
    shareSha256: sha256Hex(sealedShare),
    contentSha256: sha256Hex(random(KEY_BYTES)),
    at: now(),
  };
  return {
    entry: signGrantCreation(owner.identity.signing, creation),
    sealedShare: toBase64url(sealedShare),
  };
}
