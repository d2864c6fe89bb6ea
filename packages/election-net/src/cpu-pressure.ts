import { ownControlGroups } from './cpu-control-group.ts';
import type { CpuCounter } from './cpu-counter.ts';
import type { CpuSources } from './cpu-sources.ts';

const US_PER_MS = 1000;

/**
 * Pressure stall information (kernel documentation, accounting/psi): for how long some process could have run but
 * had no processor, in this process's own group or else in the whole machine. Groups tell it in version 2 only,
 * which may be mounted beside version 1. The running total, not its mean over ten seconds: that is smooth already,
 * and late.
 */
export function readPressure(sources: CpuSources): CpuCounter | undefined {
  const [own] = ownControlGroups(sources, 'v2');
  const paths = [...(own === undefined ? [] : [`${own.directory}/cpu.pressure`]), '/proc/pressure/cpu'];
  for (const path of paths) {
    const total = /^some .*\btotal=(\d+)$/m.exec(sources.read(path) ?? '')?.[1];
    if (total === undefined) continue;
    return { source: path, spent: Number(total), available: sources.now() * US_PER_MS };
  }
  return undefined;
}
