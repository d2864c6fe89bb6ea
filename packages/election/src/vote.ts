/** The election itself (rule 3). */

import type { NodeId } from './config.ts';
import { leaseEnd } from './lease.ts';
import { adoptTerm, type Candidate, learnRelease, type Machine, record, send } from './machine.ts';
import type { MessageOf } from './message.ts';
import { patienceEndsAt, rankDelayMs, retryMs } from './patience.ts';
import { askForVotes, becomeFollower, becomeLeader } from './roles.ts';
import { boundForMs } from './voter-promise.ts';

export function answerVote(m: Machine, now: number, from: NodeId, request: MessageOf<'Vote'>): void {
  learnRelease(m, request.releasedTerm);
  const granted = mayVoteFor(m, now, from, request.term);
  if (granted) {
    record(m, { ...m.durable, term: request.term, votedFor: from });
    m.leader = null;
    becomeFollower(m, now + m.config.timings.netTimeoutMs + rankDelayMs(m), `voted for ${from}`);
  }
  send(m, from, { kind: 'VoteResp', term: m.durable.term, campaignId: request.campaignId, granted });
}

/** A bound voter neither votes nor adopts the term (Raft dissertation, section 4.2.3). */
export function mayVoteFor(m: Machine, now: number, candidate: NodeId, term: number): boolean {
  if (m.recovery || term < m.durable.term) return false;
  if (now < leaseEnd(m) || boundForMs(m.promise, now, candidate) > 0) return false;
  if (term > m.durable.term) return true;
  return m.durable.votedFor === null || m.durable.votedFor === candidate;
}

export function takeVote(m: Machine, now: number, from: NodeId, response: MessageOf<'VoteResp'>): void {
  if (response.term > m.durable.term) {
    adoptTerm(m, response.term, null);
    m.leader = null;
    return becomeFollower(m, patienceEndsAt(m, now), 'behind in terms');
  }
  if (m.role.kind !== 'candidate' || response.campaignId !== m.role.campaignId) return;
  if (response.granted) {
    m.role.votes.add(from);
    if (m.role.votes.size >= m.quorum) becomeLeader(m, now);
    return;
  }
  m.role.refusals.add(from);
  if (m.role.refusals.size > m.config.members.length - m.quorum) giveUp(m, now, 'majority refused');
}

export function tickCandidate(m: Machine, now: number, candidate: Candidate): void {
  if (now >= candidate.giveUpAt) return giveUp(m, now, 'no majority answered');
  if (now >= candidate.askAgainAt) askForVotes(m, now, candidate);
}

function giveUp(m: Machine, now: number, why: string): void {
  m.pollRound = 1;
  becomeFollower(m, now + retryMs(m), why);
}
