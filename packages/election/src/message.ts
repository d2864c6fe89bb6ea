/** What members say to each other. Any message may be lost, repeated, delayed or reordered. */

import {
  CLUSTER_NODES_MAX,
  ELECTION_ADDRESS_CHARS_MAX,
  ELECTION_PROCESS_CHARS_MAX,
  ELECTION_TIMING_MS_MAX,
  ElectionCause,
  HTTP_URL_CHARS_MAX,
} from '@cloud-steg/protocol';
import * as z from 'zod';

export type { ElectionCause };

const NodeId = z.string().max(ELECTION_ADDRESS_CHARS_MAX);
const Term = z.int().nonnegative();
/** Smoothed load, 0 to 100. */
const CpuPercent = z.number().min(0).max(100);
const HttpUrl = z.url({ protocol: /^https?$/ }).max(HTTP_URL_CHARS_MAX);
/** Tells this request's answers from those to an earlier one. */
const RequestId = z.int().nonnegative();
/** Highest term whose leader is known to have given up its lease for ever (rule 6); 0 for none. */
const ReleasedTerm = Term;

/** One run of a member's process, told from all that ever were or will be this member (rule 6a). */
const ProcessName = z.string().min(1).max(ELECTION_PROCESS_CHARS_MAX);

/** One line of the node table that each heartbeat carries. Nulls: never heard from. */
export const NodeReport = z.object({
  id: NodeId,
  url: HttpUrl.nullable(),
  cpuPercent: CpuPercent.nullable(),
  term: Term.nullable(),
  /** Round trip of the last heartbeat it acknowledged, milliseconds, as the leader measured it. */
  lagMs: z.number().nonnegative().nullable(),
  /** Age of this line at the sender, milliseconds; 0 for the sender itself. */
  ageMs: z.number().nonnegative().nullable(),
});
export type NodeReport = Readonly<z.infer<typeof NodeReport>>;

const heartbeat = {
  term: Term,
  process: ProcessName,
  /** Why this leader was elected, and for how long it has led, milliseconds. */
  cause: ElectionCause,
  leadingMs: z.number().nonnegative(),
  /** Counts this leader's heartbeats over all members. */
  seq: z.int().positive(),
  nodes: z.array(NodeReport).max(CLUSTER_NODES_MAX),
  /** What leading itself was found to cost, in points of CPU (rule 7). */
  leadingCostPoints: z.number().min(0).max(100),
};

export const Message = z.discriminatedUnion('kind', [
  /** Said once on a new connection: who I am, how loaded. */
  z.object({
    kind: z.literal('Ping'),
    term: Term,
    cpuPercent: CpuPercent,
    httpUrl: HttpUrl,
    process: ProcessName,
  }),

  // The poll before an election (pre-vote). Touches no persisted state (rule 1).
  z.object({
    kind: z.literal('GetCpu'),
    term: Term,
    pollId: RequestId,
    cpuPercent: CpuPercent,
    releasedTerm: ReleasedTerm,
  }),
  z.object({
    kind: z.literal('CpuResp'),
    term: Term,
    pollId: RequestId,
    cpuPercent: CpuPercent,
    /** Would vote for the poller. */
    grant: z.boolean(),
    /** What is left of the promise that forbids it; 0 when there is none. */
    waitMs: z.number().min(0).max(ELECTION_TIMING_MS_MAX),
    /** To whom the promise was given. */
    leader: NodeId.nullable(),
  }),
  /** You are idler than me: stand. A hint, which the nominee checks by a poll of its own. */
  z.object({ kind: z.literal('Nominate'), term: Term }),

  // The election
  z.object({ kind: z.literal('Vote'), term: Term, campaignId: RequestId, releasedTerm: ReleasedTerm }),
  /** Counts in the campaign it answers alone: a candidate that lost its disk may stand in the same term again. */
  z.object({ kind: z.literal('VoteResp'), term: Term, campaignId: RequestId, granted: z.boolean() }),

  // Leading
  /** The winner's first heartbeat. */
  z.object({ kind: z.literal('LeaderAnnounce'), ...heartbeat }),
  z.object({ kind: z.literal('Heartbeat'), ...heartbeat }),
  /** `term` is the sender's: equal to the heartbeat's it is a promise (rule 4), higher it is a refusal. */
  z.object({
    kind: z.literal('HeartbeatAck'),
    term: Term,
    seq: z.int().positive(),
    cpuPercent: CpuPercent,
    httpUrl: HttpUrl,
  }),
  /** The lease of `term` is released; stand at once. `moves` counts handovers in a row (rule 7). */
  z.object({
    kind: z.literal('Handover'),
    term: Term,
    moves: z.int().nonnegative(),
    cause: ElectionCause,
  }),
  /** The lease of `term` is released; nobody is named. */
  z.object({ kind: z.literal('StepDown'), term: Term, cause: ElectionCause }),

  // After a lost disk (rule 9)
  z.object({ kind: z.literal('Recover'), requestId: RequestId }),
  z.object({ kind: z.literal('RecoverResp'), requestId: RequestId, term: Term }),
]);
export type Message = Readonly<z.infer<typeof Message>>;

/** The message of one kind. */
export type MessageOf<Kind extends Message['kind']> = Extract<Message, { kind: Kind }>;
