/** Everything a node remembers, and the few ways to change it that keep its promises. */

import { invariant, TERM_JUMP_MAX } from '@cloud-steg/protocol';
import type { ElectionConfig, NodeId } from './config.ts';
import { type DurableState, SPENT_VOTE } from './durable-state.ts';
import type { Load, LoadMeter } from './load-meter.ts';
import type { ElectionCause, Message } from './message.ts';
import type { NodeTable } from './node-table.ts';
import type { PastElections } from './past-elections.ts';
import { NO_PROMISE, type VoterPromise } from './voter-promise.ts';

/** Waits until `pollAt`, then asks whether an election is due. */
interface Follower {
  readonly kind: 'follower';
  pollAt: number;
}

interface PollAnswer {
  readonly grant: boolean;
  readonly cpuPercent: number;
  readonly waitMs: number;
}

/** Asks the others before it disturbs them: the pre-vote. */
export interface Polling {
  readonly kind: 'polling';
  /** 0 looks for the idlest; later ones take whoever asks. */
  readonly round: number;
  readonly pollId: number;
  readonly startedAt: number;
  decideAt: number;
  readonly answers: Map<NodeId, PollAnswer>;
}

export interface Candidate {
  readonly kind: 'candidate';
  readonly cause: ElectionCause;
  readonly campaignId: number;
  readonly votes: Set<NodeId>;
  readonly refusals: Set<NodeId>;
  readonly giveUpAt: number;
  askAgainAt: number;
}

/** How one follower keeps up with its leader. */
export interface FollowerLink {
  /** Send time of the newest heartbeat it acknowledged; -Infinity before the first. */
  ackedAt: number;
  /** Round trip of that heartbeat, milliseconds; null before the first. */
  lagMs: number | null;
  /** When to send again because nothing was acknowledged. */
  resendAt: number;
  unanswered: number;
}

export interface Leader {
  readonly kind: 'leader';
  /** The term it leads; once it votes for its successor, not the latest one it knows. */
  readonly term: number;
  readonly cause: ElectionCause;
  readonly electedAt: number;
  /** When all followers get the next heartbeat. */
  beatAt: number;
  readonly links: Map<NodeId, FollowerLink>;
  seq: number;
  /** Send times of heartbeats that may still be acknowledged, oldest first. */
  readonly sentAt: Map<number, number>;
  /** When to compare loads next, and for how many heartbeats another node has been much idler. */
  compareAt: number;
  hotBeats: number;
  /** When to act on that comparison (rule 7). */
  reviewAt: number;
  /** Load before leading, until its cost was learnt. */
  loadBefore: number | undefined;
  /** Set once this term's lease is given up in favour of somebody; there is no way back in this term. */
  handover: Handover | undefined;
}

export interface Handover {
  readonly to: NodeId;
  readonly cause: ElectionCause;
  /** When to make the vote for it durable: as soon as it is told; Infinity once done. */
  voteAt: number;
  readonly giveUpAt: number;
  resendAt: number;
}

export type Role = Follower | Polling | Candidate | Leader;

/** A lost disk's questions to all other members (rule 9). */
export interface Recovery {
  requestId: number;
  askAt: number;
  readonly terms: Map<NodeId, number>;
}

export interface Machine {
  readonly config: ElectionConfig;
  readonly httpUrl: string;
  /** Names this run of the process. */
  readonly process: string;
  readonly quorum: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;

  durable: DurableState;
  recovery: Recovery | undefined;
  role: Role;
  /** The last leader known, who may be gone; believed to lead until `leaderUntil`. */
  leader: NodeId | null;
  leaderUntil: number;
  /** Why there is no leader, or will be none: what an election that this node wins now would be told to have come from. */
  vacancy: ElectionCause;
  readonly elections: PastElections;
  promise: VoterPromise;
  /** Highest term whose lease is known to be released (rule 6). */
  releasedTerm: number;
  /** Round of the next poll. */
  pollRound: number;
  /** Nominated since the last heartbeat, without success. */
  readonly nominated: Set<NodeId>;
  nextRequestId: number;

  readonly load: LoadMeter;
  readonly nodes: NodeTable;
  /** Loads of all members as the leader last told them: the same list everywhere, so the same ranks. */
  sharedLoads: readonly Load[];
  leadingCostPoints: number;
  /** Handovers in a row; each doubles the time to the next (rule 7). */
  moves: number;
  /** Leaves the cluster: votes, but stands no more. */
  stopping: boolean;

  lastStepAt: number;
  out: OutputsInProgress;
}

export interface Outgoing {
  readonly to: NodeId;
  readonly message: Message;
}

/** For logs and transcripts. */
export interface RoleChange {
  readonly role: Role['kind'];
  readonly term: number;
  readonly why: string;
}

/** A message that was passed over as if it had never come. For logs. */
export interface Refusal {
  readonly from: NodeId;
  readonly why: string;
}

/** What one step asks of the outside. The order of the fields is the order to do it in. */
export interface Outputs {
  /**
   * Beside all that follows: claim this term in the store (rule 8). Not elected yet, it may be; it serves only with
   * the claim granted and its lease valid. A claim made for nothing costs an election, never a promise.
   */
  readonly claim: number | undefined;
  /** First: make this durable. Nothing below may happen before, nor at all if that fails. */
  readonly persist: DurableState | undefined;
  /** Then: send these, in order. */
  readonly send: readonly Outgoing[];
  /** Whenever convenient: what happened. */
  readonly became: readonly RoleChange[];
  readonly refused: readonly Refusal[];
}

interface OutputsInProgress extends Outputs {
  claim: number | undefined;
  persist: DurableState | undefined;
  readonly send: Outgoing[];
  readonly became: RoleChange[];
  readonly refused: Refusal[];
}

export function noOutputs(): OutputsInProgress {
  return { claim: undefined, persist: undefined, send: [], became: [], refused: [] };
}

export function send(m: Machine, to: NodeId, message: Message): void {
  m.out.send.push({ to, message });
}

export function broadcast(m: Machine, message: Message): void {
  for (const peer of m.config.peers) send(m, peer, message);
}

/** Changes what must survive a crash. Terms never fall (I3) and a vote once given stays given (I4). */
export function record(m: Machine, next: DurableState): void {
  const { term, votedFor } = m.durable;
  invariant(next.term >= term, `term ${term} fell to ${next.term}`);
  invariant(Number.isSafeInteger(next.term), `term ${next.term} is beyond the safe integers`);
  invariant(
    next.term > term || votedFor === null || next.votedFor === votedFor || next.votedFor === SPENT_VOTE,
    `second vote in term ${term}`,
  );
  if (next.term === term && next.votedFor === votedFor && next.recovering === m.durable.recovering) return;
  m.durable = next;
  m.out.persist = next;
}

/**
 * Why `message` is not to be believed: it speaks of a term that no cluster gets to while a node looks away. Terms
 * and releases spread and never fall, so that one wrong figure would stay for ever.
 */
export function doubt(m: Machine, message: Message): string | undefined {
  const term = Math.max(
    'term' in message ? message.term : 0,
    'releasedTerm' in message ? message.releasedTerm : 0,
  );
  if (term <= m.durable.term + TERM_JUMP_MAX) return undefined;
  return `${message.kind} of term ${term}, over ${TERM_JUMP_MAX} above this node’s ${m.durable.term}`;
}

/** Moves on to a later term that somebody else began. */
export function adoptTerm(m: Machine, term: number, votedFor: NodeId | null): void {
  record(m, { ...m.durable, term, votedFor });
}

/** Rule 6: the leader of `term` gave up its lease for ever, so promises to it or to earlier ones bind no more. */
export function learnRelease(m: Machine, term: number): void {
  m.releasedTerm = Math.max(m.releasedTerm, term);
  if (term > 0 && m.promise.term <= term) m.promise = NO_PROMISE;
}

/** Never repeats within a run; starts at random, so that answers to the run before are not taken for this one's. */
export function newRequestId(m: Machine): number {
  return m.nextRequestId++;
}
