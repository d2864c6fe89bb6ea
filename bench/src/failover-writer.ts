/** A client that writes without pause: it spends views, one after another, and afterwards counts them. */

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  generateIdentity,
  type Identity,
  issueIdentityRecord,
  sealShare,
  sha256Hex,
  signGrantCreation,
  toBase64url,
  toHex,
} from '@cloud-steg/envelope';
import { ClusterClient } from '@cloud-steg/peer';
import {
  type GrantCreation,
  GrantEventPage,
  type GrantId,
  GrantView,
  type ImageId,
  OpenViewAnswer,
  RegisterAnswer,
  TIMEOUT_SECONDS_DEFAULT,
  type Username,
  VIEWS_MAX,
  type ViewId,
} from '@cloud-steg/protocol';

/** So many that none of them makes more changes a second than one user may. */
const VIEWERS = 16;
const WRITE_INTERVAL_MS = 5;

/** A write that a server acknowledged. */
export interface Ack {
  /** When it was asked for and when the answer was here: `performance.now()`. */
  readonly sentMs: number;
  readonly atMs: number;
  /** The server that answered. */
  readonly url: string | undefined;
}

interface User {
  readonly username: Username;
  readonly identity: Identity;
}

interface Viewer extends User {
  readonly grant: GrantId;
  readonly issued: Set<ViewId>;
  /** Which view each was, as acknowledged. */
  readonly acknowledged: Map<ViewId, number>;
}

/** What became of all writes. `lost`, `doubled`, `strange` and `failed` ought to be 0. */
export interface Tally {
  readonly written: number;
  /** Acknowledged, but not there or not as acknowledged. */
  readonly lost: number;
  /** There more than once, or counted more than once. */
  readonly doubled: number;
  /** There, though nobody asked for it. */
  readonly strange: number;
  /** Refused, or given up at the client's deadline. */
  readonly failed: number;
}

export class ContinuousWriter {
  readonly failures: unknown[] = [];
  readonly #client: ClusterClient;
  readonly #owner: User;
  readonly #viewers: readonly Viewer[];
  readonly #onAcks = new Set<(ack: Ack) => void>();
  #writing: Promise<void> | undefined;
  #stopped = false;
  #sentMs: number | undefined;

  private constructor(client: ClusterClient, owner: User, viewers: readonly Viewer[]) {
    this.#client = client;
    this.#owner = owner;
    this.#viewers = viewers;
  }

  /** Registers an owner and viewers, each with a grant, and begins to write. */
  static async start(servers: readonly string[]): Promise<ContinuousWriter> {
    const client = new ClusterClient(servers, undefined, {
      now: Date.now,
      random: randomBytes,
      clusterTimeoutMs: TIMEOUT_SECONDS_DEFAULT * 1000,
    });
    const owner = await register(client, 'owner');
    const viewers: Viewer[] = [];
    for (let i = 0; i < VIEWERS; i++) {
      const user = await register(client, `viewer${i}`);
      const grant = await grantAll(client, owner, user);
      viewers.push({ ...user, grant, issued: new Set(), acknowledged: new Map() });
    }
    const writer = new ContinuousWriter(client, owner, viewers);
    writer.#writing = writer.#write();
    return writer;
  }

  /** Since when the write under way has been waiting for its answer; undefined between two writes. */
  get sentMs(): number | undefined {
    return this.#sentMs;
  }

  /** Calls `listener` with each acknowledgement; returns how to stop that. */
  onAck(listener: (ack: Ack) => void): () => void {
    this.#onAcks.add(listener);
    return () => this.#onAcks.delete(listener);
  }

  /** Lets the write under way end. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#writing;
  }

  async #write(): Promise<void> {
    for (let i = 0; !this.#stopped; i++) {
      const viewer = this.#viewers[i % VIEWERS];
      if (!viewer) return;
      const sentMs = performance.now();
      this.#sentMs = sentMs;
      await this.#openView(viewer, sentMs);
      this.#sentMs = undefined;
      const pauseMs = sentMs + WRITE_INTERVAL_MS - performance.now();
      if (pauseMs > 0) await sleep(pauseMs);
    }
  }

  async #openView(viewer: Viewer, sentMs: number): Promise<void> {
    const viewId = toHex(randomBytes(16)) as ViewId;
    viewer.issued.add(viewId);
    try {
      const { n } = await this.#client.call({
        method: 'POST',
        path: `/grants/${viewer.grant}/views`,
        body: { viewId, key: viewer.identity.agreement.publicKey },
        as: viewer,
        answer: OpenViewAnswer,
      });
      viewer.acknowledged.set(viewId, n);
      const ack: Ack = { sentMs, atMs: performance.now(), url: this.#client.leaderUrl };
      for (const listener of this.#onAcks) listener(ack);
    } catch (error) {
      this.failures.push(error);
    }
  }

  /** Begins no more writes, and waits for none. */
  abandon(): void {
    this.#stopped = true;
  }

  /** Lists every grant's history and compares it with what was acknowledged. Call it when stopped. */
  async tally(): Promise<Tally> {
    const sum = { written: 0, lost: 0, doubled: 0, strange: 0, failed: this.failures.length };
    for (const viewer of this.#viewers) {
      const opened = await this.#opened(viewer.grant);
      const byId = new Map(opened);
      const numbers = new Set(opened.map(([, n]) => n));
      sum.written += viewer.acknowledged.size;
      for (const [viewId, n] of viewer.acknowledged) if (byId.get(viewId) !== n) sum.lost++;
      for (const viewId of byId.keys()) if (!viewer.issued.has(viewId)) sum.strange++;
      sum.doubled += opened.length - byId.size + (byId.size - numbers.size);
      const { used } = await this.#client.call({
        method: 'GET',
        path: `/grants/${viewer.grant}`,
        as: this.#owner,
        answer: GrantView,
      });
      sum.doubled += Math.max(0, used - byId.size);
      sum.lost += Math.max(0, byId.size - used);
    }
    return sum;
  }

  async #opened(grant: GrantId): Promise<[ViewId, number][]> {
    const opened: [ViewId, number][] = [];
    const call = { path: `/grants/${grant}/events`, as: this.#owner, answer: GrantEventPage };
    for await (const { events } of this.#client.pages(call)) {
      for (const { kind, viewId, n } of events) {
        if (kind === 'opened' && viewId !== undefined && n !== undefined) opened.push([viewId, n]);
      }
    }
    return opened;
  }
}

async function register(client: ClusterClient, name: string): Promise<User> {
  const user = { username: name as Username, identity: generateIdentity(randomBytes) };
  await client.call({
    method: 'POST',
    path: '/register',
    as: user,
    body: {
      identity: issueIdentityRecord(user.identity, user.username, 1, Date.now()),
      addresses: [{ host: '127.0.0.1', port: 6000 }],
      images: [],
      previews: {},
    },
    answer: RegisterAnswer,
  });
  return user;
}

/** As many views as there can be, of a picture that nobody will see. */
async function grantAll(client: ClusterClient, owner: User, viewer: User): Promise<GrantId> {
  const grant = toHex(randomBytes(16)) as GrantId;
  const sealedShare = await sealShare(viewer.identity.agreement.publicKey, grant, randomBytes(32));
  const creation: GrantCreation = {
    v: 1,
    kind: 'create',
    grant,
    seq: 0,
    owner: owner.username,
    ownerKey: owner.identity.signing.publicKey,
    recipient: viewer.username,
    recipientKey: viewer.identity.signing.publicKey,
    imageId: toHex(randomBytes(16)) as ImageId,
    imageIndex: 0,
    imageName: 'bench.png',
    views: VIEWS_MAX,
    expiresAt: null,
    allowSave: false,
    shareSha256: sha256Hex(sealedShare),
    contentSha256: sha256Hex(randomBytes(32)),
    at: Date.now(),
  };
  await client.call({
    method: 'POST',
    path: '/grants',
    as: owner,
    body: {
      entry: signGrantCreation(owner.identity.signing, creation),
      sealedShare: toBase64url(sealedShare),
    },
    answer: GrantView,
  });
  return grant;
}
