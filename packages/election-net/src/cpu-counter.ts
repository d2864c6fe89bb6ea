/** What one source has counted up to now: time spent and time available, in any one unit. Both only grow. */
export interface CpuCounter {
  /** Names the source down to the control group: only counts of the same source can be compared. */
  readonly source: string;
  readonly spent: number;
  readonly available: number;
}

/**
 * The share of the time between two counts that was spent, 0 to 1. `undefined` where that can't be told: another
 * source, no time between them, or a count that went backwards, as after a container was moved or thawed.
 */
export function shareSpent(before: CpuCounter | undefined, now: CpuCounter | undefined): number | undefined {
  if (before === undefined || before.source !== now?.source) return undefined;
  const spent = now.spent - before.spent;
  const available = now.available - before.available;
  // Written so that a count which is no number fails it.
  if (!(spent >= 0 && available > 0)) return undefined;
  return Math.min(1, spent / available);
}
