/**
 * What two members say before anything else on a new connection, one line of JSON each. The listener begins:
 * `LinkChallenge`, `DialerProof`, `ListenerProof`. What the proofs prove is for the link to compute and to check.
 */

import { AppError, ELECTION_ADDRESS_CHARS_MAX, parseJson } from '@cloud-steg/protocol';
import * as z from 'zod';
import type { ElectionConfig } from './config.ts';

/** 32 bytes in base64url. */
const Bytes32 = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'not 32 bytes in base64url');
const Address = z.string().max(ELECTION_ADDRESS_CHARS_MAX);

/** The listener's: fresh and random. */
export const LinkChallenge = z.strictObject({ v: z.literal(1), nonce: Bytes32 });
export type LinkChallenge = Readonly<z.infer<typeof LinkChallenge>>;

/** The dialer's, which proves itself first: only a member ever gets a proof from the listener. */
export const DialerProof = z.strictObject({ from: Address, to: Address, nonce: Bytes32, proof: Bytes32 });
export type DialerProof = Readonly<z.infer<typeof DialerProof>>;

/** The listener's, in return. */
export const ListenerProof = z.strictObject({ proof: Bytes32 });
export type ListenerProof = Readonly<z.infer<typeof ListenerProof>>;

/**
 * Reads a dialer's line: one that claims to come from another member and is meant for this node.
 *
 * @throws AppError `input/invalid` for anything else.
 */
export function readDialerProof(config: ElectionConfig, line: string): DialerProof {
  const claim = parseJson(DialerProof, line, 'election handshake');
  requireEnds(config, claim, 'election handshake');
  return claim;
}

/** @throws AppError `input/invalid` unless `from` is another member and `to` this node. */
export function requireEnds(
  config: ElectionConfig,
  { from, to }: { readonly from: string; readonly to: string },
  what: string,
): void {
  if (!config.peers.includes(from)) {
    throw new AppError('input/invalid', `${what} from ${from}, which is no other member`);
  }
  if (to !== config.thisNode) {
    throw new AppError('input/invalid', `${what} for ${to}, this node is ${config.thisNode}`);
  }
}
