/** A leader at work: heartbeats, check-quorum, and the question whether another should lead. */

import type { NodeId } from './config.ts';
import { handOver, stepDown, tickHandover } from './handover.ts';
import { sendHeartbeat } from './heartbeat.ts';
import { quorumLossAt } from './lease.ts';
import { compareLoad, type Load } from './load-meter.ts';
import { adoptTerm, type Leader, learnRelease, type Machine } from './machine.ts';
import type { MessageOf } from './message.ts';
import { patienceEndsAt } from './patience.ts';
import { becomeCandidate, becomeFollower, reviewIntervalMs } from './roles.ts';

/** Leadership moves when another node is idler by this many points of CPU ... */
const MOVE_MARGIN_POINTS = 20;
/** ... for this many heartbeats in a row. */
const MOVE_HEARTBEATS = 3;
/** What leading costs is learnt slowly, and never believed to be more than this. */
const LEADING_COST_POINTS_MAX = 25;
const LEADING_COST_LEARNT_SHARE = 0.3;
/** A follower silent for this many heartbeats is not asked to take over. */
const SUCCESSOR_HEARTBEATS = 2;

export function tickLeader(m: Machine, now: number, leader: Leader): void {
  if (leader.handover) return tickHandover(m, now, leader, leader.handover);
  // Rule 5
  if (now >= quorumLossAt(m, leader)) return stepDown(m, now, 'no-quorum', 'no majority answers');
  if (now >= leader.compareAt) compareLoads(m, now, leader);
  if (now >= leader.reviewAt && reviewLeadership(m, now, leader)) return;
  beat(m, now, leader);
}

function beat(m: Machine, now: number, leader: Leader): void {
  const { heartbeatIntervalMs } = m.config.timings;
  const due = now >= leader.beatAt;
  if (due) {
    const missed = Math.floor((now - leader.beatAt) / heartbeatIntervalMs);
    leader.beatAt += (missed + 1) * heartbeatIntervalMs;
  }
  for (const [id, link] of leader.links) {
    if (due || now >= link.resendAt) sendHeartbeat(m, now, leader, id, link, 'Heartbeat');
  }
}

export function takeAck(m: Machine, now: number, from: NodeId, ack: MessageOf<'HeartbeatAck'>): void {
  if (ack.term > m.durable.term) return meetLaterTerm(m, now, ack.term);
  if (m.role.kind !== 'leader' || ack.term < m.durable.term) return;
  const sentAt = m.role.sentAt.get(ack.seq);
  const link = m.role.links.get(from);
  if (sentAt === undefined || link === undefined || sentAt <= link.ackedAt) return;
  link.ackedAt = sentAt;
  link.lagMs = now - sentAt;
  link.unanswered = 0;
  link.resendAt = Number.POSITIVE_INFINITY;
}

/**
 * A member that stood while it was cut off has a later term and can't follow. Giving up this term's lease and
 * standing above both frees it without a leaderless wait.
 */
function meetLaterTerm(m: Machine, now: number, term: number): void {
  const leader = m.role.kind === 'leader' && !m.role.handover ? m.role : undefined;
  if (leader) learnRelease(m, leader.term);
  adoptTerm(m, term, null);
  if (leader) return becomeCandidate(m, now, 'terms', 'a member is ahead in terms');
  m.leader = null;
  becomeFollower(m, patienceEndsAt(m, now), 'behind in terms');
}

/** Rule 7, every heartbeat: is another node much idler, even without the load that leading brings? */
function compareLoads(m: Machine, now: number, leader: Leader): void {
  leader.compareAt = now + m.config.timings.heartbeatIntervalMs;
  const best = idlestSuccessor(m, now, leader);
  const gain = best ? m.load.percent - m.leadingCostPoints - best.cpuPercent : 0;
  leader.hotBeats = gain >= MOVE_MARGIN_POINTS ? leader.hotBeats + 1 : 0;
}

/** Rule 7, every `leaderTermMs`: hands over if that pays. Returns whether it did. */
function reviewLeadership(m: Machine, now: number, leader: Leader): boolean {
  if (leader.loadBefore !== undefined) {
    const cost = Math.min(LEADING_COST_POINTS_MAX, Math.max(0, m.load.percent - leader.loadBefore));
    m.leadingCostPoints += LEADING_COST_LEARNT_SHARE * (cost - m.leadingCostPoints);
    leader.loadBefore = undefined;
  }
  const successor = idlestSuccessor(m, now, leader);
  if (successor && leader.hotBeats >= MOVE_HEARTBEATS) {
    handOver(m, now, leader, successor.id, 'idler');
    return true;
  }
  m.moves = Math.max(0, m.moves - 1);
  leader.reviewAt = now + reviewIntervalMs(m);
  return false;
}

/** The idlest follower that keeps up, if any does. */
export function idlestSuccessor(m: Machine, now: number, leader: Leader): Load | undefined {
  const since = now - SUCCESSOR_HEARTBEATS * m.config.timings.heartbeatIntervalMs;
  const candidates = m.nodes.report(now).flatMap(({ id, cpuPercent }) => {
    const ackedAt = leader.links.get(id)?.ackedAt ?? Number.NEGATIVE_INFINITY;
    return cpuPercent !== null && ackedAt > since ? [{ id, cpuPercent }] : [];
  });
  return candidates.sort(compareLoad)[0];
}
