/** Processes that end, are started again, stand still, or are told to leave. */

import type { Cluster } from '../cluster.ts';
import type { SimulatedNode } from '../simulated-node.ts';
import { durationMs, type Fault, inMs, restartAfter, victim } from './fault.ts';

const AT_ONCE_MS_MAX = 20;

export function crashFor(cluster: Cluster, ms: number, node: SimulatedNode): void {
  node.crash();
  restartAfter(cluster, ms, node);
}

/** How long a process stays down: often it is started again at once. */
export function downMs(cluster: Cluster): number {
  return cluster.dice.chance(0.4) ? cluster.dice.uniform(1, AT_ONCE_MS_MAX) : durationMs(cluster);
}

export const crash: Fault = (cluster) => {
  const [node, ms] = [victim(cluster), durationMs(cluster)];
  crashFor(cluster, ms, node);
  return `${node.name}, down for ${inMs(ms)}`;
};

/** A follower is down and up again before anybody notices: what it promised is forgotten, and the leader lives on. */
export const bounce: Fault = (cluster) => {
  const followers = cluster.nodes.filter((node) => !node.leads);
  const node = cluster.dice.pick(followers.length > 0 ? followers : cluster.nodes);
  const ms = cluster.dice.uniform(1, AT_ONCE_MS_MAX);
  crashFor(cluster, ms, node);
  return `${node.name}, down for ${inMs(ms)}`;
};

export const crashAll: Fault = (cluster) => {
  for (const node of cluster.nodes) crashFor(cluster, cluster.dice.uniform(1, cluster.longestMs), node);
  return 'every node';
};

/** Garbage collection, SIGSTOP, an overloaded machine: short ones and long ones. */
export const pause: Fault = (cluster) => {
  const { dice } = cluster;
  const node = victim(cluster);
  const ms = dice.chance(0.5) ? dice.uniform(5, 200) : dice.uniform(0, 2 * cluster.longestMs);
  node.process?.thread.pause(ms);
  return `${node.name}, ${inMs(ms)}`;
};

/** Stands still between deciding and doing: what it decided leaves late. */
export const stall: Fault = (cluster) => {
  const [node, ms] = [victim(cluster), cluster.dice.uniform(0, 2 * cluster.longestMs)];
  if (node.process) node.process.stallMs = ms;
  return `${node.name} before its next messages, ${inMs(ms)}`;
};

/** SIGTERM, and sometimes SIGKILL before it has left. */
export const stop: Fault = (cluster) => {
  const { dice } = cluster;
  const [node, ms] = [victim(cluster), downMs(cluster)];
  const { process } = node;
  process?.stop();
  const killMs = dice.chance(0.5) ? dice.uniform(0, 5) : 2 * cluster.timings.net_timeout_ms;
  cluster.whileFaulty(killMs, () => {
    if (!process?.ended) node.crash();
    restartAfter(cluster, ms, node);
  });
  return `${node.name}, killed after ${inMs(killMs)}, back after ${inMs(ms)}`;
};

/** Lies in wait for a node that becomes `role`, and kills it within moments. */
function killOnBecoming(role: 'candidate' | 'leader'): Fault {
  return (cluster) => {
    cluster.trap = (moment) => {
      if (moment.kind !== 'became' || moment.role !== role) return;
      cluster.trap = undefined;
      const node = cluster.nodes[moment.node];
      cluster.whileFaulty(cluster.dice.uniform(0, 5), () => {
        if (node) crashFor(cluster, downMs(cluster), node);
      });
    };
    return 'the next';
  };
}

export const killCandidate = killOnBecoming('candidate');
export const killLeader = killOnBecoming('leader');

/** A leader dies around the moment that its write gets to the store. */
export const killWriter: Fault = (cluster) => {
  cluster.trap = (moment) => {
    if (moment.kind !== 'commits') return;
    cluster.trap = undefined;
    const node = cluster.nodes[moment.node];
    cluster.whileFaulty(cluster.dice.uniform(0, 4), () => {
      if (node) crashFor(cluster, downMs(cluster), node);
    });
  };
  return 'the next';
};
