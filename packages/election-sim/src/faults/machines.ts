/** Disks, clocks, processors, and the store. */

import type { Cluster } from '../cluster.ts';
import { CALL_MS_MAX } from '../fenced-store.ts';
import { randomRate, type SimulatedNode } from '../simulated-node.ts';
import { FSYNC_MS_MAX } from '../world.ts';
import { durationMs, type Fault, inMs, restartAfter, victim } from './fault.ts';
import { cutOff } from './partitions.ts';
import { crashFor, downMs } from './processes.ts';

export const slowDisk: Fault = (cluster) => {
  const ms = durationMs(cluster);
  cluster.fsyncMsMax = cluster.dice.uniform(FSYNC_MS_MAX, cluster.longestMs / 5);
  cluster.whileFaulty(ms, () => {
    cluster.fsyncMsMax = FSYNC_MS_MAX;
  });
  return `up to ${inMs(cluster.fsyncMsMax)} a write, ${inMs(ms)}`;
};

/** The next node to write dies in the middle of it, and the old state or the new one is left. */
export const tornWrite: Fault = (cluster) => {
  cluster.trap = (moment) => {
    if (moment.kind !== 'writes') return;
    cluster.trap = undefined;
    const node = cluster.nodes[moment.node];
    const { process } = node ?? {};
    cluster.whileFaulty(cluster.dice.uniform(0, moment.ms), () => {
      if (!node || node.process !== process) return;
      node.crash();
      restartAfter(cluster, downMs(cluster), node);
    });
  };
  return 'the next';
};

/** A disk is lost. */
export const wipe: Fault = (cluster) => {
  const [node, ms] = [victim(cluster), downMs(cluster)];
  node.crash();
  const wiped = wipeIfSpare(cluster, node);
  restartAfter(cluster, ms, node);
  return `${node.name}${wiped ? '' : ' (crash only)'}, down for ${inMs(ms)}`;
};

/**
 * The next voter dies when its vote has arrived, perhaps with its disk, and comes back at once, while the one it
 * voted for is cut off from the others or dies too.
 */
export const killVoter: Fault = (cluster) => {
  cluster.trap = (moment) => {
    if (moment.kind !== 'voted') return;
    cluster.trap = undefined;
    const voter = cluster.nodes[moment.voter];
    cluster.whileFaulty(0, () => {
      if (!voter) return;
      voter.crash();
      if (cluster.dice.chance(0.5)) wipeIfSpare(cluster, voter);
      restartAfter(cluster, cluster.dice.uniform(1, 20), voter);
      const candidate = cluster.nodes[moment.candidate];
      if (candidate && cluster.dice.chance(0.5)) crashFor(cluster, durationMs(cluster), candidate);
      else cluster.whileFaulty(durationMs(cluster), cluster.network.cut(cutOff(moment.candidate)));
    });
  };
  return 'the next';
};

/** No more disks are lost at a time than nodes may be, and none before the first term was claimed (rule 9). */
function wipeIfSpare(cluster: Cluster, node: SimulatedNode): boolean {
  if (node.process || cluster.store.term === 0) return false;
  const lost = cluster.nodes.filter((other) => other !== node && other.disk.state?.recovering !== false);
  const spare = lost.length < Math.floor((cluster.nodes.length - 1) / 2);
  if (spare) node.wipe();
  return spare;
}

/** A clock's speed changes, within what rule 4 allows for. */
export const clockRate: Fault = (cluster) => {
  const node = victim(cluster);
  const rate = randomRate(cluster.dice);
  node.changeClockRate(rate);
  return `${node.name} to ${rate.toFixed(4)}`;
};

/** Other work comes and goes, so that another node should lead (rule 7). */
export const loadShift: Fault = (cluster) => {
  for (const node of cluster.nodes) node.load.percent = cluster.dice.uniform(0, 100);
  return `to ${cluster.nodes.map(({ load }) => load.percent.toFixed(0)).join(', ')}`;
};

/** The leader's machine is overloaded and the others idle: a handover is forced, once loads are smoothed. */
export const hog: Fault = (cluster) => {
  const node = cluster.leader() ?? cluster.dice.pick(cluster.nodes);
  for (const other of cluster.nodes) other.load.percent = other === node ? 100 : cluster.dice.uniform(0, 20);
  const ms = durationMs(cluster);
  for (let at = 0; at < ms; at += cluster.timings.heartbeat_interval_ms) {
    cluster.whileFaulty(at, () => {
      node.process?.thread.pause(cluster.dice.uniform(0, cluster.timings.heartbeat_interval_ms / 2));
    });
  }
  return `${node.name}, ${inMs(ms)}`;
};

export const leadingCost: Fault = (cluster) => {
  cluster.leadingCostPoints = cluster.dice.uniform(0, 40);
  return `${cluster.leadingCostPoints.toFixed(0)} points`;
};

/** A link is taken for lost though it is not. */
export const falseHint: Fault = (cluster) => {
  const [node, peer] = [cluster.dice.pick(cluster.nodes), victim(cluster)];
  if (node !== peer) cluster.tell(node, { kind: 'linkLost', peer: peer.config.thisNode });
  return `${node.name} about ${peer.name}`;
};

export const slowStore: Fault = (cluster) => {
  const ms = durationMs(cluster);
  cluster.store.callMsMax = cluster.dice.uniform(CALL_MS_MAX, cluster.longestMs / 8);
  cluster.whileFaulty(ms, () => {
    cluster.store.callMsMax = CALL_MS_MAX;
  });
  return `up to ${inMs(cluster.store.callMsMax)} a call, ${inMs(ms)}`;
};

/** Claims get no answer, whether they got there or not. */
export const lostClaims: Fault = (cluster) => {
  const ms = durationMs(cluster);
  cluster.store.unreachable = true;
  cluster.whileFaulty(ms, () => {
    cluster.store.unreachable = false;
  });
  return inMs(ms);
};
