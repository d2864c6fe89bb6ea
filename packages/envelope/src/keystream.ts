/** Keyed byte streams: what the carriers' places, noise and signs are drawn from. */

import { createCipheriv, hkdfSync } from 'node:crypto';

/** Fills its argument with the stream's next bytes. */
export type Keystream = (out: Uint8Array) => void;

const CHUNK_BYTES = 64 * 1024;
const ZEROS = new Uint8Array(CHUNK_BYTES);

/** HKDF-SHA256 (RFC 5869). */
export function deriveKey(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, bytes = 32): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, salt, info, bytes));
}

/** AES-256-CTR over zeros, under a key and counter derived from `secret` for the purpose `info`. */
export function keystream(secret: Uint8Array, info: Uint8Array): Keystream {
  const material = deriveKey(secret, new Uint8Array(), info, 48);
  const cipher = createCipheriv('aes-256-ctr', material.subarray(0, 32), material.subarray(32));
  return (out) => {
    for (let at = 0; at < out.length; at += CHUNK_BYTES) {
      out.set(cipher.update(ZEROS.subarray(0, Math.min(CHUNK_BYTES, out.length - at))), at);
    }
  };
}
