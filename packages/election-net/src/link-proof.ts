/**
 * What makes a connection a link between two members: each side proves that it knows the cluster's secret, and that
 * it is an end of this very TLS channel.
 */

import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { NodeId } from '@cloud-steg/election';
import { AppError, invariant, KEY_BYTES } from '@cloud-steg/protocol';

/** One side of one channel, which it is about to prove. */
export interface LinkEnd {
  readonly role: 'dialer' | 'listener';
  readonly own: NodeId;
  readonly other: NodeId;
  /** The hash of its configuration. */
  readonly config: string;
  /** What both ends of the channel export, and nobody else can (RFC 8446, section 7.5): `KEY_BYTES` bytes. */
  readonly keying: Uint8Array;
}

/** The key of all links' proofs: HKDF-SHA256 (RFC 5869) of the cluster's secret, no salt, a label of its own. */
export function linkKey(clusterSecret: Uint8Array): Uint8Array {
  invariant(clusterSecret.length === KEY_BYTES, `cluster secret of ${clusterSecret.length} bytes`);
  return new Uint8Array(hkdfSync('sha256', clusterSecret, '', label('election-link', 2), KEY_BYTES));
}

/**
 * That whoever sends it knows the secret and is this end of this channel: nothing said in another channel, to another
 * member or by the other side can stand in for it (channel binding, RFC 5056). Base64url.
 */
export function proofOf(key: Uint8Array, { role, own, other, config, keying }: LinkEnd): string {
  invariant(keying.length === KEY_BYTES, `keying material of ${keying.length} bytes`);
  const text = label(role, own, other, config, Buffer.from(keying).toString('base64url'));
  return createHmac('sha256', key).update(text).digest('base64url');
}

/** @throws AppError `auth/bad-signature` unless `proof` is what {@link proofOf} returns. */
export function checkProof(key: Uint8Array, end: LinkEnd, proof: string): void {
  if (isSameText(proof, proofOf(key, end))) return;
  throw new AppError(
    'auth/bad-signature',
    `${end.own} did not prove that it knows the cluster’s secret, or something stands between it and this node`,
    {
      hint: 'if it is a server of yours, give it the same cluster.secret as the others; else something else uses its address',
    },
  );
}

/** Joined by NUL, which no part may hold: neither addresses nor hashes nor base64url do. */
function label(...parts: (string | number)[]): string {
  return ['cloud-steg', ...parts].join('\0');
}

/** Takes the same time wherever two texts of one length differ. */
function isSameText(a: string, b: string): boolean {
  const [bytes, others] = [Buffer.from(a), Buffer.from(b)];
  return bytes.length === others.length && timingSafeEqual(bytes, others);
}
