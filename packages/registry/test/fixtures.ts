/** A registry on a memory store, with a clock to turn, and documents to feed it. */

import { createHash } from 'node:crypto';
import type {
  ErrorCode,
  GrantAmendment,
  GrantCreation,
  GrantId,
  IdentityRecord,
  ImageId,
  ImageRequest,
  PublicImage,
  PublicKey,
  RequestId,
  Sha256,
  Signature,
  Signed,
  Term,
  Username,
  ViewId,
  ViewReceipt,
} from '@cloud-steg/protocol';
import { MemoryStore, type Store } from '@cloud-steg/store';
import {
  amendGrant,
  type Caller,
  closeView,
  createGrant,
  createRegistry,
  openView,
  type Registry,
  registerUser,
} from '../src/index.ts';

export const TERM = 1 as Term;
export const ALICE = 'alice' as Username;
export const BOB = 'bob' as Username;
export const CAROL = 'carol' as Username;
export const START = 1_800_000_000_000;

export function sha256(data: Uint8Array | string): Sha256 {
  return createHash('sha256').update(data).digest('hex') as Sha256;
}

/** An id of whatever kind is wanted, the same one for the same number. */
export function id(n: number): GrantId & ImageId & RequestId & ViewId {
  return n.toString(16).padStart(32, '0') as GrantId & ImageId & RequestId & ViewId;
}

/** A different 32 byte "key" for every name. */
export function keyOfUser(name: string): PublicKey {
  return createHash('sha256').update(`key of ${name}`).digest('base64url') as PublicKey;
}

export function callerOf(name: Username): Caller {
  return { username: name, key: keyOfUser(name) };
}

const SIGNATURE = 'A'.repeat(86) as Signature;

export function signed(document: object): Signed {
  return { text: JSON.stringify(document), signature: SIGNATURE };
}

export class World {
  time = START;
  readonly store: MemoryStore;
  readonly registry: Registry;

  constructor(store: MemoryStore, registryStore: Store = store) {
    this.store = store;
    this.registry = this.anotherRegistry(registryStore);
  }

  static async create(wrap: (inner: MemoryStore) => Store = (inner) => inner): Promise<World> {
    const store = new MemoryStore();
    await store.claimTerm(TERM, '127.0.0.1:5001');
    return new World(store, wrap(store));
  }

  /** Over the same store and clock, but with queues of its own, as another process would have. */
  anotherRegistry(store: Store = this.store): Registry {
    return createRegistry({ store, now: () => this.time, sha256 });
  }

  async register(name: Username, images: number = 1) {
    return registerUser(this.registry, TERM, registration(name, { images: imagesOf(name, images) }));
  }

  /** alice and bob, and a grant of alice's to bob. */
  async grant(terms: Partial<GrantCreation> = {}) {
    await this.register(ALICE);
    await this.register(BOB);
    return createGrant(this.registry, TERM, newGrant(terms));
  }

  open(n: number, who: Username = BOB, registry = this.registry, key = keyOfUser(`view ${n}`)) {
    return openView(registry, TERM, callerOf(who), GRANT, { viewId: id(n), key });
  }

  close(n: number, count: number, nonce = 'aa') {
    const receipt: ViewReceipt = {
      v: 1,
      grant: GRANT,
      viewId: id(n),
      n: count,
      viewer: BOB,
      at: this.time,
    };
    const closing = { nonce, receipt, signedReceipt: signed(receipt) };
    return closeView(this.registry, TERM, callerOf(BOB), GRANT, receipt.viewId, closing);
  }

  amend(log: readonly Signed[], change: Partial<GrantAmendment>) {
    const amendment = nextAmendment(log, change);
    return amendGrant(this.registry, TERM, signed(amendment), amendment);
  }

  async shareHeld(): Promise<boolean> {
    return (await this.store.get(`s/${GRANT}`)) !== undefined;
  }
}

export const GRANT = id(0x617);
export const SHARE = Uint8Array.from({ length: 80 }, (_, i) => i);

export function newGrant(terms: Partial<GrantCreation> = {}) {
  const creation: GrantCreation = {
    v: 1,
    kind: 'create',
    grant: GRANT,
    seq: 0,
    owner: ALICE,
    ownerKey: keyOfUser(ALICE),
    recipient: BOB,
    recipientKey: keyOfUser(BOB),
    imageId: id(1),
    imageIndex: 0,
    imageName: 'sunset.png',
    views: 3,
    expiresAt: null,
    allowSave: true,
    shareSha256: sha256(SHARE),
    contentSha256: sha256('carrier'),
    at: START,
    ...terms,
  };
  return { entry: signed(creation), creation, sealedShare: SHARE };
}

export function nextAmendment(log: readonly Signed[], change: Partial<GrantAmendment>): GrantAmendment {
  return {
    v: 1,
    kind: 'amend',
    grant: GRANT,
    seq: log.length,
    prev: sha256(log.at(-1)?.text ?? ''),
    views: 3,
    expiresAt: null,
    revoked: false,
    at: START,
    ...change,
  };
}

/** The smallest thing that says it is a WebP picture of 128x128 (or another size), another one for every name. */
export function preview(name: string, width = 128, height = 128): Uint8Array {
  const pixels = Buffer.from(`/....${name}`);
  pixels.writeUInt32LE(((height - 1) << 14) | (width - 1), 1);
  return webp('VP8L', pixels);
}

/** A RIFF file of one chunk. */
export function webp(tag: string, chunk: Uint8Array): Uint8Array {
  const padding = new Uint8Array(chunk.length % 2);
  const uint32 = (value: number) => new Uint8Array(new Uint32Array([value]).buffer);
  const body = [Buffer.from(`WEBP${tag}`), uint32(chunk.length), chunk, padding];
  const bytes = body.reduce((sum, part) => sum + part.length, 0);
  return new Uint8Array(Buffer.concat([Buffer.from('RIFF'), uint32(bytes), ...body]));
}

export function imagesOf(name: string, count: number): PublicImage[] {
  return Array.from({ length: count }, (_, index) => ({
    id: id(index + 1),
    index,
    width: 640,
    height: 480,
    bytes: 1000,
    mediaType: 'image/png',
    preview: sha256(preview(`${name} ${index}`)),
  }));
}

export function registration(
  username: Username,
  change: { seq?: number; key?: PublicKey; images?: PublicImage[]; expiresAt?: number; note?: string } = {},
) {
  const record: IdentityRecord = {
    v: 1,
    username,
    ed25519: change.key ?? keyOfUser(username),
    x25519: keyOfUser(`${username} agreement`),
    seq: change.seq ?? 1,
    issuedAt: START,
    expiresAt: change.expiresAt ?? START + 1e9,
  };
  const images = change.images ?? [];
  return {
    identity: { ...signed({ ...record, note: change.note }), cosignature: SIGNATURE },
    record,
    addresses: [{ host: '127.0.0.1', port: 6000 }],
    images,
    previews: new Map(
      images.map((image) => {
        const bytes = preview(`${username} ${image.index}`);
        return [sha256(bytes), bytes];
      }),
    ),
  };
}

export function request(n: number, change: Partial<ImageRequest> = {}): ImageRequest {
  return {
    v: 1,
    id: id(n),
    from: BOB,
    to: ALICE,
    imageId: id(1),
    imageIndex: 0,
    at: START,
    ...change,
  };
}

/** What an `AppError` of that code matches. */
export function refusal(code: ErrorCode): { code: ErrorCode } {
  return { code };
}
