/** The two sides of the handshake that begins every link, without the sockets. See `Session` for what it binds. */

import {
  type DialerProof,
  type ElectionConfig,
  LinkChallenge,
  ListenerProof,
  type NodeId,
  readDialerProof,
} from '@cloud-steg/election';
import { AppError, parseJson } from '@cloud-steg/protocol';
import { checkProof, FrameOpener, FrameSealer, proofOf, type Session } from './link-proof.ts';

export interface HandshakeOptions {
  readonly config: ElectionConfig;
  /** As `linkKey` returns it. */
  readonly key: Uint8Array;
  /** 32 random bytes in base64url, never used before. */
  readonly nonce: string;
}

/** The side that dialled: is challenged, proves itself, is given a proof, and may send from then on. */
export class DialerHandshake {
  readonly #options: HandshakeOptions;
  readonly #listener: NodeId;
  #session: Session | undefined;
  #proven = false;

  constructor(options: HandshakeOptions, listener: NodeId) {
    this.#options = options;
    this.#listener = listener;
  }

  /**
   * Takes the listener's next line in, and returns the line to answer it with, or at the end what seals frames.
   *
   * @throws AppError `input/invalid`, or `auth/bad-signature` from a listener that does not know the secret.
   */
  take(line: string): string | FrameSealer {
    const { key } = this.#options;
    if (this.#proven) throw new AppError('input/invalid', `${this.#listener} has more to say than its proof`);
    if (!this.#session) return this.#prove(parseJson(LinkChallenge, line, 'election handshake'));
    const { proof } = parseJson(ListenerProof, line, 'election handshake');
    checkProof(key, 'listener', this.#session, proof);
    this.#proven = true;
    return new FrameSealer(key, this.#session);
  }

  #prove(challenge: LinkChallenge): string {
    const { config, key, nonce } = this.#options;
    this.#session = {
      dialer: config.thisNode,
      listener: this.#listener,
      dialerNonce: nonce,
      listenerNonce: challenge.nonce,
    };
    const proof = proofOf(key, 'dialer', this.#session);
    return JSON.stringify({ from: config.thisNode, to: this.#listener, nonce, proof } satisfies DialerProof);
  }
}

/** The side that was dialled: what it begins with. */
export function challenge(nonce: string): string {
  return JSON.stringify({ v: 1, nonce } satisfies LinkChallenge);
}

/**
 * The side that was dialled, given the dialer's line: who that is, what to answer, and what opens its frames.
 *
 * @throws AppError `input/invalid`, or `auth/bad-signature` from a dialer that does not know the secret.
 */
export function answerDialer(
  { config, key, nonce }: HandshakeOptions,
  line: string,
): { readonly from: NodeId; readonly answer: string; readonly frames: FrameOpener } {
  const claim = readDialerProof(config, line);
  const session: Session = {
    dialer: claim.from,
    listener: config.thisNode,
    dialerNonce: claim.nonce,
    listenerNonce: nonce,
  };
  checkProof(key, 'dialer', session, claim.proof);
  const proof = proofOf(key, 'listener', session);
  return {
    from: claim.from,
    answer: JSON.stringify({ proof } satisfies ListenerProof),
    frames: new FrameOpener(key, session),
  };
}
