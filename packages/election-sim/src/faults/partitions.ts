/** Ways between nodes that are closed for a while. Several such cuts may overlap. */

import type { Cluster } from '../cluster.ts';
import type { SimulatedNode } from '../simulated-node.ts';
import { durationMs, type Fault, inMs, victim } from './fault.ts';

type Open = (from: number, to: number) => boolean;

function cutFor(cluster: Cluster, ms: number, open: Open): void {
  cluster.whileFaulty(ms, cluster.network.cut(open));
}

/** Two sides, neither of which hears the other. */
export const split: Fault = (cluster) => {
  const side = cluster.nodes.map(() => cluster.dice.chance(0.5));
  const ms = durationMs(cluster);
  cutFor(cluster, ms, (from, to) => side[from] === side[to]);
  return `${side.map((left) => (left ? 'a' : 'b')).join('')}, ${inMs(ms)}`;
};

/** A fault of one node, whose index `open` is given. */
function ofOne(open: (index: number) => Open): Fault {
  return (cluster) => {
    const { index, name } = victim(cluster);
    const ms = durationMs(cluster);
    cutFor(cluster, ms, open(index));
    return `${name}, ${inMs(ms)}`;
  };
}

export const cutOff =
  (index: number): Open =>
  (from, to) =>
    from !== index && to !== index;
export const hearsNobody =
  (index: number): Open =>
  (_from, to) =>
    to !== index;
export const heardByNobody =
  (index: number): Open =>
  (from) =>
    from !== index;

export const isolate = ofOne(cutOff);
export const deaf = ofOne(hearsNobody);
export const mute = ofOne(heardByNobody);
/** All hear one node, which hears all, and nobody else. */
export const hub = ofOne((index) => (from, to) => from === index || to === index);

/** Two nodes; a cluster of one has none, and pairs that node with itself. */
function pair(cluster: Cluster): [SimulatedNode, SimulatedNode] {
  const { dice, nodes } = cluster;
  const one = victim(cluster);
  const others = nodes.filter((node) => node !== one);
  return [one, others.length > 0 ? dice.pick(others) : one];
}

/** One node does not hear one other. */
export const oneWay: Fault = (cluster) => {
  const [a, b] = pair(cluster);
  const [from, to] = cluster.dice.chance(0.5) ? [a, b] : [b, a];
  const ms = durationMs(cluster);
  cutFor(cluster, ms, (sender, receiver) => sender !== from.index || receiver !== to.index);
  return `from ${from.name} to ${to.name}, ${inMs(ms)}`;
};

/** The link between two nodes, both ways. */
export const link: Fault = (cluster) => {
  const [a, b] = pair(cluster);
  const ends = new Set([a.index, b.index]);
  const ms = durationMs(cluster);
  cutFor(cluster, ms, (from, to) => !ends.has(from) || !ends.has(to));
  return `${a.name} and ${b.name}, ${inMs(ms)}`;
};

/** Any ways at all, each by itself. */
export const links: Fault = (cluster) => {
  const share = cluster.dice.uniform(0, 0.6);
  const ms = durationMs(cluster);
  cutFor(cluster, ms, () => !cluster.dice.chance(share));
  return `${Math.round(100 * share)} % of all ways, ${inMs(ms)}`;
};

const FLAPS = 6;

/** One node is cut off and back, again and again. */
export const flapping: Fault = (cluster) => {
  const { index, name } = victim(cluster);
  const ms = cluster.dice.uniform(0.02, 0.5) * cluster.longestMs;
  for (let flap = 0; flap < FLAPS; flap++) {
    cluster.whileFaulty(2 * flap * ms, () => cutFor(cluster, ms, cutOff(index)));
  }
  return `${name}, ${FLAPS} times ${inMs(ms)}`;
};
