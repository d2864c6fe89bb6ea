/** Every change of role, each in the one function that makes it. */

import { invariant } from '@cloud-steg/protocol';
import type { NodeId } from './config.ts';
import { sendHeartbeat } from './heartbeat.ts';
import {
  broadcast,
  type Candidate,
  type FollowerLink,
  type Leader,
  type Machine,
  newRequestId,
  type Role,
  record,
  send,
} from './machine.ts';
import type { ElectionCause } from './message.ts';
import { graceMs, jitterMs } from './patience.ts';
import { boundForMs } from './voter-promise.ts';

/** An unanswered request for a vote is sent again this often within the net timeout. */
const VOTE_SENDS_PER_TIMEOUT = 4;

function become(m: Machine, role: Role, why: string): void {
  const changed = m.role.kind !== role.kind;
  m.role = role;
  if (changed) m.out.became.push({ role: role.kind, term: m.durable.term, why });
}

/** Waits until `pollAt`, if nothing is heard by then. */
export function becomeFollower(m: Machine, pollAt: number, why: string): void {
  if (m.leader === m.config.thisNode) m.leader = null;
  become(m, { kind: 'follower', pollAt: m.stopping ? Number.POSITIVE_INFINITY : pollAt }, why);
}

/** Rules 1 and 2: asks everybody's load and leave to stand, unless this node may not stand itself. */
export function becomePolling(m: Machine, now: number, round: number): void {
  if (m.recovery) {
    return becomeFollower(m, now + m.config.timings.electionRetryMs, 'disk was lost, terms not yet known');
  }
  const boundMs = boundForMs(m.promise, now, m.config.thisNode);
  if (boundMs > 0) return becomeFollower(m, now + boundMs + jitterMs(m), 'bound by a promise');
  if (m.quorum === 1) return becomeCandidate(m, now, 'alone', 'alone');

  const pollId = newRequestId(m);
  m.pollRound = round;
  become(
    m,
    { kind: 'polling', round, pollId, startedAt: now, decideAt: now + graceMs(m), answers: new Map() },
    'no leader heard',
  );
  broadcast(m, {
    kind: 'GetCpu',
    term: m.durable.term,
    pollId,
    cpuPercent: m.load.percent,
    releasedTerm: m.releasedTerm,
  });
}

/** Rule 3: stands in a new term with its own vote, which is durable before anybody is asked for theirs. */
export function becomeCandidate(m: Machine, now: number, cause: ElectionCause, why: string): void {
  invariant(!m.recovery, 'a node that lost its disk stands for election');
  record(m, { ...m.durable, term: m.durable.term + 1, votedFor: m.config.thisNode });
  m.leader = null;
  const candidate: Candidate = {
    kind: 'candidate',
    cause,
    campaignId: newRequestId(m),
    votes: new Set([m.config.thisNode]),
    refusals: new Set(),
    giveUpAt: now + m.config.timings.netTimeoutMs,
    askAgainAt: now,
  };
  become(m, candidate, why);
  if (m.quorum === 1) return becomeLeader(m, now);
  askForVotes(m, now, candidate);
}

/** Asks all who have not answered, and sets when to ask them again. */
export function askForVotes(m: Machine, now: number, candidate: Candidate): void {
  candidate.askAgainAt = now + m.config.timings.netTimeoutMs / VOTE_SENDS_PER_TIMEOUT;
  const { campaignId } = candidate;
  for (const peer of m.config.peers) {
    if (candidate.votes.has(peer) || candidate.refusals.has(peer)) continue;
    send(m, peer, { kind: 'Vote', term: m.durable.term, campaignId, releasedTerm: m.releasedTerm });
  }
}

/** Rule 3: only whoever a majority voted for gets here. The lease starts with the first acknowledgements. */
export function becomeLeader(m: Machine, now: number): void {
  invariant(m.role.kind === 'candidate' && m.role.votes.size >= m.quorum, 'leader without a majority');
  invariant(m.durable.votedFor === m.config.thisNode, 'leader that voted for another');
  const { heartbeatIntervalMs } = m.config.timings;
  const { cause } = m.role;
  const links = new Map<NodeId, FollowerLink>(
    m.config.peers.map((id) => [
      id,
      { ackedAt: Number.NEGATIVE_INFINITY, lagMs: null, resendAt: now, unanswered: 0 },
    ]),
  );
  const leader: Leader = {
    kind: 'leader',
    term: m.durable.term,
    cause,
    electedAt: now,
    beatAt: now + heartbeatIntervalMs,
    links,
    seq: 0,
    sentAt: new Map(),
    compareAt: now + heartbeatIntervalMs,
    hotBeats: 0,
    reviewAt: now + reviewIntervalMs(m),
    loadBefore: m.load.percent,
    handover: undefined,
  };
  become(m, leader, 'majority');
  m.out.claim = m.durable.term;
  m.leader = m.config.thisNode;
  m.elections.add(now, { term: m.durable.term, leader: m.config.thisNode, cause });
  for (const [id, link] of links) sendHeartbeat(m, now, leader, id, link, 'LeaderAnnounce');
}

/** Rule 7: each move in a row doubles the time to the next. */
export function reviewIntervalMs(m: Machine): number {
  return m.config.timings.leaderTermMs * 2 ** m.moves;
}
