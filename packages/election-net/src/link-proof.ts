/**
 * What makes a connection a link between two members: each side proves that it knows the cluster's secret, for
 * this connection only, and every frame after that carries the proof on.
 */

import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { NodeId } from '@cloud-steg/election';
import { AppError, invariant, KEY_BYTES } from '@cloud-steg/protocol';

/** Who has a connection, and what is fresh about it. A channel around it that can be named would be one field more. */
export interface Session {
  readonly dialer: NodeId;
  readonly listener: NodeId;
  /** 32 random bytes each, as the text that was sent. */
  readonly dialerNonce: string;
  readonly listenerNonce: string;
}

/** The key of all links' proofs: HKDF-SHA256 (RFC 5869) of the cluster's secret, no salt, a label of its own. */
export function linkKey(clusterSecret: Uint8Array): Uint8Array {
  invariant(clusterSecret.length === KEY_BYTES, `cluster secret of ${clusterSecret.length} bytes`);
  return new Uint8Array(hkdfSync('sha256', clusterSecret, '', label('election-link', 1), KEY_BYTES));
}

/**
 * That whoever sends it knows the secret, is `role` in this connection, and means this very connection: nothing
 * said in another one, to another member or by the other side can stand in for it. Base64url.
 */
export function proofOf(key: Uint8Array, role: 'dialer' | 'listener', session: Session): string {
  const { dialer, listener, dialerNonce, listenerNonce } = session;
  const [own, other] = role === 'dialer' ? [dialer, listener] : [listener, dialer];
  return mac(key, label(role, own, other, dialerNonce, listenerNonce)).toString('base64url');
}

/** @throws AppError `auth/bad-signature` unless `proof` is what {@link proofOf} returns. */
export function checkProof(
  key: Uint8Array,
  role: 'dialer' | 'listener',
  session: Session,
  proof: string,
): void {
  if (isSameText(proof, proofOf(key, role, session))) return;
  throw new AppError(
    'auth/bad-signature',
    `${session[role]} did not prove that it knows the cluster’s secret`,
    {
      hint: 'if it is a server of yours, give it the same cluster.secret as the others; else something else uses its address',
    },
  );
}

/** Puts the dialer's frames under the connection's own key, each at its place. */
export class FrameSealer {
  readonly #key: Uint8Array;
  #sequence = 0;

  constructor(key: Uint8Array, session: Session) {
    this.#key = frameKey(key, session);
  }

  /** The line to send next: the MAC in base64url, a space, the frame. */
  seal(frame: string): string {
    return `${frameMac(this.#key, this.#sequence++, frame)} ${frame}`;
  }
}

/** The other end of a {@link FrameSealer}. */
export class FrameOpener {
  readonly #key: Uint8Array;
  readonly #from: NodeId;
  #sequence = 0;

  constructor(key: Uint8Array, session: Session) {
    this.#key = frameKey(key, session);
    this.#from = session.dialer;
  }

  /**
   * The frame of the next line.
   *
   * @throws AppError `auth/bad-signature` for a line that was changed, left out, repeated, moved, or made by
   *   somebody else. The connection is of no use then.
   */
  open(line: string): string {
    const space = line.indexOf(' ');
    const frame = line.slice(space + 1);
    if (space > 0 && isSameText(line.slice(0, space), frameMac(this.#key, this.#sequence, frame))) {
      this.#sequence++;
      return frame;
    }
    throw new AppError(
      'auth/bad-signature',
      `line ${this.#sequence} in the name of ${this.#from} is not its own`,
    );
  }
}

/** Only one side ever sends frames, so there is one key. */
function frameKey(key: Uint8Array, session: Session): Uint8Array {
  const { dialer, listener, dialerNonce, listenerNonce } = session;
  return mac(key, label('frames', dialer, listener, dialerNonce, listenerNonce));
}

function frameMac(key: Uint8Array, sequence: number, frame: string): string {
  return mac(key, `${sequence} ${frame}`).toString('base64url');
}

function mac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** Joined by NUL, which no part may hold: neither addresses nor base64url do. */
function label(...parts: (string | number)[]): string {
  return ['cloud-steg', ...parts].join('\0');
}

/** Takes the same time wherever two texts of one length differ. */
function isSameText(a: string, b: string): boolean {
  const [bytes, others] = [Buffer.from(a), Buffer.from(b)];
  return bytes.length === others.length && timingSafeEqual(bytes, others);
}
