/**
 * What two members say before anything else on a new link, one line of JSON each; the dialer begins. What the proofs
 * prove is for the link to compute and to check.
 */

import { AppError, ELECTION_ADDRESS_CHARS_MAX, parseJson } from '@cloud-steg/protocol';
import * as z from 'zod';
import type { ElectionConfig, NodeId } from './config.ts';

/** 32 bytes in base64url. */
const Bytes32 = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'not 32 bytes in base64url');
const Address = z.string().max(ELECTION_ADDRESS_CHARS_MAX);
/** The sender's configuration, as `ElectionConfig.hash`. */
const ConfigHash = z.string().regex(/^[0-9a-f]{1,64}$/, 'not a hash in hexadecimal');

/** The dialer's, which proves itself first: only a member ever gets a proof from the listener. */
export const DialerProof = z.strictObject({
  v: z.literal(2),
  from: Address,
  to: Address,
  config: ConfigHash,
  proof: Bytes32,
});
export type DialerProof = Readonly<z.infer<typeof DialerProof>>;

/** The listener's, in return. */
export const ListenerProof = z.strictObject({ config: ConfigHash, proof: Bytes32 });
export type ListenerProof = Readonly<z.infer<typeof ListenerProof>>;

/** @throws AppError `input/invalid` for anything but a dialer's line to this node. */
export function readDialerProof(config: ElectionConfig, line: string): DialerProof {
  const claim = parseJson(DialerProof, line, 'election handshake');
  if (claim.to === config.thisNode) return claim;
  throw new AppError('input/invalid', `election handshake for ${claim.to}, this node is ${config.thisNode}`, {
    hint: 'no two servers may have one address, and every address must lead to the server that it names',
  });
}

/** @throws AppError `input/invalid`. */
export function readListenerProof(line: string): ListenerProof {
  return parseJson(ListenerProof, line, 'election handshake');
}

/**
 * Rule 10: only those of one configuration elect a leader together. Why `id`, whose configuration has hash `theirs`, is
 * no other member under this one; undefined if it is one.
 */
export function refuseMember(config: ElectionConfig, id: NodeId, theirs: string): AppError | undefined {
  if (theirs !== config.hash) {
    return new AppError(
      'input/invalid',
      `${id} runs with configuration ${theirs}, this node with ${config.hash}`,
      { hint: 'give all servers of the cluster the same peers and timings' },
    );
  }
  if (config.peers.includes(id)) return undefined;
  return new AppError('input/invalid', `election handshake from ${id}, which is no other member`);
}
