/** Names, the keys they belong to, and the pictures their owners show. */

import {
  Address,
  AppError,
  CosignedIdentity,
  type IdentityRecord,
  PAGE_BYTES_MAX,
  PREVIEW_BYTES_MAX,
  PREVIEW_SIDE_PX,
  PublicImage,
  PublicKey,
  type Sha256,
  type Term,
  UnixMs,
  Username,
} from '@cloud-steg/protocol';
import * as z from 'zod';
import { KEY } from './keys.ts';
import { type Draft, decode } from './ledger.ts';
import type { Registry } from './registry.ts';
import { webpSize } from './webp.ts';

/** What the store keeps of a user. */
export const UserRecord = z.object({
  username: Username,
  identity: CosignedIdentity,
  ed25519: PublicKey,
  x25519: PublicKey,
  /** `IdentityRecord.seq` of `identity`. */
  seq: z.int().positive(),
  addresses: z.array(Address),
  images: z.array(PublicImage),
  registeredAt: UnixMs,
  updatedAt: UnixMs,
});
export type UserRecord = z.infer<typeof UserRecord>;

const PreviewUse = z.object({ users: z.int().positive() });

export interface Registration {
  /** Signed by its user, cosigned by the cluster; both checked. */
  readonly identity: CosignedIdentity;
  /** What `identity` says. */
  readonly record: IdentityRecord;
  readonly addresses: readonly Address[];
  readonly images: readonly PublicImage[];
  /** The WebP bytes of each preview that `images` names. */
  readonly previews: ReadonlyMap<Sha256, Uint8Array>;
}

/**
 * Gives a name to the first key that asks; the same key may change the rest as often as it likes. The last
 * registration repeated changes nothing and is answered as it was.
 *
 * Throws `identity/exists` (another key has the name), `identity/stale` (a newer record is known, or
 * this one has expired), `operation/conflict` (a picture's index would move), `input/invalid`.
 */
export async function registerUser(
  registry: Registry,
  term: Term,
  registration: Registration,
): Promise<{ user: UserRecord; created: boolean }> {
  const { record, identity, images, previews } = registration;
  checkImages(registry, images, previews);
  if (record.expiresAt <= registry.now()) {
    throw new AppError('identity/stale', `the identity record of ${record.username} has expired`);
  }
  let created = false;
  const key = KEY.user(record.username);
  const user = await registry.ledger.change(term, key, async (draft) => {
    const now = registry.now();
    const known = await draft.read(UserRecord, key);
    if (known) checkSuccession(known, registration);
    else created = true;
    if (known && isRepeat(known, registration)) {
      created ||= known.updatedAt === known.registeredAt;
      return known;
    }
    const user: UserRecord = {
      username: record.username,
      identity: known?.identity.text === identity.text ? known.identity : identity,
      ed25519: record.ed25519,
      x25519: record.x25519,
      seq: record.seq,
      addresses: [...registration.addresses],
      images: [...images],
      registeredAt: known?.registeredAt ?? now,
      updatedAt: now,
    };
    draft.put(key, user);
    await exchangePreviews(draft, new Set(known?.images.map((image) => image.preview)), previews);
    return user;
  });
  return { user, created };
}

/** The user of that name, if any. */
export function findUser(registry: Registry, username: Username): Promise<UserRecord | undefined> {
  return registry.ledger.read(UserRecord, KEY.user(username));
}

/** Throws `identity/unknown`. */
export async function getUser(registry: Registry, username: Username): Promise<UserRecord> {
  const user = await findUser(registry, username);
  if (!user) throw unknownUser(username);
  return user;
}

/**
 * The users of these names, in their order, ending early once they make `PAGE_BYTES_MAX` as they are stored.
 * Throws `identity/unknown`.
 */
export async function getUsers({ ledger }: Registry, usernames: readonly Username[]): Promise<UserRecord[]> {
  const users: UserRecord[] = [];
  let bytes = 0;
  for (const username of usernames) {
    if (bytes >= PAGE_BYTES_MAX) break;
    const key = KEY.user(username);
    const stored = await ledger.readBytes(key);
    if (!stored) throw unknownUser(username);
    users.push(decode(UserRecord, key, stored));
    bytes += stored.length;
  }
  return users;
}

function unknownUser(username: Username): AppError {
  return new AppError('identity/unknown', `no user is called ${username}`);
}

/** A preview's WebP bytes, if any user shows it. */
export function findPreview(registry: Registry, hash: Sha256): Promise<Uint8Array | undefined> {
  return registry.ledger.readBytes(KEY.preview(hash));
}

function isRepeat(known: UserRecord, { identity, addresses, images }: Registration): boolean {
  return (
    known.identity.text === identity.text &&
    JSON.stringify([known.addresses, known.images]) === JSON.stringify([addresses, images])
  );
}

function checkSuccession(known: UserRecord, { record, identity, images }: Registration): void {
  if (known.ed25519 !== record.ed25519) {
    throw new AppError('identity/exists', `${record.username} belongs to another key`, {
      hint: 'choose another name; if it is yours, register from the machine that has its key',
    });
  }
  if (record.seq < known.seq) {
    throw new AppError(
      'identity/stale',
      `identity record ${record.seq} of ${record.username} is older than ${known.seq}, which the cluster has`,
    );
  }
  if (record.seq === known.seq && identity.text !== known.identity.text) {
    throw new AppError(
      'identity/stale',
      `the cluster has another identity record ${record.seq} of ${record.username}; the next is ${record.seq + 1}`,
    );
  }
  const indexOf = new Map(known.images.map((image) => [image.id, image.index]));
  for (const { id, index } of images) {
    const was = indexOf.get(id) ?? index;
    if (was !== index) {
      throw new AppError('operation/conflict', `picture ${id} is number ${was} and can't become ${index}`);
    }
  }
}

function checkImages(
  { sha256 }: Registry,
  images: readonly PublicImage[],
  previews: ReadonlyMap<Sha256, Uint8Array>,
): void {
  if (new Set(images.map(({ id }) => id)).size < images.length) {
    throw new AppError('input/invalid', 'two pictures have the same id');
  }
  if (new Set(images.map(({ index }) => index)).size < images.length) {
    throw new AppError('input/invalid', 'two pictures have the same index');
  }
  const shown = new Set(images.map(({ preview }) => preview));
  for (const hash of shown) {
    if (!previews.has(hash)) throw new AppError('input/invalid', `preview ${hash} is missing`);
  }
  for (const [hash, bytes] of previews) {
    if (!shown.has(hash)) throw new AppError('input/invalid', `no picture shows preview ${hash}`);
    if (bytes.length > PREVIEW_BYTES_MAX) {
      throw new AppError(
        'input/too-large',
        `preview ${hash} has ${bytes.length} bytes, at most ${PREVIEW_BYTES_MAX} are allowed`,
      );
    }
    checkPreviewSize(hash, bytes);
    if (sha256(bytes) !== hash) throw new AppError('input/invalid', `preview ${hash} has another hash`);
  }
}

/** A preview is decoded by whoever looks at its owner: a few bytes could claim any number of pixels. */
function checkPreviewSize(hash: Sha256, bytes: Uint8Array): void {
  const size = webpSize(bytes);
  if (!size) throw new AppError('input/invalid', `preview ${hash} is no still WebP picture`);
  if (size.width !== PREVIEW_SIDE_PX || size.height !== PREVIEW_SIDE_PX) {
    throw new AppError(
      'input/invalid',
      `preview ${hash} has ${size.width}x${size.height} pixels, ${PREVIEW_SIDE_PX}x${PREVIEW_SIDE_PX} are wanted`,
    );
  }
}

/** Two users may show the same picture: its preview goes when the last of them drops it. */
async function exchangePreviews(
  draft: Draft,
  before: ReadonlySet<Sha256>,
  after: ReadonlyMap<Sha256, Uint8Array>,
): Promise<void> {
  for (const [hash, bytes] of after) {
    if (before.has(hash)) continue;
    const use = await draft.read(PreviewUse, KEY.previewUse(hash));
    draft.put(KEY.previewUse(hash), { users: (use?.users ?? 0) + 1 });
    if (!use) draft.putBytes(KEY.preview(hash), bytes);
  }
  for (const hash of before) {
    if (after.has(hash)) continue;
    const use = await draft.read(PreviewUse, KEY.previewUse(hash));
    if (use && use.users > 1) {
      draft.put(KEY.previewUse(hash), { users: use.users - 1 });
    } else {
      draft.del(KEY.previewUse(hash));
      draft.del(KEY.preview(hash));
    }
  }
}
