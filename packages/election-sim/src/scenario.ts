import { Election } from '@cloud-steg/election';
import { BrokenRule, type Rule } from './checker.ts';
import { Client } from './client.ts';
import { Cluster } from './cluster.ts';
import { FAULT_NAMES, FAULTS, type FaultName } from './faults/faults.ts';
import { SOUND, type Surroundings } from './fenced-store.ts';
import type { Print } from './journal.ts';
import { demandProgress, heal } from './liveness.ts';
import { Random } from './random.ts';
import { TIMINGS, type TimingKeys, type TimingsName } from './timings.ts';
import type { ElectionClass } from './world.ts';

const SIZES = [3, 3, 3, 3, 5, 5, 5, 7, 2, 4, 6, 1];
const HELD_UP_SHARE = 0.1;
/** Mean pause of a client between two requests, in longest election timeouts. */
const PAUSE_SHARES = [0.1, 0.5];
/** Length of the phase with faults, in longest election timeouts. */
const FAULTY_TIMEOUTS = 14;
const VIEWS_MAX = 12;
const CLIENTS = 2;
/** More views are wanted than there are, so that some are refused. */
const VIEWS_WANTED_EACH = 8;

export interface ScenarioOptions {
  readonly seed: number;
  readonly timings: TimingsName;
  /** 1 to 7; by the seed without it. */
  readonly size?: number | undefined;
  /** By the seed without it: a random half of all, which finds more than all of them at once (swarm testing). */
  readonly faults?: readonly FaultName[] | undefined;
  /** Mean time from one fault to the next, in longest election timeouts; by the seed without it. */
  readonly every?: number | undefined;
  readonly Election?: ElectionClass | undefined;
  readonly surroundings?: Partial<Surroundings> | undefined;
  readonly print?: Print | undefined;
}

export interface Violation {
  readonly rule: Rule;
  readonly what: string;
  /** True time, milliseconds. */
  readonly at: number;
}

export interface RunReport {
  readonly seed: number;
  readonly size: number;
  readonly events: number;
  /** Of all that happened: equal for equal runs. */
  readonly hash: string;
  readonly faults: ReadonlyMap<FaultName, number>;
  readonly messages: { readonly lost: number; readonly doubled: number; readonly late: number };
  /** Terms that had a leader. */
  readonly terms: number;
  readonly views: number;
  readonly writes: number;
  readonly claimsRefused: number;
  readonly commitsFenced: number;
  /** For how long nobody served after the end of all faults, milliseconds; undefined if the run ended before. */
  readonly recoveryMs: number | undefined;
  /** The first broken rule, which ends the run. */
  readonly violation: Violation | undefined;
}

/** One run: faults first, with safety checked at every step, then peace, in which progress is demanded. */
export function runScenario(options: ScenarioOptions): RunReport {
  const { seed } = options;
  const choice = new Random(seed, 'scenario');
  const size = options.size ?? choice.pick(SIZES);
  const faults = options.faults ?? FAULT_NAMES.filter(() => choice.chance(0.5));
  const cluster = new Cluster({
    seed,
    size,
    timings: timingsOf(TIMINGS[options.timings], choice),
    Election: options.Election ?? Election,
    surroundings: { ...SOUND, ...options.surroundings },
    viewsMax: VIEWS_MAX,
    print: options.print,
  });
  const injected = new Map<FaultName, number>();
  const every = (options.every ?? choice.uniform(0.2, 1.5)) * cluster.longestMs;
  let recoveryMs: number | undefined;
  let violation: Violation | undefined;
  try {
    const clients = begin(cluster, choice, seed);
    disturb(cluster, faults, every, injected);
    cluster.journal.note(cluster.now, '**', () => 'all is healed');
    heal(cluster);
    recoveryMs = demandProgress(cluster, clients);
  } catch (error) {
    if (!(error instanceof BrokenRule)) throw error;
    const { rule, message: what } = error;
    violation = { rule, what, at: cluster.now };
    cluster.journal.note(cluster.now, '!!', () => `${rule} is broken: ${what}`);
  }
  const { network, store, checker, journal, timeline } = cluster;
  return {
    seed,
    size,
    events: timeline.count,
    hash: journal.hash,
    faults: injected,
    messages: { lost: network.lost, doubled: network.doubled, late: network.late },
    terms: checker.ledTerms,
    views: store.used,
    writes: store.writes,
    claimsRefused: store.claimsRefused,
    commitsFenced: store.commitsFenced,
    recoveryMs,
    violation,
  };
}

/** Half of all clusters review their leader far more often than others do, so that leadership moves (rule 7). */
function timingsOf(timings: TimingKeys, choice: Random): TimingKeys {
  if (choice.chance(0.5)) return timings;
  return { ...timings, leader_term_ms: 5 * timings.heartbeat_interval_ms };
}

function begin(cluster: Cluster, choice: Random, seed: number): Client[] {
  cluster.hintShare = choice.pick([0, 0.5, 1]);
  cluster.newsShare = choice.pick([0, 0.5, 1]);
  cluster.leadingCostPoints = choice.uniform(0, 15);
  cluster.heldUpShare = HELD_UP_SHARE;
  for (const node of cluster.nodes) {
    node.load.percent = choice.uniform(0, 100);
    cluster.start(node);
  }
  cluster.timeline.pass(cluster.longestMs);
  const pauseShare = choice.pick(PAUSE_SHARES);
  return Array.from({ length: CLIENTS }, (_, index) => {
    const client = new Client(cluster, cluster.nodes, new Random(seed, `client ${index}`), {
      index,
      views: VIEWS_WANTED_EACH,
      pauseMs: pauseShare * cluster.longestMs,
      retryMs: cluster.timings.election_timeout_min_ms / 4,
    });
    client.next();
    return client;
  });
}

function disturb(
  cluster: Cluster,
  names: readonly FaultName[],
  every: number,
  injected: Map<FaultName, number>,
): void {
  const { timeline, dice, journal, longestMs } = cluster;
  const endAt = timeline.now + FAULTY_TIMEOUTS * longestMs;
  while (timeline.now < endAt) {
    const name = names.length > 0 ? dice.pick(names) : undefined;
    if (name !== undefined) {
      injected.set(name, (injected.get(name) ?? 0) + 1);
      const what = FAULTS[name](cluster);
      journal.note(timeline.now, '**', () => `${name}: ${what}`);
    }
    timeline.pass(Math.min(endAt - timeline.now, dice.exponential(every)));
  }
}
