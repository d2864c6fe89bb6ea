/** The poll before an election (rules 1 and 2): nobody is disturbed unless a majority would vote for a change. */

import type { NodeId } from './config.ts';
import { quorumLossAt } from './lease.ts';
import { compareLoad } from './load-meter.ts';
import { adoptTerm, learnRelease, type Machine, type Polling, send } from './machine.ts';
import type { MessageOf } from './message.ts';
import { graceMs, jitterMs, successionDelayMs } from './patience.ts';
import { becomeCandidate, becomeFollower, becomePolling } from './roles.ts';
import { boundForMs } from './voter-promise.ts';

/** A nominee that is bound for less than this share of the net timeout waits for that end instead of giving up. */
const NOMINEE_PATIENCE_SHARE = 1 / 4;

export function answerPoll(m: Machine, now: number, from: NodeId, poll: MessageOf<'GetCpu'>): void {
  learnRelease(m, poll.releasedTerm);
  const waitMs = refusalMs(m, now, from);
  send(m, from, {
    kind: 'CpuResp',
    term: m.durable.term,
    pollId: poll.pollId,
    cpuPercent: m.load.percent,
    grant: waitMs === 0 && !m.recovery && poll.term >= m.durable.term,
    waitMs,
    leader: waitMs > 0 ? m.leader : null,
  });
}

/** For how long this node could not vote for `candidate`: as a leader in office, or by its promise (rule 4). */
function refusalMs(m: Machine, now: number, candidate: NodeId): number {
  if (m.role.kind === 'leader' && !m.role.handover) return Math.max(0, quorumLossAt(m, m.role) - now);
  return boundForMs(m.promise, now, candidate);
}

export function takePollAnswer(m: Machine, now: number, from: NodeId, answer: MessageOf<'CpuResp'>): void {
  if (m.role.kind !== 'polling' || answer.pollId !== m.role.pollId) return;
  if (answer.term > m.durable.term) {
    adoptTerm(m, answer.term, null);
    m.pollRound = 0;
    return becomeFollower(m, now + jitterMs(m), 'behind in terms');
  }
  if (answer.leader !== null && answer.leader !== m.config.thisNode) {
    m.leader = answer.leader;
    m.leaderUntil = now + answer.waitMs;
  }
  m.role.answers.set(from, answer);
  decidePoll(m, now, m.role);
}

/** Stands, nominates, waits for more answers, or gives up until a change is possible. */
export function decidePoll(m: Machine, now: number, poll: Polling): void {
  const granted = [...poll.answers].filter(([, answer]) => answer.grant);
  const missing = m.quorum - 1 - granted.length;
  if (missing > 0) return decideRefusedPoll(m, now, poll, missing);
  if (poll.round > 0) return becomeCandidate(m, now, m.vacancy, 'majority would vote');
  if (!allHeard(m, poll) && now < poll.startedAt + graceMs(m)) return;

  const eligible = [{ id: m.config.thisNode, cpuPercent: m.load.percent }];
  for (const [id, { cpuPercent }] of granted) if (!m.nominated.has(id)) eligible.push({ id, cpuPercent });
  const idlest = eligible.reduce((a, b) => (compareLoad(b, a) < 0 ? b : a));
  if (idlest.id === m.config.thisNode) return becomeCandidate(m, now, m.vacancy, 'idlest of a majority');

  // The nominee may have died since it answered: then this node stands itself.
  m.nominated.add(idlest.id);
  m.pollRound = 1;
  send(m, idlest.id, { kind: 'Nominate', term: m.durable.term });
  becomeFollower(m, now + m.config.timings.netTimeoutMs / 2, `nominated ${idlest.id}`);
}

/** Comes back exactly when enough promises will have run out, if the answers tell when that is. */
function decideRefusedPoll(m: Machine, now: number, poll: Polling, missing: number): void {
  const { netTimeoutMs, electionRetryMs } = m.config.timings;
  const waitsMs = [...poll.answers.values()]
    .flatMap(({ grant, waitMs }) => (!grant && waitMs > 0 ? [waitMs] : []))
    .sort((a, b) => a - b);
  const enoughAfterMs = waitsMs[missing - 1];

  const graceEndsAt = poll.startedAt + graceMs(m);
  const timeoutAt = poll.startedAt + netTimeoutMs;
  const allAnswered = poll.answers.size === m.config.peers.length;
  const settled = enoughAfterMs !== undefined && (now >= graceEndsAt || allHeard(m, poll));
  if (!settled && !allAnswered && now < timeoutAt) {
    poll.decideAt = now < graceEndsAt ? graceEndsAt : timeoutAt;
    return;
  }
  m.nominated.clear();
  m.pollRound = 0;
  const pauseMs =
    enoughAfterMs === undefined ? electionRetryMs * (0.5 + m.random()) : enoughAfterMs + jitterMs(m);
  becomeFollower(m, now + pauseMs, 'no majority would vote');
}

/** Everybody but the leader, who is suspected dead, has answered. */
function allHeard(m: Machine, poll: Polling): boolean {
  return m.config.peers.every((id) => id === m.leader || poll.answers.has(id));
}

/** A hint that this node is the idlest; it polls for itself, and at once takes whoever grants. */
export function takeNomination(m: Machine, now: number, nomination: MessageOf<'Nominate'>): void {
  if (m.role.kind !== 'follower' && m.role.kind !== 'polling') return;
  if (m.recovery || m.stopping || nomination.term < m.durable.term) return;
  const boundMs = boundForMs(m.promise, now, m.config.thisNode);
  if (boundMs === 0) return becomePolling(m, now, 1);
  m.pollRound = 1;
  if (m.role.kind === 'follower' && boundMs < m.config.timings.netTimeoutMs * NOMINEE_PATIENCE_SHARE) {
    m.role.pollAt = m.promise.until;
  }
}

/**
 * Rule 6a: that process of the leader has ended for good, and its lease with it. What it was promised binds no
 * more, and there is no use in waiting: the idlest asks first.
 */
export function takeEnd(m: Machine, now: number, peer: NodeId, process: string): void {
  const { promise } = m;
  if (promise.to !== peer || promise.process !== process) return;
  learnRelease(m, promise.term);
  if (peer !== m.leader) return;
  m.leaderUntil = now;
  m.vacancy = 'ended';
  if (m.role.kind !== 'follower') return;
  m.role.pollAt = Math.min(m.role.pollAt, now + successionDelayMs(m));
}

/**
 * The link to the leader broke, perhaps because its process died: there is no use in waiting out this node's
 * rank. Its promise still binds, and a poll disturbs no leader in office, so that a mistaken hint does no harm.
 */
export function takeLostLink(m: Machine, now: number, peer: NodeId): void {
  if (m.role.kind !== 'follower' || peer !== m.leader) return;
  const freeAt = now + boundForMs(m.promise, now, m.config.thisNode);
  m.role.pollAt = Math.min(m.role.pollAt, freeAt + jitterMs(m));
}
