/**
 * The carrier's body: the original file, byte for byte, with name and type, sealed under a key that
 * needs both the carrier and the cluster's share.
 */

import { createCipheriv, createDecipheriv } from 'node:crypto';
import { AppError, FILE_NAME_BYTES_MAX, type GrantId, invariant, type Sha256 } from '@cloud-steg/protocol';
import { label, sha256Hex, toHex } from './encoding.ts';
import type { Header, PictureSize, Profile } from './header.ts';
import { deriveKey, type Keystream, keystream } from './keystream.ts';

/** What is hidden. */
export interface OriginalFile {
  /** Base name, no path. */
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** What the body is bound to, as associated data. */
export interface BodyContext extends PictureSize {
  readonly profile: Profile;
  readonly fileId: Uint8Array;
}

const TAG_BYTES = 16;
const MEDIA_TYPE_BYTES_MAX = 64;

/** Most that sealing adds to a file: two length-prefixed strings, a size and a tag. */
export const BODY_OVERHEAD_BYTES_MAX = 1 + FILE_NAME_BYTES_MAX + 1 + MEDIA_TYPE_BYTES_MAX + 4 + TAG_BYTES;

/** Both halves make it; neither alone does. HKDF(carrierKey, salt = share, info = grant). */
export function contentKey(carrierKey: Uint8Array, share: Uint8Array, grant: GrantId): Uint8Array {
  return deriveKey(carrierKey, share, label('content', 1, grant));
}

/** Length of the ciphertext `sealBody` will make, bytes. */
export function sealedBodyBytes(file: OriginalFile): number {
  return encodeFront(file).length + file.bytes.length + TAG_BYTES;
}

/** AES-256-GCM. The key is used for this one body, so the nonce is a constant. */
export function sealBody(key: Uint8Array, context: BodyContext, file: OriginalFile): Uint8Array {
  const front = encodeFront(file);
  const cipher = createCipheriv('aes-256-gcm', key, NONCE);
  cipher.setAAD(associatedData(context));
  const out = new Uint8Array(front.length + file.bytes.length + TAG_BYTES);
  out.set(cipher.update(front), 0);
  out.set(cipher.update(file.bytes), front.length);
  cipher.final();
  out.set(cipher.getAuthTag(), out.length - TAG_BYTES);
  return out;
}

/** The file inside. Throws `carrier/damaged` when a single bit is off, or the key is another's. */
export function openBody(key: Uint8Array, context: BodyContext, ciphertext: Uint8Array): OriginalFile {
  if (ciphertext.length < TAG_BYTES) throw damaged();
  const decipher = createDecipheriv('aes-256-gcm', key, NONCE);
  decipher.setAAD(associatedData(context));
  decipher.setAuthTag(ciphertext.subarray(ciphertext.length - TAG_BYTES));
  const plain = decipher.update(ciphertext.subarray(0, ciphertext.length - TAG_BYTES));
  try {
    decipher.final();
  } catch (cause) {
    throw damaged(cause);
  }
  return decodeFile(new Uint8Array(plain.buffer, plain.byteOffset, plain.byteLength));
}

/** What a grant says of the carrier it opens: SHA-256 over file id and body ciphertext. */
export function contentHash(fileId: Uint8Array, ciphertext: Uint8Array): Sha256 {
  return sha256Hex(fileId, ciphertext);
}

/** Where the body lies: from the header's own secret salt, so never from what a rewrite changes. */
export function bodyOrderStream(header: Pick<Header, 'bodySalt'>): Keystream {
  return keystream(header.bodySalt, label('body-order', 1));
}

const NONCE = new Uint8Array(12);

function associatedData(context: BodyContext): Uint8Array {
  return label('body', 1, context.width, context.height, context.profile, toHex(context.fileId));
}

function encodeFront(file: OriginalFile): Uint8Array {
  const name = Buffer.from(file.name);
  const type = Buffer.from(file.mediaType);
  invariant(
    name.length <= FILE_NAME_BYTES_MAX && type.length <= MEDIA_TYPE_BYTES_MAX,
    'file name and type are bounded',
  );
  const out = Buffer.alloc(1 + name.length + 1 + type.length + 4);
  out[0] = name.length;
  name.copy(out, 1);
  out[1 + name.length] = type.length;
  type.copy(out, 2 + name.length);
  out.writeUInt32LE(file.bytes.length, 2 + name.length + type.length);
  return out;
}

function decodeFile(plain: Uint8Array): OriginalFile {
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength);
  let at = 0;
  const text = () => {
    const length = plain[at] ?? 0;
    const start = at + 1;
    at = start + length;
    return Buffer.from(plain.subarray(start, at)).toString('utf8');
  };
  const name = text();
  const mediaType = text();
  if (at + 4 > plain.length || view.getUint32(at, true) !== plain.length - at - 4) {
    throw new AppError('carrier/damaged', 'the sealed file’s own length does not add up');
  }
  return { name, mediaType, bytes: plain.subarray(at + 4) };
}

function damaged(cause?: unknown): AppError {
  return new AppError('carrier/damaged', 'the carrier’s body is damaged: its seal does not hold', {
    cause,
    hint: 'open the PNG exactly as it was delivered, or ask the owner to send it again',
  });
}
