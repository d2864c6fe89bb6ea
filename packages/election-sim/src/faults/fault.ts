import type { Cluster } from '../cluster.ts';
import type { SimulatedNode } from '../simulated-node.ts';

/** Does its harm now, and ends it by itself, unless all is healed before. Says what it did in a few words. */
export type Fault = (cluster: Cluster) => string;

/** The leader half of the time, for that is where it hurts. */
export function victim(cluster: Cluster): SimulatedNode {
  const leader = cluster.leader();
  return leader && cluster.dice.chance(0.5) ? leader : cluster.dice.pick(cluster.nodes);
}

/** Mostly well below the longest election timeout, now and then a few times that. */
export function durationMs(cluster: Cluster): number {
  return Math.min(4 * cluster.longestMs, cluster.dice.exponential(0.8 * cluster.longestMs));
}

/** Starts `node` again in `ms`, if it is still down then. */
export function restartAfter(cluster: Cluster, ms: number, node: SimulatedNode): void {
  cluster.whileFaulty(ms, () => {
    if (!node.process) cluster.start(node);
  });
}

export function inMs(ms: number): string {
  return `${ms.toFixed(0)} ms`;
}
