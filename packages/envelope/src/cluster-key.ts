/** The cluster's signing key and secret-derived values: the same at every server that shares the secret. */

import type { LeaderStatement, PublicKey, Signed } from '@cloud-steg/protocol';
import { LeaderStatement as LeaderStatementSchema } from '@cloud-steg/protocol';
import { label } from './encoding.ts';
import { type KeyPair, keyPairFromSeed } from './keys.ts';
import { deriveKey } from './keystream.ts';
import { openSigned, signDocument } from './signing.ts';

/** The Ed25519 pair that stands for the cluster; clients pin its public half at first contact. */
export function clusterKeyPair(clusterSecret: Uint8Array): KeyPair {
  return keyPairFromSeed('Ed25519', deriveKey(clusterSecret, new Uint8Array(), label('cluster-key', 1)));
}

/** "The leader of this term answers at this URL." */
export function signLeaderStatement(key: KeyPair, url: string, term: number, nowMs: number): Signed {
  const statement: LeaderStatement = { v: 1, url, term, at: nowMs };
  return signDocument(key, 'leader', statement);
}

/** Throws `auth/bad-signature` when another cluster's key (or nobody's) signed it. */
export function openLeaderStatement(clusterKey: PublicKey, signed: Signed): LeaderStatement {
  return openSigned(LeaderStatementSchema, 'leader', clusterKey, signed);
}
