/** Giving up a term's lease on purpose: to one node, or to whoever is elected next (rule 6). */

import { invariant } from '@cloud-steg/protocol';
import type { NodeId } from './config.ts';
import {
  broadcast,
  type Handover,
  type Leader,
  learnRelease,
  type Machine,
  record,
  send,
} from './machine.ts';
import type { ElectionCause } from './message.ts';
import { patienceEndsAt } from './patience.ts';
import { becomeCandidate, becomeFollower } from './roles.ts';
import { mayVoteFor } from './vote.ts';

/** The next review waits at most 2^5 times as long as the first (rule 7). */
const MOVES_MAX = 5;
const HANDOVER_SENDS_PER_TIMEOUT = 8;

/**
 * Releases the lease for ever and then tells `to`, in this order, so that no two leases overlap (I2). The vote for it
 * is made durable in a step of its own, while the successor does the same with its own.
 */
export function handOver(m: Machine, now: number, leader: Leader, to: NodeId, cause: ElectionCause): void {
  const { netTimeoutMs, electionTimeoutMsMin } = m.config.timings;
  m.moves = Math.min(MOVES_MAX, m.moves + 1);
  learnRelease(m, leader.term);
  leader.handover = {
    to,
    cause,
    voteAt: now,
    giveUpAt: now + Math.min(netTimeoutMs, electionTimeoutMsMin / 2),
    resendAt: now,
  };
  tellSuccessor(m, now, leader, leader.handover);
}

/** A successor that stays silent is not waited for: the lease is gone, so this node stands in a new term. */
export function tickHandover(m: Machine, now: number, leader: Leader, handover: Handover): void {
  if (now < handover.giveUpAt) {
    if (now >= handover.voteAt) voteForSuccessor(m, now, leader, handover);
    if (now >= handover.resendAt) tellSuccessor(m, now, leader, handover);
    return;
  }
  const why = `${handover.to} did not take over`;
  if (m.stopping) return stepDown(m, now, 'stopping', why);
  becomeCandidate(m, now, 'returned', why);
}

function tellSuccessor(m: Machine, now: number, leader: Leader, handover: Handover): void {
  handover.resendAt = now + m.config.timings.netTimeoutMs / HANDOVER_SENDS_PER_TIMEOUT;
  const { to, cause } = handover;
  send(m, to, { kind: 'Handover', term: leader.term, moves: m.moves, cause });
}

/**
 * Makes the vote durable, and keeps it until it is asked for. A vote that were out before its candidate stood would be
 * one that nobody but the voter knows of: after a lost disk it could not learn of it, and give another (rule 9).
 */
function voteForSuccessor(m: Machine, now: number, leader: Leader, handover: Handover): void {
  const { to } = handover;
  const term = leader.term + 1;
  handover.voteAt = Number.POSITIVE_INFINITY;
  if (mayVoteFor(m, now, to, term)) record(m, { ...m.durable, term, votedFor: to });
}

/** Releases the lease for ever and says so, to spare the others the wait for its end. */
export function stepDown(m: Machine, now: number, cause: ElectionCause, why: string): void {
  invariant(m.role.kind === 'leader', 'only a leader steps down');
  const { term } = m.role;
  learnRelease(m, term);
  m.leader = null;
  m.vacancy = cause;
  becomeFollower(m, patienceEndsAt(m, now), why);
  broadcast(m, { kind: 'StepDown', term, cause });
}
