import type { NodeId } from './config.ts';
import type { Load } from './load-meter.ts';
import { type FollowerLink, type Leader, type Machine, send } from './machine.ts';
import type { NodeReport } from './message.ts';

/** A load or a node older than this many heartbeats is not known any more. */
const FRESH_HEARTBEATS = 3;
/** A heartbeat that isn't acknowledged is sent again after this share of the interval, so many times. */
const RESEND_SHARE = 1 / 4;
const RESENDS_MAX = 8;
/** Heartbeats whose acknowledgement is still waited for, over all followers. */
const HEARTBEATS_IN_FLIGHT_MAX = 512;

/** Sends `to` one heartbeat, or the `LeaderAnnounce` that is a tenure's first. */
export function sendHeartbeat(
  m: Machine,
  now: number,
  leader: Leader,
  to: NodeId,
  link: FollowerLink,
  kind: 'LeaderAnnounce' | 'Heartbeat',
): void {
  const seq = ++leader.seq;
  forgetOldHeartbeats(m, now, leader);
  leader.sentAt.set(seq, now);
  const mayResend = link.unanswered < RESENDS_MAX;
  link.unanswered++;
  link.resendAt = mayResend
    ? now + m.config.timings.heartbeatIntervalMs * RESEND_SHARE
    : Number.POSITIVE_INFINITY;
  send(m, to, {
    kind,
    term: leader.term,
    seq,
    process: m.process,
    cause: leader.cause,
    leadingMs: now - leader.electedAt,
    nodes: reportNodes(m, now),
    leadingCostPoints: m.leadingCostPoints,
  });
}

/** An acknowledgement that late would prolong no lease. */
function forgetOldHeartbeats(m: Machine, now: number, leader: Leader): void {
  for (const [seq, sentAt] of leader.sentAt) {
    const late = now - sentAt > m.config.timings.electionTimeoutMsMin;
    if (!late && leader.sentAt.size < HEARTBEATS_IN_FLIGHT_MAX) break;
    leader.sentAt.delete(seq);
  }
}

/** This node's table of all members, itself included. */
export function reportNodes(m: Machine, now: number): NodeReport[] {
  const own: NodeReport = {
    id: m.config.thisNode,
    url: m.httpUrl,
    cpuPercent: m.load.percent,
    term: m.durable.term,
    lagMs: null,
    ageMs: 0,
  };
  const others = m.nodes.report(now);
  if (m.role.kind !== 'leader') return [own, ...others];
  const { links } = m.role;
  return [own, ...others.map((report) => ({ ...report, lagMs: links.get(report.id)?.lagMs ?? null }))];
}

/** Whether a line of the table tells how its node is now, rather than how it once was. */
export function isFresh(m: Machine, report: NodeReport): boolean {
  return report.ageMs !== null && report.ageMs < FRESH_HEARTBEATS * m.config.timings.heartbeatIntervalMs;
}

/** The loads in a table that are still worth something. */
export function freshLoads(m: Machine, reports: readonly NodeReport[]): Load[] {
  return reports.flatMap((report) =>
    report.cpuPercent !== null && isFresh(m, report)
      ? [{ id: report.id, cpuPercent: report.cpuPercent }]
      : [],
  );
}
