/** A leader's lease and its loss (rules 4 and 5), both counted from what a majority acknowledged. */

import type { Leader, Machine } from './machine.ts';

/** Clock rates may differ from true time by this share, either way (rho of rule 4). */
const CLOCK_DRIFT_MAX = 0.01;

/**
 * Send time of the newest heartbeat that this leader and enough followers for a majority have seen: Infinity
 * for a cluster of one, -Infinity before the first such heartbeat.
 */
function majorityAckedAt(m: Machine, leader: Leader): number {
  const followersNeeded = m.quorum - 1;
  if (followersNeeded === 0) return Number.POSITIVE_INFINITY;
  const newestFirst = [...leader.links.values()].map((link) => link.ackedAt).sort((a, b) => b - a);
  return newestFirst[followersNeeded - 1] ?? Number.NEGATIVE_INFINITY;
}

/**
 * When this node's lease ends on its own clock; -Infinity when it has none.
 *
 * Rule 4. A voter's promise lasts the shortest election timeout from the heartbeat's *arrival* on the voter's
 * clock, which may run fast; the lease lasts from the *sending* on ours, which may run slow.
 */
export function leaseEnd(m: Machine): number {
  if (m.role.kind !== 'leader' || m.role.handover) return Number.NEGATIVE_INFINITY;
  const promisedMs = m.config.timings.electionTimeoutMsMin;
  return majorityAckedAt(m, m.role) + (promisedMs * (1 - CLOCK_DRIFT_MAX)) / (1 + CLOCK_DRIFT_MAX);
}

/** Rule 5: when this leader must step down for want of a majority. */
export function quorumLossAt(m: Machine, leader: Leader): number {
  return Math.max(majorityAckedAt(m, leader), leader.electedAt) + m.config.timings.electionTimeoutMsMin;
}
