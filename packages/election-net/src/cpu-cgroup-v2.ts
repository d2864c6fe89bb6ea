import { ownControlGroups } from './cpu-control-group.ts';
import type { CpuCounter } from './cpu-counter.ts';
import { usableProcessors } from './cpu-proc-stat.ts';
import type { CpuSources } from './cpu-sources.ts';

const US_PER_MS = 1000;

/**
 * Each group of this process that has a limit, own or inherited. `cpu.max` reads `<quota> <period>` in microseconds,
 * the quota `max` where there is none; `usage_usec` of `cpu.stat` counts all processes of the group
 * (kernel documentation, admin-guide/cgroup-v2).
 */
export function readCgroupV2(sources: CpuSources): readonly CpuCounter[] {
  return ownControlGroups(sources, 'v2').flatMap(({ name, directory }) => {
    const limit = /^(\d+) (\d+)/.exec(sources.read(`${directory}/cpu.max`) ?? '');
    const usage = /^usage_usec (\d+)$/m.exec(sources.read(`${directory}/cpu.stat`) ?? '');
    if (!limit || !usage) return [];
    const processors = Math.min(usableProcessors(sources), Number(limit[1]) / Number(limit[2]));
    // A limit that changes begins another count.
    const source = `cgroup v2 ${name} of ${processors}`;
    return [{ source, spent: Number(usage[1]), available: sources.now() * US_PER_MS * processors }];
  });
}
