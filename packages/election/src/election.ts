/** The door: everything goes in through `step`, everything comes out of it. */

import { invariant } from '@cloud-steg/protocol';
import type { NodeId } from './config.ts';
import { SPENT_VOTE } from './durable-state.ts';
import { takeHandover, takeHeartbeat, takeStepDown } from './following.ts';
import { handOver, stepDown } from './handover.ts';
import { isFresh, reportNodes } from './heartbeat.ts';
import { idlestSuccessor, takeAck, tickLeader } from './leading.ts';
import { leaseEnd, quorumLossAt } from './lease.ts';
import { adoptTerm, doubt, type Machine, noOutputs, type Outputs, type Role } from './machine.ts';
import type { Message, NodeReport } from './message.ts';
import type { PastElection } from './past-elections.ts';
import { patienceEndsAt } from './patience.ts';
import { answerPoll, decidePoll, takeEnd, takeLostLink, takeNomination, takePollAnswer } from './poll.ts';
import { answerRecovery, takeRecoveredTerm, tickRecovery } from './recovery.ts';
import { becomeFollower, becomePolling } from './roles.ts';
import { type ElectionStart, startMachine } from './start.ts';
import { answerVote, takeVote, tickCandidate } from './vote.ts';

export type Input =
  /** `nextDeadline` has come. */
  | { readonly kind: 'tick' }
  /** A sample of this node's load, 0 to 100, one every `cpuRefreshMs`. */
  | { readonly kind: 'cpu'; readonly percent: number }
  /** A message of another member, checked by `readFrame`. */
  | { readonly kind: 'message'; readonly from: NodeId; readonly message: Message }
  /** A connection to this member broke: a hint, which may be wrong. */
  | { readonly kind: 'linkLost'; readonly peer: NodeId }
  /**
   * Rule 6a: this run of the member's process has ended and will never run another instruction. No hint but a fact:
   * told of a process that lives, it lets two leases overlap.
   */
  | { readonly kind: 'ended'; readonly peer: NodeId; readonly process: string }
  /** Rule 8: the store refused this node's claim of `term`; somebody holds it or a later one. */
  | { readonly kind: 'fence'; readonly term: number }
  /** This node is about to leave: it hands over if it leads, and stands no more. */
  | { readonly kind: 'stop' };

/** A node as it sees itself and the others. */
export interface ElectionView {
  readonly id: NodeId;
  readonly role: 'follower' | 'polling' | 'candidate' | 'leader';
  readonly term: number;
  /** Who leads as far as this node can tell, itself only while its lease is valid. */
  readonly leader: NodeId | null;
  /** All members, this node first; `fresh` is false for one not heard of lately. */
  readonly nodes: readonly (NodeReport & { readonly fresh: boolean })[];
  /** The last elections it learnt of, oldest first. */
  readonly elections: readonly PastElection[];
}

/**
 * One member of the cluster, as a pure machine: no clock, no randomness and no I/O of its own. The caller keeps
 * `now` monotonic, performs the outputs of each step in their order, and steps again at `nextDeadline`.
 */
export class Election {
  readonly #m: Machine;

  constructor(start: ElectionStart) {
    this.#m = startMachine(start);
  }

  /** Takes one input in. The outputs are the caller's to perform before the next step. */
  step(now: number, input: Input): Outputs {
    const m = this.#m;
    invariant(now >= m.lastStepAt, `clock went back from ${m.lastStepAt} to ${now}`);
    m.lastStepAt = now;
    m.out = noOutputs();
    takeInput(m, now, input);
    invariant(!m.recovery || m.role.kind === 'follower', 'a lost disk takes part in an election');
    invariant(m.durable.recovering === (m.recovery !== undefined), 'recovery and its record disagree');
    return m.out;
  }

  /** When to step with a tick at the latest; Infinity if never. */
  nextDeadline(): number {
    const { role, recovery } = this.#m;
    const roleDeadline = nextRoleDeadline(this.#m, role);
    return recovery ? Math.min(recovery.askAt, roleDeadline) : roleDeadline;
  }

  /** This node leads, and is sure that nobody else does, while its clock is before this; -Infinity if it does not. */
  leaseEnd(): number {
    return leaseEnd(this.#m);
  }

  /** When `view` next changes by the mere passing of time; in the past, or Infinity, if it does not. */
  viewChangesAt(): number {
    return this.#m.role.kind === 'leader' ? leaseEnd(this.#m) : this.#m.leaderUntil;
  }

  get term(): number {
    return this.#m.durable.term;
  }

  /** What this node would tell of itself: its load, smoothed, its address, and which process it is. */
  greeting(): Message {
    const { durable, load, httpUrl, process } = this.#m;
    return { kind: 'Ping', term: durable.term, cpuPercent: load.percent, httpUrl, process };
  }

  view(now: number): ElectionView {
    const m = this.#m;
    return {
      id: m.config.thisNode,
      role: m.role.kind,
      term: m.durable.term,
      leader: knownLeader(m, now),
      nodes: reportNodes(m, now).map((report) => ({ ...report, fresh: isFresh(m, report) })),
      elections: m.elections.report(now),
    };
  }
}

function takeInput(m: Machine, now: number, input: Input): void {
  switch (input.kind) {
    case 'tick':
      return tick(m, now);
    case 'cpu':
      return m.load.add(input.percent);
    case 'message':
      invariant(m.config.peers.includes(input.from), `${input.from} is no other member`);
      return takeMessage(m, now, input.from, input.message);
    case 'linkLost':
      return takeLostLink(m, now, input.peer);
    case 'ended':
      return takeEnd(m, now, input.peer, input.process);
    case 'fence':
      return takeFence(m, now, input.term);
    case 'stop':
      return stop(m, now);
  }
}

function tick(m: Machine, now: number): void {
  if (m.recovery) tickRecovery(m, now, m.recovery);
  switch (m.role.kind) {
    case 'follower':
      if (now >= m.role.pollAt) becomePolling(m, now, m.pollRound);
      return;
    case 'polling':
      if (now >= m.role.decideAt) decidePoll(m, now, m.role);
      return;
    case 'candidate':
      return tickCandidate(m, now, m.role);
    case 'leader':
      return tickLeader(m, now, m.role);
  }
}

function takeMessage(m: Machine, now: number, from: NodeId, message: Message): void {
  const why = doubt(m, message);
  if (why !== undefined) {
    m.out.refused.push({ from, why });
    return;
  }
  if ('cpuPercent' in message) {
    m.nodes.hear(now, from, message);
  }
  switch (message.kind) {
    case 'Ping':
      return;
    case 'GetCpu':
      return answerPoll(m, now, from, message);
    case 'CpuResp':
      return takePollAnswer(m, now, from, message);
    case 'Nominate':
      return takeNomination(m, now, message);
    case 'Vote':
      return answerVote(m, now, from, message);
    case 'VoteResp':
      return takeVote(m, now, from, message);
    case 'LeaderAnnounce':
    case 'Heartbeat':
      return takeHeartbeat(m, now, from, message);
    case 'HeartbeatAck':
      return takeAck(m, now, from, message);
    case 'Handover':
      return takeHandover(m, now, from, message);
    case 'StepDown':
      return takeStepDown(m, now, from, message);
    case 'Recover':
      return answerRecovery(m, from, message);
    case 'RecoverResp':
      return takeRecoveredTerm(m, from, message);
  }
}

/** Rule 8: somebody has claimed this term or a later one, so it is over for this node. */
function takeFence(m: Machine, now: number, term: number): void {
  if ((m.role.kind !== 'leader' && m.role.kind !== 'candidate') || term < m.durable.term) return;
  adoptTerm(m, term, SPENT_VOTE);
  m.leader = null;
  m.vacancy = 'refused';
  becomeFollower(m, patienceEndsAt(m, now), 'refused by the store');
}

function stop(m: Machine, now: number): void {
  m.stopping = true;
  if (m.role.kind !== 'leader') return becomeFollower(m, Number.POSITIVE_INFINITY, 'stopping');
  if (m.role.handover) return;
  const successor = idlestSuccessor(m, now, m.role);
  if (successor) handOver(m, now, m.role, successor.id, 'stopping');
  else stepDown(m, now, 'stopping', 'stopping');
}

function nextRoleDeadline(m: Machine, role: Role): number {
  if (role.kind === 'follower') return role.pollAt;
  if (role.kind === 'polling') return role.decideAt;
  if (role.kind === 'candidate') return Math.min(role.giveUpAt, role.askAgainAt);
  if (role.handover) {
    const { giveUpAt, resendAt, voteAt } = role.handover;
    return Math.min(giveUpAt, resendAt, voteAt);
  }
  const resends = [...role.links.values()].map((link) => link.resendAt);
  return Math.min(quorumLossAt(m, role), role.compareAt, role.reviewAt, role.beatAt, ...resends);
}

/** A leader whose lease ran out, or who is handing over, knows of no leader. */
function knownLeader(m: Machine, now: number): NodeId | null {
  if (m.role.kind === 'leader') return now < leaseEnd(m) ? m.config.thisNode : null;
  return now < m.leaderUntil ? m.leader : null;
}
