/**
 * What owner and recipient share without having met: static X25519, bound to both names and to the
 * direction, so that a carrier from alice to bob says nothing about one from bob to alice.
 */

import { diffieHellman } from 'node:crypto';
import { AppError, type PublicKey, type Username } from '@cloud-steg/protocol';
import { label, sha256 } from './encoding.ts';
import { type KeyPair, publicKeyObject } from './keys.ts';
import { deriveKey, type Keystream, keystream } from './keystream.ts';

export interface PairKey {
  readonly owner: Username;
  readonly recipient: Username;
  /** 32 secret bytes. */
  readonly secret: Uint8Array;
}

/** Both sides compute the same: each with its own private and the other's public key. */
export function pairKey(own: KeyPair, other: PublicKey, owner: Username, recipient: Username): PairKey {
  let shared: Buffer;
  try {
    shared = diffieHellman({ privateKey: own.privateKey, publicKey: publicKeyObject('X25519', other) });
  } catch (cause) {
    throw new AppError('input/invalid', 'an X25519 key is of low order or malformed', { cause });
  }
  const secret = deriveKey(shared, new Uint8Array(), label('pair', 1, owner, recipient));
  return { owner, recipient, secret };
}

/** 32 bits that choose the block of a carrier that is never modified. */
export function anchorNumber(pair: PairKey, width: number, height: number): number {
  const bytes = deriveKey(pair.secret, new Uint8Array(), label('anchor', 1, width, height), 4);
  return new DataView(bytes.buffer).getUint32(0, true);
}

/** Where the header lies: from the pair, the size and the unmodified block; never from the header's salt. */
export function headerOrderStream(
  pair: PairKey,
  width: number,
  height: number,
  anchor: Uint8Array,
): Keystream {
  const secret = deriveKey(pair.secret, sha256(anchor), label('header-order', 1, width, height));
  return keystream(secret, label('order', 1));
}
