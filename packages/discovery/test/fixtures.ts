/** A discovery server without sockets, and users who sign what they ask of it. */

import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import {
  clusterKeyPair,
  generateIdentity,
  type Identity,
  issueIdentityRecord,
  type KeyPair,
  keyPairFromSeed,
  readGrantLog,
  sealShare,
  sha256Hex,
  signDocument,
  signGrantAmendment,
  signGrantCreation,
  signRequest,
  toBase64url,
} from '@cloud-steg/envelope';
import {
  type ElectionRecord,
  type ErrorCode,
  type GrantAmendment,
  type GrantCreation,
  type GrantId,
  type GrantView,
  type ImageId,
  type ImageRequest,
  type NodeStatus,
  type PublicImage,
  type RequestId,
  type Sha256,
  type Term,
  type Username,
  type ViewId,
} from '@cloud-steg/protocol';
import { MemoryStore, type Store } from '@cloud-steg/store';
import type * as z from 'zod';
import { createApp, type DiscoveryApp } from '../src/app.ts';
import type { DiscoveryPorts, Leadership } from '../src/ports.ts';

export const START = 1_800_000_000_000;
export const TTL_MS = 10_000;
export const HERE = 'http://127.0.0.1:8000';
export const ELSEWHERE = 'http://127.0.0.1:8001';
export const THIRD = 'http://127.0.0.1:8002';
export const HOLD_MS = 3000;
export const CLUSTER_KEY = clusterKeyPair(new Uint8Array(32).fill(7));

/** Bytes that look random and are the same in every run. */
function seededRandom(seed: string): (bytes: number) => Uint8Array {
  let count = 0;
  return (bytes) => {
    count += 1;
    return new Uint8Array(createHash('sha512').update(`${seed} ${count}`).digest().subarray(0, bytes));
  };
}

/** An id of whatever kind is wanted, the same one for the same number. */
export function id(n: number): GrantId & ImageId & RequestId & ViewId {
  return n.toString(16).padStart(32, '0') as GrantId & ImageId & RequestId & ViewId;
}

const ADDRESSES: Record<string, string> = {
  '127.0.0.1:5001': HERE,
  '127.0.0.1:5002': ELSEWHERE,
  '127.0.0.1:5003': THIRD,
};

/** Leads, follows or is at a loss, as the test says. */
class ScriptedLeadership implements Leadership {
  term = 1;
  leader: string | null = '127.0.0.1:5001';
  readonly #listeners = new Set<() => void>();
  #leased = true;
  elections: ElectionRecord[] = [];
  /** What it knows of the other member. */
  other: NodeStatus = {
    id: '127.0.0.1:5002',
    url: ELSEWHERE,
    role: 'follower',
    term: 1,
    cpuPercent: 7,
    lagMs: 1.5,
    lastSeenMs: 250,
  };

  lead(term: number): void {
    this.term = term;
    this.leader = '127.0.0.1:5001';
    this.#tell();
  }

  follow(leader = '127.0.0.1:5002'): void {
    this.leader = leader;
    this.#tell();
  }

  lose(): void {
    this.leader = null;
    this.#tell();
  }

  /** Whether it may serve as long as it is the leader. */
  set leased(leased: boolean) {
    this.#leased = leased;
    this.#tell();
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  leading() {
    return this.#leased && this.leader === '127.0.0.1:5001' ? { term: this.term } : undefined;
  }

  status() {
    const leaderUrl = this.leader && (ADDRESSES[this.leader] ?? null);
    const self = {
      id: '127.0.0.1:5001',
      url: HERE,
      role: this.leading() ? ('leader' as const) : ('follower' as const),
      term: this.term,
      cpuPercent: 3.5,
      lagMs: null,
      lastSeenMs: 0,
    };
    const { term, leader, elections } = this;
    return { id: self.id, term, leader, leaderUrl, nodes: [self, this.other], elections };
  }
}

export interface User {
  readonly username: Username;
  readonly identity: Identity;
}

export function user(name: string, seed = name): User {
  return { username: name as Username, identity: generateIdentity(seededRandom(seed)) };
}

export const ALICE = user('alice');
export const BOB = user('bob');
export const CAROL = user('carol');

export interface CallOptions {
  readonly body?: object | string;
  /** Signs as this user. */
  readonly as?: User;
  /** Signs with this key instead of the user's. */
  readonly key?: KeyPair;
  /** Signs for this cluster instead of the server's. */
  readonly cluster?: KeyPair;
  /** What the signer's clock shows. */
  readonly clock?: number;
  readonly headers?: Record<string, string>;
  /** Where it comes from; not given: from this machine. */
  readonly client?: string;
  /** Says that the client has gone. */
  readonly signal?: AbortSignal;
  /** Changes the request after it was signed. */
  readonly tamper?: (request: Request) => Request;
}

export class Server {
  time = START;
  readonly leadership = new ScriptedLeadership();
  readonly log: { level: string; event: string; fields: Record<string, unknown> }[] = [];
  readonly store: Store;
  readonly app: DiscoveryApp;
  readonly #random = seededRandom('server');
  readonly #timers = new Set<{ at: number; run: () => void }>();

  constructor(store: Store) {
    this.store = store;
    const ports: DiscoveryPorts = {
      store,
      leadership: this.leadership,
      clusterKey: CLUSTER_KEY,
      heartbeatTtlMs: TTL_MS,
      leaderHoldMs: HOLD_MS,
      now: () => this.time,
      after: (ms, run) => this.#after(ms, run),
      random: this.#random,
      log: (level, event, fields) => this.log.push({ level, event, fields }),
      version: '1.2.3',
    };
    this.app = createApp(ports);
  }

  #after(ms: number, run: () => void): () => void {
    const timer = { at: this.time + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Lets time pass, and what was due by then happen. */
  pass(ms: number): void {
    this.time += ms;
    for (const timer of this.#timers) {
      if (timer.at > this.time) continue;
      this.#timers.delete(timer);
      timer.run();
    }
  }

  /** The value of a metric. */
  async metric(name: string): Promise<number> {
    const text = await (await this.send('GET', '/metrics')).text();
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
  }

  /** Resolves once so many requests are held. */
  async holds(count: number): Promise<void> {
    const deadline = Date.now() + 10_000;
    while ((await this.metric('cloud_steg_requests_held')) !== count) {
      if (Date.now() > deadline) throw new Error(`waited in vain for ${count} requests to be held`);
      await setImmediate();
    }
  }

  /** Leads term 1 of a new store. */
  static async create(store: Store = new MemoryStore()): Promise<Server> {
    await store.claimTerm(1 as Term, '127.0.0.1:5001');
    return new Server(store);
  }

  async request(method: string, path: string, options: CallOptions = {}): Promise<Request> {
    const { body, as } = options;
    const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body);
    const url = HERE + path;
    const signature =
      as &&
      (await signRequest(
        { method, url, body: new TextEncoder().encode(text) },
        {
          username: as.username,
          key: options.key ?? as.identity.signing,
          clusterKey: (options.cluster ?? CLUSTER_KEY).publicKey,
          nowMs: options.clock ?? this.time,
          random: this.#random,
        },
      ));
    const request = new Request(url, {
      method,
      headers: { ...signature, ...options.headers },
      ...(text ? { body: text } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    return options.tamper?.(request) ?? request;
  }

  async send(method: string, path: string, options: CallOptions = {}): Promise<Response> {
    return this.app.fetch(await this.request(method, path, options), options.client);
  }

  /** Expects success, and an answer of the very shape that the route promises. */
  async call<S extends z.ZodType>(
    schema: S,
    method: string,
    path: string,
    options: CallOptions = {},
  ): Promise<z.infer<S>> {
    const response = await this.send(method, path, options);
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return schema.parse(JSON.parse(text));
  }

  /** The outcome as one line: "200", or status and code of the problem. */
  async outcome(method: string, path: string, options: CallOptions = {}): Promise<string> {
    return outcomeOf(await this.send(method, path, options));
  }

  async register(who: User, images: readonly PublicImage[] = [], seq = 1): Promise<string> {
    return this.outcome('POST', '/register', { as: who, body: registerBody(who, images, seq) });
  }

  /** alice and bob, and a grant of alice's to bob. */
  async withGrant(terms: Partial<GrantCreation> = {}): Promise<GrantView> {
    await this.register(ALICE, [IMAGE]);
    await this.register(BOB);
    const response = await this.send('POST', '/grants', { as: ALICE, body: await grantBody(terms) });
    return (await response.json()) as GrantView;
  }

  grant(as: User = ALICE): Promise<GrantView> {
    return this.send('GET', `/grants/${GRANT}`, { as }).then(
      (response) => response.json() as Promise<GrantView>,
    );
  }

  open(n: number, as: User = BOB, key = viewKey(n)): Promise<Response> {
    return this.send('POST', `/grants/${GRANT}/views`, { as, body: { viewId: id(n), key: key.publicKey } });
  }

  closeBody(n: number, count: number, nonce = 'a'.repeat(32), as: User = BOB) {
    const receipt = { v: 1, grant: GRANT, viewId: id(n), n: count, viewer: as.username, at: this.time };
    return { nonce, receipt: signDocument(as.identity.signing, 'view-receipt', receipt) };
  }
}

/** The outcome of a request as one line: "200", or status and code of the problem. */
export async function outcomeOf(response: Response): Promise<string> {
  if (response.status < 300) return String(response.status);
  const { code } = (await response.json()) as { code: ErrorCode };
  return `${response.status} ${code}`;
}

/** The head of a lossless WebP picture of 128x128 pixels, which is all that the cluster looks at. */
export const PREVIEW = Uint8Array.from(
  Buffer.from('5249464612000000574542505650384c050000002f7fc01f0000', 'hex'),
);
export const IMAGE: PublicImage = {
  id: id(1),
  index: 0,
  width: 640,
  height: 480,
  bytes: 1000,
  mediaType: 'image/png',
  preview: sha256Hex(PREVIEW),
};

export function registerBody(who: User, images: readonly PublicImage[] = [], seq = 1) {
  return {
    identity: issueIdentityRecord(who.identity, who.username, seq, START),
    addresses: [{ host: '192.168.1.10', port: 6000 }],
    images,
    previews: images.length > 0 ? { [sha256Hex(PREVIEW)]: toBase64url(PREVIEW) } : {},
  };
}

export function requestBody(n: number, from: User, to: User, change: Partial<ImageRequest> = {}) {
  const request: ImageRequest = {
    v: 1,
    id: id(n),
    from: from.username,
    to: to.username,
    imageId: IMAGE.id,
    imageIndex: 0,
    at: START,
    ...change,
  };
  return { request: signDocument(from.identity.signing, 'image-request', request) };
}

export const GRANT = id(0x617);
export const SHARE = new Uint8Array(32).fill(5);

export async function grantBody(terms: Partial<GrantCreation> = {}, signer: User = ALICE) {
  const sealedShare = await sealShare(BOB.identity.agreement.publicKey, GRANT, SHARE);
  const creation: GrantCreation = {
    v: 1,
    kind: 'create',
    grant: GRANT,
    seq: 0,
    owner: ALICE.username,
    ownerKey: ALICE.identity.signing.publicKey,
    recipient: BOB.username,
    recipientKey: BOB.identity.signing.publicKey,
    imageId: IMAGE.id,
    imageIndex: 0,
    imageName: 'sunset.png',
    views: 3,
    expiresAt: null,
    allowSave: true,
    shareSha256: sha256Hex(sealedShare),
    contentSha256: sha256Hex('carrier'),
    at: START,
    ...terms,
  };
  return {
    entry: signGrantCreation(signer.identity.signing, creation),
    sealedShare: toBase64url(sealedShare),
  };
}

export function amendBody(
  grant: GrantView,
  change: Partial<Pick<GrantAmendment, 'views' | 'expiresAt' | 'revoked'>>,
  signer: User = ALICE,
) {
  const terms = readGrantLog(ALICE.identity.signing.publicKey, grant.log);
  return { entry: signGrantAmendment(signer.identity.signing, terms, change, START) };
}

/** The fresh key of the n-th view. */
export function viewKey(n: number): KeyPair {
  return keyPairFromSeed('X25519', seededRandom(`view ${n}`)(32));
}

export const ANOTHER_CLUSTER = clusterKeyPair(new Uint8Array(32).fill(8));
export const NO_HASH = '0'.repeat(64) as Sha256;
