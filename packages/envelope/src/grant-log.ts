/**
 * A grant is its owner's signed log: a creation, then amendments, each naming the hash of the entry
 * before. Whoever reads it checks it from the first entry; the cluster can't forge, reorder or drop
 * one unnoticed by a reader who has seen its successor.
 */

import {
  AppError,
  type GrantAmendment,
  GrantAmendment as GrantAmendmentSchema,
  type GrantCreation,
  GrantCreation as GrantCreationSchema,
  type PublicKey,
  type Sha256,
  type Signed,
} from '@cloud-steg/protocol';
import { sha256Hex } from './encoding.ts';
import type { KeyPair } from './keys.ts';
import { openSigned, signDocument } from './signing.ts';

/** What a grant's log amounts to. */
export interface GrantTerms {
  readonly creation: GrantCreation;
  readonly views: number;
  readonly expiresAt: number | null;
  readonly revoked: boolean;
  /** Sequence number and hash of the newest entry: what the next one must build on. */
  readonly seq: number;
  readonly head: Sha256;
}

/** Throws `auth/bad-signature` or `grant/mismatch` naming the entry. */
export function readGrantLog(ownerKey: PublicKey, log: readonly Signed[]): GrantTerms {
  const [first, ...rest] = log;
  if (!first) throw new AppError('grant/mismatch', 'a grant’s log is empty');
  const creation = openSigned(GrantCreationSchema, 'grant-entry', ownerKey, first);
  if (creation.ownerKey !== ownerKey)
    throw new AppError('grant/mismatch', 'a grant names another owner’s key');
  let terms: GrantTerms = {
    creation,
    views: creation.views,
    expiresAt: creation.expiresAt,
    revoked: false,
    seq: 0,
    head: sha256Hex(first.text),
  };
  for (const signed of rest) {
    const entry = openSigned(GrantAmendmentSchema, 'grant-entry', ownerKey, signed);
    if (entry.grant !== creation.grant || entry.seq !== terms.seq + 1 || entry.prev !== terms.head) {
      throw new AppError('grant/mismatch', `entry ${entry.seq} of grant ${creation.grant} is out of place`);
    }
    terms = {
      creation,
      views: entry.views,
      expiresAt: entry.expiresAt,
      revoked: entry.revoked,
      seq: entry.seq,
      head: sha256Hex(signed.text),
    };
  }
  return terms;
}

export function signGrantCreation(owner: KeyPair, creation: GrantCreation): Signed {
  return signDocument(owner, 'grant-entry', creation);
}

/** The next entry on top of `terms`, with `change` applied. */
export function signGrantAmendment(
  owner: KeyPair,
  terms: GrantTerms,
  change: Partial<Pick<GrantAmendment, 'views' | 'expiresAt' | 'revoked'>>,
  nowMs: number,
): Signed {
  const entry: GrantAmendment = {
    v: 1,
    kind: 'amend',
    grant: terms.creation.grant,
    seq: terms.seq + 1,
    prev: terms.head,
    views: change.views ?? terms.views,
    expiresAt: change.expiresAt === undefined ? terms.expiresAt : change.expiresAt,
    revoked: change.revoked ?? terms.revoked,
    at: nowMs,
  };
  return signDocument(owner, 'grant-entry', entry);
}
