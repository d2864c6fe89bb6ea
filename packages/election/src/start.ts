import { type ElectionConfig, quorumOf } from './config.ts';
import { type DurableState, SPENT_VOTE } from './durable-state.ts';
import { LoadMeter } from './load-meter.ts';
import { type Machine, noOutputs } from './machine.ts';
import { NodeTable } from './node-table.ts';
import { PastElections } from './past-elections.ts';
import { patienceEndsAt, rankDelayMs } from './patience.ts';
import { becomeFollower } from './roles.ts';
import { NO_PROMISE } from './voter-promise.ts';

/** What leading is taken to cost before anybody has learnt it. */
const LEADING_COST_POINTS_DEFAULT = 10;
const REQUEST_IDS_FIRST_MAX = 2 ** 32;

export interface ElectionStart {
  readonly config: ElectionConfig;
  readonly httpUrl: string;
  /** Names this run of the process among all that ever were or will be this node. */
  readonly process: string;
  /** What was last persisted; undefined when there is nothing, be it a new node or a lost disk. */
  readonly durable: DurableState | undefined;
  /** Highest term ever claimed in the store, 0 for none: tells a lost disk from a new node. */
  readonly storeTerm: number;
  /** This node's monotonic clock, milliseconds. */
  readonly now: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** A node as it comes up: new, restarted, or with its disk lost (rules 4, 8, 9). */
export function startMachine(start: ElectionStart): Machine {
  const { config, httpUrl, process, durable, storeTerm, now, random } = start;
  const quorum = quorumOf(config);
  const isNew = durable === undefined && storeTerm === 0;
  const recovering = quorum > 1 && (durable?.recovering ?? !isNew);
  const m: Machine = {
    config,
    httpUrl,
    process,
    quorum,
    random,
    durable: startState(durable, storeTerm, recovering),
    recovery: recovering ? { requestId: 0, askAt: now, terms: new Map() } : undefined,
    role: { kind: 'follower', pollAt: now },
    leader: null,
    leaderUntil: Number.NEGATIVE_INFINITY,
    vacancy: Math.max(storeTerm, durable?.term ?? 0) === 0 ? 'first' : 'silence',
    elections: new PastElections(),
    promise: NO_PROMISE,
    releasedTerm: 0,
    pollRound: 0,
    nominated: new Set(),
    nextRequestId: Math.floor(random() * REQUEST_IDS_FIRST_MAX),
    load: new LoadMeter(),
    nodes: new NodeTable(config.peers),
    sharedLoads: [],
    leadingCostPoints: LEADING_COST_POINTS_DEFAULT,
    moves: 0,
    stopping: false,
    lastStepAt: now,
    out: noOutputs(),
  };
  if (quorum === 1) return m;
  if (isNew) {
    becomeFollower(m, now + rankDelayMs(m), 'started');
    return m;
  }
  // Rule 4: a promise made before the restart may still bind. On a lost disk its term is not known, so that no
  // release can void it.
  m.promise = {
    to: null,
    term: recovering ? Number.POSITIVE_INFINITY : m.durable.term,
    process: null,
    until: now + config.timings.electionTimeoutMsMin,
  };
  becomeFollower(m, patienceEndsAt(m, now), 'started');
  return m;
}

/**
 * Raised to the store's term, so that a leader elected from here is not refused by the fence (rule 8). A term that was
 * claimed has its votes given; one that this node does not remember giving may be missing from an older copy of its file.
 */
function startState(durable: DurableState | undefined, storeTerm: number, recovering: boolean): DurableState {
  const { term, votedFor } = durable ?? { term: 0, votedFor: null };
  if (term > storeTerm) return { term, votedFor, recovering };
  const vote = term === storeTerm ? votedFor : null;
  return { term: storeTerm, votedFor: vote ?? (storeTerm > 0 ? SPENT_VOTE : null), recovering };
}
