/** A user's two key pairs, and the record that binds a name to their public halves. */

import {
  AppError,
  type CosignedIdentity,
  IdentityRecord,
  type PublicKey,
  type Signed,
  type Username,
} from '@cloud-steg/protocol';
import { fromBase64url, sha256, toHex } from './encoding.ts';
import { type KeyPair, keyPairFromSeed } from './keys.ts';
import { openSigned, peekSigned, signDocument, signText, verifySigned } from './signing.ts';

/** Ed25519 to sign with, X25519 to be sealed to. The private halves never leave the machine. */
export interface Identity {
  readonly signing: KeyPair;
  readonly agreement: KeyPair;
}

const RECORD_LIFETIME_MS = 366 * 24 * 60 * 60 * 1000;

/** `random(n)` must be a CSPRNG's next `n` bytes. */
export function generateIdentity(random: (bytes: number) => Uint8Array): Identity {
  return {
    signing: keyPairFromSeed('Ed25519', random(32)),
    agreement: keyPairFromSeed('X25519', random(32)),
  };
}

/** The user's own statement "this name, these keys", signed. */
export function issueIdentityRecord(
  identity: Identity,
  username: Username,
  seq: number,
  nowMs: number,
): Signed {
  const record: IdentityRecord = {
    v: 1,
    username,
    ed25519: identity.signing.publicKey,
    x25519: identity.agreement.publicKey,
    seq,
    issuedAt: nowMs,
    expiresAt: nowMs + RECORD_LIFETIME_MS,
  };
  return signDocument(identity.signing, 'identity', record);
}

/** The record inside, if the key it names has signed it. */
export function openIdentityRecord(signed: Signed): IdentityRecord {
  const claimed = peekSigned(IdentityRecord, 'identity', signed);
  return openSigned(IdentityRecord, 'identity', claimed.ed25519, signed);
}

/** The cluster's "this name was given to these keys". */
export function cosignIdentity(clusterKey: KeyPair, signed: Signed): CosignedIdentity {
  const { signature } = signText(clusterKey, 'identity-cosign', signed.text);
  return { ...signed, cosignature: signature };
}

/** The record inside, if its user and the cluster have both signed it. Throws `auth/bad-signature`. */
export function openCosignedIdentity(clusterKey: PublicKey, cosigned: CosignedIdentity): IdentityRecord {
  const record = openIdentityRecord({ text: cosigned.text, signature: cosigned.signature });
  const cosignature: Signed = { text: cosigned.text, signature: cosigned.cosignature };
  if (!verifySigned(clusterKey, 'identity-cosign', cosignature)) {
    throw new AppError('auth/bad-signature', `the cluster has not vouched for ${record.username}`);
  }
  return record;
}

/** 80 bits of the key's hash in four groups, to be read aloud: `3f9a2-b07c1-9e4d8-55a10`. */
export function fingerprint(key: PublicKey): string {
  const digits = toHex(sha256('cloud-steg/fingerprint/v1\n', fromBase64url(key))).slice(0, 20);
  return digits.replace(/(.{5})(?=.)/g, '$1-');
}
