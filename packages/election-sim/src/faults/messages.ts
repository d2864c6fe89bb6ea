/** What a network does to messages. */

import { LATENCY_MS_MAX } from '../network.ts';
import { durationMs, type Fault, inMs } from './fault.ts';

const percent = (share: number) => `${Math.round(100 * share)} %`;

export const loss: Fault = (cluster) => {
  const { network, dice } = cluster;
  const [ms, share] = [durationMs(cluster), dice.uniform(0, 0.4)];
  network.lossShare = share;
  cluster.whileFaulty(ms, () => {
    network.lossShare = 0;
  });
  return `${percent(share)}, ${inMs(ms)}`;
};

export const duplication: Fault = (cluster) => {
  const { network, dice } = cluster;
  const [ms, share] = [durationMs(cluster), dice.uniform(0, 0.5)];
  network.doubleShare = share;
  cluster.whileFaulty(ms, () => {
    network.doubleShare = 0;
  });
  return `${percent(share)}, ${inMs(ms)}`;
};

/** Some come up to 2 E_max late, and thereby out of order. */
export const delay: Fault = (cluster) => {
  const { network, dice } = cluster;
  const ms = durationMs(cluster);
  network.lateShare = dice.uniform(0, 0.5);
  network.lateMsMax = dice.uniform(0, 2 * cluster.longestMs);
  cluster.whileFaulty(ms, () => {
    network.lateShare = 0;
  });
  return `${percent(network.lateShare)} by up to ${inMs(network.lateMsMax)}, ${inMs(ms)}`;
};

/** All take longer, each differently long: nothing comes in order. */
export const reorder: Fault = (cluster) => {
  const { network, dice, timings } = cluster;
  const ms = durationMs(cluster);
  network.latencyMsMax = dice.uniform(LATENCY_MS_MAX, timings.election_timeout_min_ms / 4);
  cluster.whileFaulty(ms, () => {
    network.latencyMsMax = LATENCY_MS_MAX;
  });
  return `up to ${inMs(network.latencyMsMax)} each, ${inMs(ms)}`;
};
