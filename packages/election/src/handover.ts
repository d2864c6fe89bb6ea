/** Giving up a term's lease on purpose: to one node, or to whoever is elected next (rule 6). */

import { invariant } from '@cloud-steg/protocol';
import type { NodeId } from './config.ts';
import { broadcast, type Handover, type Leader, learnRelease, type Machine, send } from './machine.ts';
import type { ElectionCause } from './message.ts';
import { patienceEndsAt } from './patience.ts';
import { becomeCandidate, becomeFollower } from './roles.ts';

/** The next review waits at most 2^5 times as long as the first (rule 7). */
const MOVES_MAX = 5;
const HANDOVER_SENDS_PER_TIMEOUT = 8;

/** Releases the lease for ever and then tells `to`, in this order, so that no two leases overlap (I2). */
export function handOver(m: Machine, now: number, leader: Leader, to: NodeId, cause: ElectionCause): void {
  const { netTimeoutMs, electionTimeoutMsMin } = m.config.timings;
  m.moves = Math.min(MOVES_MAX, m.moves + 1);
  learnRelease(m, m.durable.term);
  leader.handover = {
    to,
    cause,
    giveUpAt: now + Math.min(netTimeoutMs, electionTimeoutMsMin / 2),
    resendAt: now,
  };
  tellSuccessor(m, now, leader.handover);
}

/** A successor that stays silent is not waited for: the lease is gone, so this node stands in a new term. */
export function tickHandover(m: Machine, now: number, handover: Handover): void {
  if (now < handover.giveUpAt) {
    if (now >= handover.resendAt) tellSuccessor(m, now, handover);
    return;
  }
  const why = `${handover.to} did not take over`;
  if (m.stopping) return stepDown(m, now, 'stopping', why);
  becomeCandidate(m, now, 'returned', why);
}

function tellSuccessor(m: Machine, now: number, handover: Handover): void {
  handover.resendAt = now + m.config.timings.netTimeoutMs / HANDOVER_SENDS_PER_TIMEOUT;
  const { to, cause } = handover;
  send(m, to, { kind: 'Handover', term: m.durable.term, moves: m.moves, cause });
}

/** Releases the lease for ever and says so, to spare the others the wait for its end. */
export function stepDown(m: Machine, now: number, cause: ElectionCause, why: string): void {
  invariant(m.role.kind === 'leader', 'only a leader steps down');
  learnRelease(m, m.durable.term);
  m.leader = null;
  m.vacancy = cause;
  becomeFollower(m, patienceEndsAt(m, now), why);
  broadcast(m, { kind: 'StepDown', term: m.durable.term, cause });
}
