import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** Measures load between its own calls. */
export interface CpuMeter {
  /**
   * Share of the processor time that this process may use, spent by all who share it since the call before,
   * 0 to 100; `undefined` at the first call, and whenever no time has passed.
   */
  sample(): number | undefined;
}

/** Where the figures come from, so that tests can hand in recorded ones. */
export interface CpuSources {
  /** A small text file, or `undefined` if it can't be read. */
  read(path: string): string | undefined;
  /** As `os.cpus()`. */
  cpus(): readonly { readonly times: Readonly<Record<string, number>> }[];
  /** Monotonic milliseconds. */
  now(): number;
}

/** Time spent and time available up to now, in any one unit; both only grow. */
interface Counters {
  readonly source: string;
  readonly busy: number;
  readonly total: number;
}

const machine: CpuSources = {
  read(path) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
  },
  cpus,
  now: () => performance.now(),
};

/** Reads the control group's limit where there is one (cgroup v2), else `/proc/stat`, else `os.cpus()`. */
export function systemCpuMeter(sources: CpuSources = machine): CpuMeter {
  let before: Counters | undefined;
  return {
    sample() {
      const now = readControlGroup(sources) ?? readProcStat(sources) ?? readCpus(sources);
      const start = before;
      before = now;
      if (start?.source !== now.source || now.total <= start.total) return undefined;
      const share = (now.busy - start.busy) / (now.total - start.total);
      return Math.min(100, Math.max(0, 100 * share));
    },
  };
}

/** `cpu.max` reads `<quota> <period>` in microseconds, the quota `max` where there is no limit. */
function readControlGroup(sources: CpuSources): Counters | undefined {
  const limit = /^(\d+) (\d+)/.exec(sources.read('/sys/fs/cgroup/cpu.max') ?? '');
  const usage = /^usage_usec (\d+)$/m.exec(sources.read('/sys/fs/cgroup/cpu.stat') ?? '');
  if (!limit || !usage) return undefined;
  const processors = Number(limit[1]) / Number(limit[2]);
  return { source: 'cgroup', busy: Number(usage[1]), total: sources.now() * 1000 * processors };
}

/** The first line: user, nice, system, idle, iowait, irq, softirq, steal in clock ticks (proc_stat(5)). */
function readProcStat(sources: CpuSources): Counters | undefined {
  const line = /^cpu +(.+)$/m.exec(sources.read('/proc/stat') ?? '')?.[1];
  if (line === undefined) return undefined;
  const ticks = line.split(' ', 8).map(Number);
  const total = ticks.reduce((sum, count) => sum + count, 0);
  const [, , , idle = 0, ioWait = 0] = ticks;
  return { source: 'proc', busy: total - idle - ioWait, total };
}

function readCpus(sources: CpuSources): Counters {
  let busy = 0;
  let total = 0;
  for (const { times } of sources.cpus()) {
    const sum = Object.values(times).reduce((a, b) => a + b, 0);
    total += sum;
    busy += sum - (times['idle'] ?? 0);
  }
  return { source: 'os', busy, total };
}
