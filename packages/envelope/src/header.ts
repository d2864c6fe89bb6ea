/**
 * The carrier's header: 384 bytes, uniform to everyone outside the pair. `docs/carrier-format.md`
 * shows the same table; both change together.
 */

import { createCipheriv, createDecipheriv } from 'node:crypto';
import {
  AppError,
  GrantId,
  HEADER_BYTES,
  invariant,
  USERNAME_CHARS_MAX,
  Username,
} from '@cloud-steg/protocol';
import { fromHex, label, toHex } from './encoding.ts';
import { deriveKey } from './keystream.ts';
import type { PairKey } from './pair-key.ts';

/** Carrier profiles by their number in the header. */
export const PROFILES = { synth: 1, balanced: 2 } as const;
export type Profile = keyof typeof PROFILES;

export interface Header {
  readonly profile: Profile;
  readonly owner: Username;
  /** The one user this carrier is for. */
  readonly allowed: Username;
  /** Carrier's own count, for display: the cluster's counts. */
  readonly viewsRemaining: number;
  readonly viewsGranted: number;
  readonly grant: GrantId;
  /** 32 bytes: one half of the content key; the other is the cluster's share. */
  readonly carrierKey: Uint8Array;
  /** Unix milliseconds, or null for no expiry. */
  readonly expiresAt: number | null;
  /** 16 random bytes, the body's own name. */
  readonly fileId: Uint8Array;
  /** 32 bytes: the body's places are drawn from it. */
  readonly bodySalt: Uint8Array;
  /** Length of the body's ciphertext, bytes. */
  readonly bodyBytes: number;
}

const VERSION = 1;
const SALT_BYTES = 32;
const TAG_BYTES = 16;
const NAME_FIELD_BYTES = 1 + USERNAME_CHARS_MAX;

/** Offsets inside the sealed part (336 bytes). What follows the last field is zero. */
const AT = {
  version: 0,
  profile: 1,
  owner: 2,
  allowed: 2 + NAME_FIELD_BYTES,
  viewsRemaining: 68,
  viewsGranted: 70,
  grant: 72,
  carrierKey: 88,
  expiresAt: 120,
  fileId: 128,
  bodySalt: 144,
  bodyBits: 176,
  stcHeight: 180,
} as const;
const SEALED_BYTES = HEADER_BYTES - SALT_BYTES - TAG_BYTES;

/** Height of the syndrome-trellis code of the header itself; the body has none at 1 bit per sample. */
const STC_HEIGHT = 8;

/** Seals under a key of this salt alone; `salt` must be 32 fresh random bytes at every rewrite. */
export function sealHeader(pair: PairKey, size: PictureSize, header: Header, salt: Uint8Array): Uint8Array {
  invariant(salt.length === SALT_BYTES, 'a header salt is 32 bytes');
  const { key, nonce } = headerKey(pair, salt);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(associatedData(size));
  const out = new Uint8Array(HEADER_BYTES);
  out.set(salt, 0);
  out.set(cipher.update(encode(header)), SALT_BYTES);
  cipher.final();
  out.set(cipher.getAuthTag(), HEADER_BYTES - TAG_BYTES);
  return out;
}

/** The header of this pair, or undefined when these bytes are none: there is one answer to every failure. */
export function openHeader(pair: PairKey, size: PictureSize, bytes: Uint8Array): Header | undefined {
  if (bytes.length !== HEADER_BYTES) return undefined;
  const { key, nonce } = headerKey(pair, bytes.subarray(0, SALT_BYTES));
  const decipher = createDecipheriv('aes-256-gcm', key, nonce);
  decipher.setAAD(associatedData(size));
  decipher.setAuthTag(bytes.subarray(HEADER_BYTES - TAG_BYTES));
  const plain = decipher.update(bytes.subarray(SALT_BYTES, HEADER_BYTES - TAG_BYTES));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return decode(new Uint8Array(plain));
}

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

function headerKey(pair: PairKey, salt: Uint8Array) {
  const material = deriveKey(pair.secret, salt, label('header', 1), 44);
  return { key: material.subarray(0, 32), nonce: material.subarray(32) };
}

function associatedData(size: PictureSize): Uint8Array {
  return label('header', 1, size.width, size.height);
}

function encode(header: Header): Uint8Array {
  const out = new Uint8Array(SEALED_BYTES);
  const view = new DataView(out.buffer);
  const name = (at: number, text: string) => {
    out[at] = text.length;
    out.set(Buffer.from(text, 'ascii'), at + 1);
  };
  out[AT.version] = VERSION;
  out[AT.profile] = PROFILES[header.profile];
  name(AT.owner, header.owner);
  name(AT.allowed, header.allowed);
  view.setUint16(AT.viewsRemaining, header.viewsRemaining, true);
  view.setUint16(AT.viewsGranted, header.viewsGranted, true);
  out.set(fromHex(header.grant), AT.grant);
  out.set(header.carrierKey, AT.carrierKey);
  view.setBigUint64(AT.expiresAt, BigInt(header.expiresAt ?? 0), true);
  out.set(header.fileId, AT.fileId);
  out.set(header.bodySalt, AT.bodySalt);
  view.setUint32(AT.bodyBits, header.bodyBytes * 8, true);
  out[AT.stcHeight] = STC_HEIGHT;
  return out;
}

/** The pair's other half may still send nonsense: a genuine seal over bad fields is an error, not a crash. */
function decode(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const slice = (at: number, length: number) => bytes.slice(at, at + length);
  const name = (at: number) => {
    const text = Buffer.from(slice(at + 1, Math.min(bytes[at] ?? 0, USERNAME_CHARS_MAX))).toString('ascii');
    return Username.parse(text);
  };
  if (bytes[AT.version] !== VERSION) {
    throw new AppError('carrier/damaged', `carrier format ${bytes[AT.version]} is newer than this program`, {
      hint: 'update cloud-steg, then open it again',
    });
  }
  try {
    const expiresAt = Number(view.getBigUint64(AT.expiresAt, true));
    return {
      profile: profileOf(bytes[AT.profile] ?? 0),
      owner: name(AT.owner),
      allowed: name(AT.allowed),
      viewsRemaining: view.getUint16(AT.viewsRemaining, true),
      viewsGranted: view.getUint16(AT.viewsGranted, true),
      grant: GrantId.parse(toHex(slice(AT.grant, 16))),
      carrierKey: slice(AT.carrierKey, 32),
      expiresAt: expiresAt === 0 ? null : expiresAt,
      fileId: slice(AT.fileId, 16),
      bodySalt: slice(AT.bodySalt, 32),
      bodyBytes: view.getUint32(AT.bodyBits, true) / 8,
    };
  } catch (cause) {
    throw new AppError('carrier/damaged', 'the carrier’s header holds values that make no sense', { cause });
  }
}

function profileOf(number: number): Profile {
  for (const [name, value] of Object.entries(PROFILES)) if (value === number) return name as Profile;
  throw new AppError('carrier/damaged', `unknown carrier profile ${number}`);
}
