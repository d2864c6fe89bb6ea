/** Ed25519 and X25519 keys as `node:crypto` wants them, from and to their 32 raw bytes. */

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { invariant, KEY_BYTES, type PublicKey } from '@cloud-steg/protocol';
import { toBase64url } from './encoding.ts';

export type Curve = 'Ed25519' | 'X25519';

/** A key pair whose public half is written as it travels. */
export interface KeyPair {
  readonly publicKey: PublicKey;
  readonly privateKey: KeyObject;
}

/** PKCS#8 around a raw 32 byte private key (RFC 8410, section 7). */
const PKCS8_PREFIX: Record<Curve, Buffer> = {
  Ed25519: Buffer.from('302e020100300506032b657004220420', 'hex'),
  X25519: Buffer.from('302e020100300506032b656e04220420', 'hex'),
};
const PKCS8_PREFIX_BYTES = 16;
const SPKI_PREFIX_BYTES = 12;

/** The pair that belongs to 32 secret bytes. */
export function keyPairFromSeed(curve: Curve, seed: Uint8Array): KeyPair {
  invariant(seed.length === KEY_BYTES, 'a private key is 32 bytes');
  const der = Buffer.concat([PKCS8_PREFIX[curve], seed]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return { privateKey, publicKey: toBase64url(spki.subarray(SPKI_PREFIX_BYTES)) as PublicKey };
}

/** The 32 secret bytes of a pair. */
export function seedOf(pair: KeyPair): Uint8Array {
  return new Uint8Array(
    pair.privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8_PREFIX_BYTES),
  );
}

export function publicKeyObject(curve: Curve, key: PublicKey): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: curve, x: key }, format: 'jwk' });
}
