import { ownControlGroups } from './cpu-control-group.ts';
import type { CpuCounter } from './cpu-counter.ts';
import { usableProcessors } from './cpu-proc-stat.ts';
import type { CpuSources } from './cpu-sources.ts';

const NS_PER_MS = 1e6;

/**
 * Each group of this process that has a limit, own or inherited: `cpu.cfs_quota_us` in each `cpu.cfs_period_us`, -1
 * where there is none. What the group used is told in nanoseconds by another controller, `cpuacct.usage`, which may
 * be mounted elsewhere and know other groups (kernel documentation, scheduler/sched-bwc and cgroup-v1/cpuacct).
 */
export function readCgroupV1(sources: CpuSources): readonly CpuCounter[] {
  const accounts = ownControlGroups(sources, 'cpuacct');
  return ownControlGroups(sources, 'cpu').flatMap(({ name, directory }) => {
    const account = accounts.find((group) => group.name === name);
    const quota = countIn(sources, `${directory}/cpu.cfs_quota_us`);
    const period = countIn(sources, `${directory}/cpu.cfs_period_us`);
    const spent = account && countIn(sources, `${account.directory}/cpuacct.usage`);
    if (quota === undefined || period === undefined || spent === undefined) return [];
    const processors = Math.min(usableProcessors(sources), quota / period);
    // A limit that changes begins another count.
    const source = `cgroup v1 ${name} of ${processors}`;
    return [{ source, spent, available: sources.now() * NS_PER_MS * processors }];
  });
}

/** `undefined` for anything but a count, such as -1. */
function countIn(sources: CpuSources, path: string): number | undefined {
  const text = /^(\d+)\s*$/.exec(sources.read(path) ?? '')?.[1];
  return text === undefined ? undefined : Number(text);
}
