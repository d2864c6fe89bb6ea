import type { CpuCounter } from './cpu-counter.ts';
import type { CpuSources } from './cpu-sources.ts';

/** What Node tells of all processors, in milliseconds: the one source that there is on every system. */
export function readNodeCpus(sources: CpuSources): CpuCounter {
  let spent = 0;
  let available = 0;
  for (const { times } of sources.cpus()) {
    const sum = Object.values(times).reduce((a, b) => a + b, 0);
    available += sum;
    spent += sum - (times['idle'] ?? 0);
  }
  return { source: 'os.cpus()', spent, available };
}
