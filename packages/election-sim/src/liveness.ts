/**
 * After the faults: demand progress. As in TigerBeetle's VOPR, a core of the cluster is healed for good; the nodes
 * outside it, too few to matter, may keep one fault each. That must keep nobody from leading, nor disturb who does.
 */

import { hold } from './checker.ts';
import type { Client } from './client.ts';
import type { Cluster } from './cluster.ts';
import { victim } from './faults/fault.ts';
import { cutOff, heardByNobody, hearsNobody } from './faults/partitions.ts';
import type { SimulatedNode } from './simulated-node.ts';

/** Share of runs in which nodes outside the core keep a fault. */
const LASTING_FAULT_SHARE = 0.5;
/** The core is idler, but not by so much that a leader outside it hands over (rule 7). */
const CORE_LOAD_PERCENT = 30;
const OUTSIDE_LOAD_PERCENT = 38;

type LastingFault = (cluster: Cluster, node: SimulatedNode) => void;

const LASTING_FAULTS: Record<string, LastingFault> = {
  down: (_cluster, node) => node.crash(),
  'cut off': (cluster, { index }) => cluster.network.cut(cutOff(index)),
  deaf: (cluster, { index }) => cluster.network.cut(hearsNobody(index)),
  mute: (cluster, { index }) => cluster.network.cut(heardByNobody(index)),
  'deaf to one': (cluster, { index }) => {
    const other = cluster.dice.pick(cluster.nodes).index;
    cluster.network.cut((from, to) => from !== other || to !== index);
  },
  flapping: (cluster, { index }) => flap(cluster, index),
};

/** In longest election timeouts: long enough away to lose patience, then back for a moment, again and again. */
const AWAY_TIMEOUTS = 1.2;
const BACK_TIMEOUTS = 0.3;

function flap(cluster: Cluster, index: number): void {
  const restore = cluster.network.cut(cutOff(index));
  cluster.timeline.after(AWAY_TIMEOUTS * cluster.longestMs, () => {
    restore();
    cluster.timeline.after(BACK_TIMEOUTS * cluster.longestMs, () => flap(cluster, index));
  });
}

/** Ends all faults but the lasting ones. */
export function heal(cluster: Cluster): void {
  const { dice, nodes, journal } = cluster;
  cluster.calm();
  const outside = nodesOutside(cluster);
  for (const node of nodes) {
    node.load.percent = outside.has(node) ? OUTSIDE_LOAD_PERCENT : CORE_LOAD_PERCENT;
    if (node.process?.stopping) node.crash();
    node.process?.resume();
    if (!node.process) cluster.start(node);
    if (!outside.has(node)) continue;
    const name = dice.pick(Object.keys(LASTING_FAULTS));
    journal.note(cluster.now, '**', () => `${node.name} stays ${name}`);
    LASTING_FAULTS[name]?.(cluster, node);
  }
}

/** A node that lost its disk needs all the others (rule 9), so that none may stay outside then. */
function nodesOutside(cluster: Cluster): Set<SimulatedNode> {
  const { dice, nodes } = cluster;
  const diskLost = nodes.some((node) => node.disk.state?.recovering !== false);
  const spare = Math.floor((nodes.length - 1) / 2);
  const outside = new Set<SimulatedNode>();
  if (diskLost || !dice.chance(LASTING_FAULT_SHARE)) return outside;
  while (outside.size < spare) outside.add(victim(cluster));
  return outside;
}

/** From the demand for a leader to that for peace, and how long peace has to last, in longest election timeouts. */
const SETTLE_TIMEOUTS = 1.2;
const UNDISTURBED_TIMEOUTS = 2;

/** Demands L1 to L3. Returns for how long nobody served after `heal`, milliseconds. */
export function demandProgress(cluster: Cluster, clients: readonly Client[]): number {
  const { longestMs, timeline, timings } = cluster;
  for (const { options } of clients) options.pauseMs = 0;
  const recoveryMs = passCountingGaps(cluster, 2 * longestMs);
  // A planned handover may be under way.
  timeline.pass(timings.net_timeout_ms, () => cluster.server() !== undefined);
  hold('L1', cluster.server() !== undefined, () => {
    return `nobody serves ${(2 * longestMs).toFixed(0)} ms after all was healed`;
  });

  // A node that flaps and is ahead in terms, from before, has been back once more and may have caused one election.
  timeline.pass(SETTLE_TIMEOUTS * longestMs);
  const term = cluster.server()?.process?.term;
  timeline.pass(UNDISTURBED_TIMEOUTS * longestMs);
  const later = cluster.server()?.process?.term;
  hold('L2', term !== undefined && term === later, () => {
    return `term ${term ?? 'of nobody'} gave way to ${later ?? 'nobody'} without a fault`;
  });
  const waiting = clients.filter(({ done }) => !done);
  hold('L3', waiting.length === 0, () => `${waiting.length} clients still wait`);
  const shown = clients.reduce((sum, client) => sum + client.shown.size, 0);
  hold('V3', shown === cluster.store.used, () => `${cluster.store.used} views were counted, ${shown} shown`);
  return recoveryMs;
}

/** Lets `ms` pass, and returns for how much of that nobody served. */
function passCountingGaps(cluster: Cluster, ms: number): number {
  const { timeline } = cluster;
  let gapsMs = 0;
  let lookedAt = timeline.now;
  let served = cluster.server() !== undefined;
  const look = () => {
    if (!served) gapsMs += timeline.now - lookedAt;
    lookedAt = timeline.now;
    served = cluster.server() !== undefined;
    return false;
  };
  timeline.pass(ms, look);
  look();
  return gapsMs;
}
