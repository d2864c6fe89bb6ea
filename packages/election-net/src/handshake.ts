/** The two sides of the handshake that begins every link, without the sockets. See {@link LinkEnd} for what it proves. */

import {
  type DialerProof,
  type ElectionConfig,
  type ListenerProof,
  type NodeId,
  readDialerProof,
  readListenerProof,
  refuseMember,
} from '@cloud-steg/election';
import { checkProof, type LinkEnd, proofOf } from './link-proof.ts';

export interface HandshakeOptions {
  readonly config: ElectionConfig;
  /** As `linkKey` returns it. */
  readonly key: Uint8Array;
}

/** The dialer's line, the first of all: it proves itself before it is shown anything. */
export function introduce({ config, key }: HandshakeOptions, listener: NodeId, keying: Uint8Array): string {
  const { thisNode: from, hash } = config;
  const proof = proofOf(key, { role: 'dialer', own: from, other: listener, config: hash, keying });
  return JSON.stringify({ v: 2, from, to: listener, config: hash, proof } satisfies DialerProof);
}

/**
 * The listener's part, given the dialer's line: who that is, and what to answer. A dialer that knows the secret gets its
 * answer even if its configuration is another: both sides can say so then. It is for {@link refuseMember} to refuse it.
 *
 * @throws AppError `input/invalid`, or `auth/bad-signature` from a dialer that does not know the secret.
 */
export function answerDialer(
  { config, key }: HandshakeOptions,
  keying: Uint8Array,
  line: string,
): { readonly from: NodeId; readonly config: string; readonly answer: string } {
  const claim = readDialerProof(config, line);
  const { thisNode, hash } = config;
  const { from } = claim;
  checkProof(key, { role: 'dialer', own: from, other: thisNode, config: claim.config, keying }, claim.proof);
  const proof = proofOf(key, { role: 'listener', own: thisNode, other: from, config: hash, keying });
  return {
    from,
    config: claim.config,
    answer: JSON.stringify({ config: hash, proof } satisfies ListenerProof),
  };
}

/**
 * The dialer's part, given the listener's line.
 *
 * @throws AppError `input/invalid` (another configuration, too), or `auth/bad-signature` from a listener that does not
 *   know the secret.
 */
export function checkListener(
  { config, key }: HandshakeOptions,
  listener: NodeId,
  keying: Uint8Array,
  line: string,
): void {
  const { config: theirs, proof } = readListenerProof(line);
  const end: LinkEnd = { role: 'listener', own: listener, other: config.thisNode, config: theirs, keying };
  checkProof(key, end, proof);
  const refusal = refuseMember(config, listener, theirs);
  if (refusal) throw refusal;
}
