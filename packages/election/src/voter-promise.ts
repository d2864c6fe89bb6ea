import type { NodeId } from './config.ts';

/**
 * "Until then I help elect nobody else" (rule 4): given with each acknowledged heartbeat, it is what a leader's
 * lease is made of. Times are on the voter's own clock.
 */
export interface VoterPromise {
  /** Whom it was given to; null binds against everybody. */
  readonly to: NodeId | null;
  /** A release of this term or a later one voids it (rule 6). */
  readonly term: number;
  /** The very process it was given to, whose end voids it (rule 6a); null when that is not known. */
  readonly process: string | null;
  readonly until: number;
}

export const NO_PROMISE: VoterPromise = { to: null, term: 0, process: null, until: Number.NEGATIVE_INFINITY };

/** What is left of `promise` where it forbids helping `candidate`, milliseconds; 0 when it does not. */
export function boundForMs(promise: VoterPromise, now: number, candidate: NodeId): number {
  return promise.to === candidate ? 0 : Math.max(0, promise.until - now);
}
