/** What a leader's messages do to the others. */

import { invariant } from '@cloud-steg/protocol';
import type { NodeId } from './config.ts';
import { freshLoads } from './heartbeat.ts';
import { adoptTerm, learnRelease, type Machine, send } from './machine.ts';
import type { MessageOf } from './message.ts';
import { jitterMs, patienceEndsAt } from './patience.ts';
import { becomeCandidate, becomeFollower } from './roles.ts';

/** Rule 4: follows `from` and promises to help nobody else for a while, unless its own term is a later one. */
export function takeHeartbeat(
  m: Machine,
  now: number,
  from: NodeId,
  beat: MessageOf<'LeaderAnnounce' | 'Heartbeat'>,
): void {
  if (beat.term >= m.durable.term) follow(m, now, from, beat);
  send(m, from, {
    kind: 'HeartbeatAck',
    term: m.durable.term,
    seq: beat.seq,
    cpuPercent: m.load.percent,
    httpUrl: m.httpUrl,
  });
}

function follow(
  m: Machine,
  now: number,
  from: NodeId,
  beat: MessageOf<'LeaderAnnounce' | 'Heartbeat'>,
): void {
  invariant(
    m.role.kind !== 'leader' || beat.term > m.role.term,
    `two leaders in term ${beat.term}: ${from} and ${m.config.thisNode}`,
  );
  if (beat.term > m.durable.term) adoptTerm(m, beat.term, from);
  const { electionTimeoutMsMin } = m.config.timings;
  m.leader = from;
  m.leaderUntil = now + electionTimeoutMsMin;
  m.vacancy = 'silence';
  m.elections.add(now - beat.leadingMs, { term: beat.term, leader: from, cause: beat.cause });
  m.nodes.learn(now, beat.nodes);
  m.sharedLoads = freshLoads(m, beat.nodes);
  m.leadingCostPoints = beat.leadingCostPoints;
  m.pollRound = 0;
  m.nominated.clear();
  if (beat.term > m.releasedTerm) {
    m.promise = { to: from, term: beat.term, process: beat.process, until: now + electionTimeoutMsMin };
  }
  becomeFollower(m, patienceEndsAt(m, now), `follows ${from}`);
}

/** Rule 6: the leader gave up its lease, for this node to take over. */
export function takeHandover(m: Machine, now: number, from: NodeId, handover: MessageOf<'Handover'>): void {
  if (handover.term !== m.durable.term || from !== m.leader) return;
  if (m.role.kind === 'leader' || m.recovery || m.stopping) return;
  learnRelease(m, handover.term);
  m.moves = handover.moves;
  m.vacancy = handover.cause;
  if (m.role.kind === 'candidate') return;
  becomeCandidate(m, now, handover.cause, `handed over by ${from}`);
  // As good as elected: the claim is made while the votes are. Were another elected instead, it would be refused.
  m.out.claim = m.durable.term;
}

/** Rule 6: the leader gave up its lease and names nobody; the followers find the idlest among them. */
export function takeStepDown(m: Machine, now: number, from: NodeId, stepDown: MessageOf<'StepDown'>): void {
  learnRelease(m, stepDown.term);
  if (stepDown.term !== m.durable.term || from !== m.leader || m.role.kind !== 'follower') return;
  m.leaderUntil = now;
  m.vacancy = stepDown.cause;
  m.role.pollAt = now + jitterMs(m);
}
