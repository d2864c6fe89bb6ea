import type { CpuCounter } from './cpu-counter.ts';
import type { CpuSources } from './cpu-sources.ts';

/**
 * The processors that this process may run on, by its affinity or cpuset; else all of them. Each line counts user,
 * nice, system, idle, iowait, irq, softirq, steal in clock ticks, then guests, which user and nice hold already
 * (proc_stat(5)). Waiting for disks is idleness, being passed over by the hypervisor is not.
 */
export function readProcStat(sources: CpuSources): CpuCounter | undefined {
  const lines = [...(sources.read('/proc/stat') ?? '').matchAll(/^cpu(\d*) +(.+)$/gm)];
  const allowed = allowedProcessors(sources);
  const own = lines.filter(([, number]) => number !== '' && allowed?.has(Number(number)));
  const whole = lines.filter(([, number]) => number === '');
  const [counted, source] =
    own.length > 0
      ? [own, `/proc/stat ${own.map(([, number]) => number).join()}`]
      : [whole.slice(0, 1), '/proc/stat'];
  if (counted.length === 0) return undefined;
  let spent = 0;
  let available = 0;
  for (const [, , ticks = ''] of counted) {
    const counts = ticks.split(' ', 8).map(Number);
    const [, , , idle = 0, ioWait = 0] = counts;
    const sum = counts.reduce((a, b) => a + b, 0);
    available += sum;
    spent += sum - idle - ioWait;
  }
  return { source, spent, available };
}

/**
 * How many processors this process may run on; infinite where that can't be told. Those allowed may include some
 * that are not there, and those there some that are not allowed.
 */
export function usableProcessors(sources: CpuSources): number {
  const allowed = allowedProcessors(sources);
  const present = [...(sources.read('/proc/stat') ?? '').matchAll(/^cpu(\d+) /gm)].map(([, n]) => Number(n));
  const usable = allowed === undefined ? present : present.filter((number) => allowed.has(number));
  return usable.length || Number.POSITIVE_INFINITY;
}

/** From a list such as `0-3,8`. */
function allowedProcessors(sources: CpuSources): Processors | undefined {
  const list = /^Cpus_allowed_list:\s*([\d,-]+)$/m.exec(sources.read('/proc/self/status') ?? '')?.[1];
  if (list === undefined) return undefined;
  const ranges = list.split(',').map((range) => range.split('-').map(Number));
  return { has: (number) => ranges.some(([from = 0, to = from]) => from <= number && number <= to) };
}

interface Processors {
  has(number: number): boolean;
}
