import { readCgroupV1 } from './cpu-cgroup-v1.ts';
import { readCgroupV2 } from './cpu-cgroup-v2.ts';
import { type CpuCounter, shareSpent } from './cpu-counter.ts';
import { readNodeCpus } from './cpu-node.ts';
import { readPressure } from './cpu-pressure.ts';
import { readProcStat } from './cpu-proc-stat.ts';
import { type CpuSources, machineSources } from './cpu-sources.ts';

/** Measures load between its own calls. */
export interface CpuMeter {
  /**
   * How little this node could take on, 0 to 100, over the time since the call before or a little longer.
   * `undefined` where that can't be told, as at the first call.
   */
  sample(): number | undefined;
}

export interface SystemCpuMeter extends CpuMeter {
  /** Ends the watch over the event loop. */
  close(): void;
}

/** Whoever gets round to things this much of a heartbeat late will soon be missed. */
const LATE_HEARTBEATS = 1 / 2;
/**
 * A share is measured over this long at least. A limit is a quota in each period, mostly of 100 ms: within less, a
 * group which has used all of it up looks busy beyond measure first and then idle. Ticks are coarse, too.
 */
const SPAN_MS_MIN = 100;

interface Reading {
  readonly atMs: number;
  readonly busy: readonly CpuCounter[];
  readonly pressure: CpuCounter | undefined;
}

/**
 * The load of this process's surroundings, from three figures:
 *
 * - *busy*: the share of the processor time it may use that was used, by whomever it shares it with. The first
 *   of these that is known: the limits of its control group (version 2, then 1), `/proc/stat`, `os.cpus()`. Of
 *   several limits, one inside another, the one nearest to being used up counts.
 * - *waiting*: the share of time in which somebody waited for a processor (pressure stall information).
 * - how late the *event loop* runs.
 *
 * The load is `busy + waiting * (1 - busy)`: never below busy, the same where pressure is not known, never above
 * 100, and of two nodes equally busy the one whose processes wait is the more loaded. Waiting also tells of
 * neighbours outside the group, who take processors away without being counted as busy. An event loop whose 99th
 * percentile is late by half a heartbeat counts as load 100 whatever the rest says: it would fail as a leader's.
 */
export function systemCpuMeter(heartbeatIntervalMs: number, sources = machineSources()): SystemCpuMeter {
  let readings: Reading[] = [];
  return {
    sample() {
      const now = read(sources);
      const late = sources.eventLoop.takeDelayMs() > heartbeatIntervalMs * LATE_HEARTBEATS;
      // The latest that is old enough, or the oldest there is.
      const old = readings.findLastIndex(({ atMs }) => atMs <= now.atMs - SPAN_MS_MIN);
      const before = readings[old];
      const load = before && loadBetween(before, now);
      if (before && load === undefined) readings = [];
      readings = [...readings.slice(Math.max(0, old)), now];
      return late ? 100 : load;
    },
    close: () => sources.eventLoop.close(),
  };
}

function read(sources: CpuSources): Reading {
  return { atMs: sources.now(), busy: readBusy(sources), pressure: readPressure(sources) };
}

function readBusy(sources: CpuSources): readonly CpuCounter[] {
  for (const readGroups of [readCgroupV2, readCgroupV1]) {
    const groups = readGroups(sources);
    if (groups.length > 0) return groups;
  }
  return [readProcStat(sources) ?? readNodeCpus(sources)];
}

function loadBetween(before: Reading, now: Reading): number | undefined {
  if (before.busy.length !== now.busy.length) return undefined;
  let busy = 0;
  for (const [index, counter] of now.busy.entries()) {
    const share = shareSpent(before.busy[index], counter);
    if (share === undefined) return undefined;
    busy = Math.max(busy, share);
  }
  const pressureKnown = before.pressure !== undefined || now.pressure !== undefined;
  const waiting = pressureKnown ? shareSpent(before.pressure, now.pressure) : 0;
  if (waiting === undefined) return undefined;
  return 100 * (busy + waiting * (1 - busy));
}
