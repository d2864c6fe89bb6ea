/** Bytes as text and back, and the few byte layouts everybody shares. */

import { createHash } from 'node:crypto';
import type { Sha256 } from '@cloud-steg/protocol';

export function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

/** Text must have passed a schema of `protocol`: characters outside the alphabet are skipped, not reported. */
export function fromBase64url(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64url'));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Text must have passed a schema of `protocol`. */
export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

export function sha256(...parts: (Uint8Array | string)[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

export function sha256Hex(...parts: (Uint8Array | string)[]): Sha256 {
  return toHex(sha256(...parts)) as Sha256;
}

/** Unambiguous key-derivation and associated-data labels: parts joined by NUL, which none of them may hold. */
export function label(...parts: (string | number)[]): Uint8Array {
  return new Uint8Array(Buffer.from(['cloud-steg', ...parts].join('\0')));
}
