/** How long a cluster is without a leader when the leader's process dies, with nothing else going wrong. */

import { Cluster } from './cluster.ts';
import { SOUND } from './fenced-store.ts';
import { Random } from './random.ts';
import type { SimulatedNode } from './simulated-node.ts';
import { TIMINGS, type TimingsName } from './timings.ts';
import type { ElectionClass } from './world.ts';

/** What the others learn of the crash, within milliseconds. */
export type Told = 'nothing' | 'links' | 'ended';

export interface FailoverOptions {
  readonly timings: TimingsName;
  readonly told: Told;
  /** Share of messages that are lost, all the time. */
  readonly lossShare: number;
  readonly size: number;
  readonly Election: ElectionClass;
}

export interface Failover {
  /** From the crash to another node's valid lease, milliseconds. */
  readonly leaseMs: number;
  /** And to its granted claim: it serves. */
  readonly servesMs: number;
  /** Whether that is the idlest of those left. */
  readonly idlest: boolean;
}

/** Loads differ by so much at least, so that there is one idlest node. */
const LOAD_STEP_POINTS = 12;
const NEWS_MS_MAX = 5;
/** Nobody waits longer for a leader to come, in longest election timeouts. */
const PATIENCE_TIMEOUTS = 20;

/** One crash of one leader in a cluster that has settled. Undefined if the cluster never got that far. */
export function measureFailover(seed: number, options: FailoverOptions): Failover | undefined {
  const dice = new Random(seed, 'failover');
  const cluster = begin(seed, options, dice);
  const { timeline, longestMs, timings } = cluster;
  const patienceMs = PATIENCE_TIMEOUTS * longestMs;
  timeline.pass(patienceMs, () => cluster.server() !== undefined);
  // Long enough for loads to be known; at any moment between two heartbeats.
  timeline.pass(longestMs + dice.uniform(3, 6) * timings.heartbeat_interval_ms);
  const leader = cluster.server();
  if (!leader) return undefined;

  leader.crash();
  const crashedAt = timeline.now;
  const leased = () => cluster.nodes.find((node) => node.holdsLease(timeline.now));
  timeline.pass(patienceMs, () => leased() !== undefined);
  const successor = leased();
  const leaseMs = timeline.now - crashedAt;
  timeline.pass(patienceMs, () => cluster.server() !== undefined);
  if (!successor || !cluster.server()) return undefined;
  return { leaseMs, servesMs: timeline.now - crashedAt, idlest: successor === idlestOf(cluster, leader) };
}

function begin(seed: number, options: FailoverOptions, dice: Random): Cluster {
  const { timings, told, lossShare, size, Election } = options;
  const cluster = new Cluster({
    seed,
    size,
    timings: TIMINGS[timings],
    Election,
    surroundings: SOUND,
    viewsMax: 0,
  });
  cluster.network.lossShare = lossShare;
  cluster.hintShare = told === 'nothing' ? 0 : 1;
  cluster.newsShare = told === 'ended' ? 1 : 0;
  cluster.newsMsMax = NEWS_MS_MAX;
  cluster.lateNewsShare = 0;
  const loads = cluster.nodes.map((_, index) => index * LOAD_STEP_POINTS);
  for (const node of cluster.nodes) {
    const [load = 0] = loads.splice(Math.floor(dice.next() * loads.length), 1);
    node.load.percent = load;
    cluster.start(node);
  }
  return cluster;
}

function idlestOf(cluster: Cluster, dead: SimulatedNode): SimulatedNode | undefined {
  return cluster.nodes.filter((node) => node !== dead).sort((a, b) => a.load.percent - b.load.percent)[0];
}
