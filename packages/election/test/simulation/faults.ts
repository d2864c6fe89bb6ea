/** What can go wrong, one function each; every fault ends by itself, or when all is healed. */

import type { SimulatedCluster, SimulatedNode } from './cluster.ts';

type Fault = (cluster: SimulatedCluster) => void;

/** The leader half of the time, for that is where it hurts. */
function victim(cluster: SimulatedCluster): SimulatedNode {
  const leader = cluster.leader();
  return leader && cluster.random() < 0.5 ? leader : cluster.pick(cluster.nodes);
}

function durationMs(cluster: SimulatedCluster): number {
  return cluster.uniform(0, 2 * cluster.electionTimeoutMsMax);
}

function cut(cluster: SimulatedCluster, connected: SimulatedCluster['connected']): void {
  cluster.connected = connected;
  cluster.whileFaulty(durationMs(cluster), () => {
    cluster.connected = () => true;
  });
}

/** As many disks at most as the cluster may lose nodes, and none before the first term was claimed. */
function wipeIfSpare(cluster: SimulatedCluster, node: SimulatedNode): void {
  const spare = Math.floor((cluster.nodes.length - 1) / 2);
  if (cluster.storeTerm > 0 && cluster.wipes < spare) cluster.wipe(node);
}

export const FAULTS = {
  crash(cluster) {
    const node = victim(cluster);
    cluster.crash(node);
    cluster.restart(node, durationMs(cluster));
  },
  bounce(cluster) {
    const node = cluster.pick(cluster.nodes);
    cluster.crash(node);
    cluster.restart(node, cluster.uniform(1, 20));
  },
  crashAll(cluster) {
    for (const node of cluster.nodes) {
      cluster.crash(node);
      cluster.restart(node, durationMs(cluster));
    }
  },
  wipe(cluster) {
    const node = victim(cluster);
    cluster.crash(node);
    wipeIfSpare(cluster, node);
    cluster.restart(node, cluster.random() < 0.5 ? cluster.uniform(1, 20) : durationMs(cluster));
  },
  /** The next voter dies once its vote was counted, forgets it, and comes back while the one it voted for is cut off. */
  ambush(cluster) {
    cluster.onVote = (voter, { index }) => {
      cluster.crash(voter);
      wipeIfSpare(cluster, voter);
      cluster.restart(voter, cluster.uniform(1, 20));
      cut(cluster, (from, to) => from !== index && to !== index);
    };
  },
  stop(cluster) {
    const node = victim(cluster);
    node.stopping = true;
    cluster.input(node, { kind: 'stop' });
    cluster.whileFaulty(cluster.uniform(0, 200), () => {
      cluster.crash(node);
      cluster.restart(node, durationMs(cluster));
    });
  },
  pause(cluster) {
    const node = victim(cluster);
    node.busyUntil = Math.max(node.busyUntil, cluster.now + durationMs(cluster));
  },
  isolate(cluster) {
    const { index } = victim(cluster);
    cut(cluster, (from, to) => from !== index && to !== index);
  },
  deaf(cluster) {
    const { index } = victim(cluster);
    cut(cluster, (_, to) => to !== index);
  },
  mute(cluster) {
    const { index } = victim(cluster);
    cut(cluster, (from) => from !== index);
  },
  split(cluster) {
    const side = cluster.nodes.map(() => cluster.random() < 0.5);
    cut(cluster, (from, to) => side[from] === side[to]);
  },
  hub(cluster) {
    const { index } = victim(cluster);
    cut(cluster, (from, to) => from === index || to === index);
  },
  link(cluster) {
    const a = victim(cluster).index;
    const b = cluster.pick(cluster.nodes).index;
    const bothWays = cluster.random() < 0.5;
    cut(cluster, (from, to) => !(from === a && to === b) && !(bothWays && from === b && to === a));
  },
  loss(cluster) {
    cluster.lossShare = cluster.uniform(0, 0.4);
    cluster.whileFaulty(durationMs(cluster), () => {
      cluster.lossShare = 0;
    });
  },
  double(cluster) {
    cluster.doubleShare = cluster.uniform(0, 0.5);
    cluster.whileFaulty(durationMs(cluster), () => {
      cluster.doubleShare = 0;
    });
  },
  late(cluster) {
    cluster.lateShare = cluster.uniform(0, 0.5);
    cluster.lateMsMax = cluster.uniform(0, 2 * cluster.electionTimeoutMsMax);
    cluster.whileFaulty(durationMs(cluster), () => {
      cluster.lateShare = 0;
    });
  },
  slowDisk(cluster) {
    cluster.fsyncMsMax = cluster.uniform(4, 500);
    cluster.whileFaulty(durationMs(cluster), () => {
      cluster.fsyncMsMax = 4;
    });
  },
  /** Makes leadership move (rule 7). */
  load(cluster) {
    for (const node of cluster.nodes) node.loadPercent = cluster.uniform(0, 100);
  },
  /** A hint of a lost link that may be wrong. */
  linkLost(cluster) {
    const leader = cluster.leader();
    if (leader) cluster.input(cluster.pick(cluster.nodes), { kind: 'linkLost', peer: leader.id });
  },
} satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;

/** Stops all faults for good and lets every process run. */
export function heal(cluster: SimulatedCluster): void {
  cluster.healed = true;
  cluster.onVote = undefined;
  cluster.connected = () => true;
  cluster.lossShare = 0;
  cluster.doubleShare = 0;
  cluster.lateShare = 0;
  cluster.fsyncMsMax = 4;
  for (const node of cluster.nodes) {
    node.loadPercent = 30;
    node.busyUntil = Math.min(node.busyUntil, cluster.now);
    if (node.stopping) cluster.crash(node);
    if (!node.election) cluster.start(node);
  }
}
