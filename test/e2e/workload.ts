/** Users who never stop: each pair asks, grants, extends and opens, and keeps count of every answer. */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  fromBase64url,
  generateIdentity,
  type Identity,
  issueIdentityRecord,
  keyPairFromSeed,
  openShare,
  readGrantLog,
  sealShare,
  sha256Hex,
  signDocument,
  signGrantAmendment,
  signGrantCreation,
  toBase64url,
  toHex,
  unwrapShare,
} from '@cloud-steg/envelope';
import { ClusterClient } from '@cloud-steg/peer';
import {
  CloseViewAnswer,
  FiledRequest,
  GrantEventPage,
  type GrantId,
  GrantPage,
  GrantView,
  HeartbeatAnswer,
  type ImageId,
  type ImageRequest,
  OnlinePage,
  OpenViewAnswer,
  type PublicImage,
  RegisterAnswer,
  type RequestId,
  RequestPage,
  type Username,
  type ViewId,
} from '@cloud-steg/protocol';

const ADDRESS = { host: '127.0.0.1', port: 6000 };
const SHARE = new Uint8Array(32).fill(5);
/** The head of a lossless WebP picture of 128x128 pixels, which is all that the cluster looks at. */
const PREVIEW = Uint8Array.from(Buffer.from('5249464612000000574542505650384c050000002f7fc01f0000', 'hex'));
/** Between one round and the next, so that a user stays below what he may change in a second. */
const BREATH_MS = 100;

const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
const newId = () => toHex(random(16)) as GrantId & RequestId & ViewId & ImageId;

/** One user at one client of his own. */
class User {
  readonly username: Username;
  readonly identity: Identity = generateIdentity(random);
  readonly #client: ClusterClient;
  readonly #tally: Tally;
  #seq = 0;

  constructor(username: string, servers: readonly string[], tally: Tally) {
    this.username = username as Username;
    this.#client = new ClusterClient(servers, undefined, {
      now: Date.now,
      random,
      clusterTimeoutMs: tally.deadlineMs,
    });
    this.#tally = tally;
  }

  readonly call: ClusterClient['call'] = async (call) => {
    const began = performance.now();
    try {
      return await this.#client.call({ ...call, as: this.#self });
    } finally {
      this.#tally.took(performance.now() - began);
    }
  };

  readonly pages: ClusterClient['pages'] = (call, query) =>
    this.#client.pages({ ...call, as: this.#self }, query);

  get #self() {
    return { username: this.username, identity: this.identity };
  }

  async register(images: readonly PublicImage[]): Promise<void> {
    const body = {
      identity: issueIdentityRecord(this.identity, this.username, 1, Date.now()),
      addresses: [ADDRESS],
      images,
      previews: images.length > 0 ? { [sha256Hex(PREVIEW)]: toBase64url(PREVIEW) } : {},
    };
    await this.call({ method: 'POST', path: '/register', body, answer: RegisterAnswer });
  }

  async beat(): Promise<void> {
    const body = { username: this.username, addresses: [ADDRESS], seq: ++this.#seq };
    await this.call({ method: 'POST', path: '/heartbeat', body, answer: HeartbeatAnswer });
  }
}

/** What the clients were told. */
export class Tally {
  /** Longest a call may take. */
  readonly deadlineMs: number;
  /** Views that were acknowledged, of each grant that was. */
  readonly views = new Map<GrantId, Set<ViewId>>();
  readonly requests = new Set<RequestId>();
  readonly errors: unknown[] = [];
  answers = 0;
  slowestMs = 0;

  constructor(deadlineMs: number) {
    this.deadlineMs = deadlineMs;
  }

  took(ms: number): void {
    this.answers += 1;
    this.slowestMs = Math.max(this.slowestMs, ms);
  }
}

/** An owner and a recipient. */
export class Pair {
  readonly #owner: User;
  readonly #recipient: User;
  readonly #tally: Tally;
  readonly #image: PublicImage;

  constructor(n: number, servers: readonly string[], tally: Tally) {
    this.#owner = new User(`owner${n}`, servers, tally);
    this.#recipient = new User(`recipient${n}`, servers, tally);
    this.#tally = tally;
    const preview = sha256Hex(PREVIEW);
    const size = { width: 640, height: 480, bytes: 1000, mediaType: 'image/png' } as const;
    this.#image = { id: newId(), index: 0, preview, ...size };
  }

  async register(): Promise<void> {
    await this.#owner.register([this.#image]);
    await this.#recipient.register([]);
  }

  /** Goes on until told to stop; an error ends it and is kept. */
  async work(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        await this.#share();
        await this.#owner.beat();
        await this.#recipient.beat();
        await this.#recipient.call({ method: 'GET', path: '/discovery/online', answer: OnlinePage });
        await sleep(BREATH_MS);
      }
    } catch (error) {
      this.#tally.errors.push(error);
    }
  }

  /** A request, a grant of two views, one opening, one view more, two more openings. */
  async #share(): Promise<void> {
    const request = newId();
    await this.#ask(request);
    this.#tally.requests.add(request);
    const grant = newId();
    const granted = await this.#grant(grant, request);
    this.#tally.views.set(grant, new Set());
    await this.#view(grant, 1);
    await this.#extend(granted);
    await this.#view(grant, 2);
    await this.#view(grant, 3);
  }

  async #ask(id: RequestId): Promise<void> {
    const { username: from, identity } = this.#recipient;
    const to = this.#owner.username;
    const request = { v: 1, id, from, to, imageId: this.#image.id, imageIndex: 0, at: Date.now() };
    const signed = signDocument(identity.signing, 'image-request', request);
    const body = { request: signed };
    await this.#recipient.call({ method: 'POST', path: '/requests', body, answer: FiledRequest });
  }

  async #grant(grant: GrantId, requestId: RequestId): Promise<GrantView> {
    const [owner, recipient] = [this.#owner, this.#recipient];
    const sealedShare = await sealShare(recipient.identity.agreement.publicKey, grant, SHARE);
    const entry = signGrantCreation(owner.identity.signing, {
      v: 1,
      kind: 'create',
      grant,
      seq: 0,
      owner: owner.username,
      ownerKey: owner.identity.signing.publicKey,
      recipient: recipient.username,
      recipientKey: recipient.identity.signing.publicKey,
      imageId: this.#image.id,
      imageIndex: 0,
      imageName: 'sunset.png',
      requestId,
      views: 2,
      expiresAt: null,
      allowSave: true,
      shareSha256: sha256Hex(sealedShare),
      contentSha256: sha256Hex('carrier'),
      at: Date.now(),
    });
    const body = { entry, sealedShare: toBase64url(sealedShare) };
    return owner.call({ method: 'POST', path: '/grants', body, answer: GrantView });
  }

  async #extend(granted: GrantView): Promise<void> {
    const { signing } = this.#owner.identity;
    const terms = readGrantLog(signing.publicKey, granted.log);
    const entry = signGrantAmendment(signing, terms, { views: 3 }, Date.now());
    const path = `/grants/${granted.id}`;
    await this.#owner.call({ method: 'PATCH', path, body: { entry }, answer: GrantView });
  }

  /** Opens the n-th view and closes it, with the share in hand. */
  async #view(grant: GrantId, n: number): Promise<void> {
    const { username: viewer, identity } = this.#recipient;
    const viewId = newId();
    const key = keyPairFromSeed('X25519', random(32));
    const path = `/grants/${grant}/views`;
    const opened = await this.#recipient.call({
      method: 'POST',
      path,
      body: { viewId, key: key.publicKey },
      answer: OpenViewAnswer,
    });
    if (opened.n !== n) throw new Error(`view ${n} of ${grant} was counted as ${opened.n}`);
    this.#tally.views.get(grant)?.add(viewId);
    const sealedShare = await unwrapShare(key, { grant, viewId, n }, fromBase64url(opened.wrappedShare));
    await openShare(identity.agreement, grant, sealedShare);
    const receipt = { v: 1, grant, viewId, n, viewer, at: Date.now() };
    await this.#recipient.call({
      method: 'POST',
      path: `${path}/${viewId}/close`,
      body: { nonce: toHex(random(16)), receipt: signDocument(identity.signing, 'view-receipt', receipt) },
      answer: CloseViewAnswer,
    });
  }

  /** All that the cluster has of this pair. */
  async records(): Promise<{ grants: GrantView[]; requests: RequestId[] }> {
    const grants: GrantView[] = [];
    for await (const page of this.#owner.pages({ path: '/grants', answer: GrantPage })) {
      grants.push(...page.grants);
    }
    const requests: RequestId[] = [];
    for await (const page of this.#owner.pages({ path: '/requests', answer: RequestPage })) {
      for (const { request } of page.requests) requests.push((JSON.parse(request.text) as ImageRequest).id);
    }
    return { grants, requests };
  }

  /** The views of a grant that the cluster has counted, in the order of their numbers. */
  async openings(grant: GrantId): Promise<(ViewId | undefined)[]> {
    const path = `/grants/${grant}/events`;
    const { events } = await this.#owner.call({ method: 'GET', path, answer: GrantEventPage });
    return events.filter(({ kind }) => kind === 'opened').map(({ viewId }) => viewId);
  }
}
