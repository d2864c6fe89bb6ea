/** How long to wait before standing: the idler, the sooner (rule 2). */

import { compareLoad, type Load } from './load-meter.ts';
import type { Machine } from './machine.ts';

const GRACE_MS_MIN = 10;
const GRACE_MS_MAX = 50;
const JITTER_MS_MIN = 10;
/** Where the leader is known to be gone, each rank leaves the idler ones this much time to be elected. */
const SUCCESSION_SLOT_MS = 25;

/** Each rank waits one slot longer than the one before. */
function slotMs(m: Machine): number {
  const { electionTimeoutMsMin, electionTimeoutMsMax } = m.config.timings;
  return (electionTimeoutMsMax - electionTimeoutMsMin) / m.config.members.length;
}

/** Random and small: keeps nodes of equal rank apart. */
export function jitterMs(m: Machine): number {
  const most = Math.max(JITTER_MS_MIN, m.config.timings.electionTimeoutMsMin / 40);
  return m.random() * Math.min(slotMs(m) / 2, most);
}

/**
 * This node's wait above the shortest election timeout, by its rank among the loads that the leader last
 * shared; the leader itself, whose end is what is being waited for, does not count. Before any leader, the
 * own load decides.
 */
export function rankDelayMs(m: Machine): number {
  return rank(m) * slotMs(m) + jitterMs(m);
}

/** The wait of this node's rank where nothing has to be waited for but idler nodes. */
export function successionDelayMs(m: Machine): number {
  return rank(m) * Math.min(SUCCESSION_SLOT_MS, slotMs(m) / 2);
}

/** How many of the others are likely to be idler than this node; the leader does not count. */
function rank(m: Machine): number {
  const { thisNode, members } = m.config;
  if (m.sharedLoads.length === 0) return ((members.length - 1) * m.load.percent) / 100;
  const own: Load = m.sharedLoads.find(({ id }) => id === thisNode) ?? {
    id: thisNode,
    cpuPercent: m.load.percent,
  };
  const idler = m.sharedLoads.filter((load) => load.id !== m.leader && compareLoad(load, own) < 0);
  return idler.length;
}

/** When to poll after hearing now from somebody whom others follow, or might follow soon. */
export function patienceEndsAt(m: Machine, now: number): number {
  return now + m.config.timings.electionTimeoutMsMin + rankDelayMs(m);
}

/** How long a poll that already has its majority waits for idler nodes to answer. */
export function graceMs(m: Machine): number {
  return Math.max(GRACE_MS_MIN, Math.min(GRACE_MS_MAX, m.config.timings.netTimeoutMs / 20));
}

/** The pause after a failed attempt, random so that two candidates don't fail in step. */
export function retryMs(m: Machine): number {
  return m.config.timings.electionRetryMs * m.random();
}
