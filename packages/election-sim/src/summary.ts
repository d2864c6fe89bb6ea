/** What many runs together come to. */

import type { Rule } from './checker.ts';
import { FAULT_NAMES, type FaultName } from './faults/faults.ts';
import type { RunReport } from './scenario.ts';

/** Failing seeds that are told of one by one. */
const FAILURES_TOLD_MAX = 20;

export interface Failure {
  readonly seed: number;
  readonly rule: Rule;
  readonly what: string;
  readonly at: number;
}

/** Plain data: goes from thread to thread. */
export interface Summary {
  runs: number;
  events: number;
  terms: number;
  views: number;
  writes: number;
  claimsRefused: number;
  commitsFenced: number;
  lost: number;
  doubled: number;
  late: number;
  readonly faults: Partial<Record<FaultName, number>>;
  readonly recoveriesMs: number[];
  failed: number;
  /** The first of them, in order of their seeds. */
  failures: Failure[];
}

export function emptySummary(): Summary {
  return {
    runs: 0,
    events: 0,
    terms: 0,
    views: 0,
    writes: 0,
    claimsRefused: 0,
    commitsFenced: 0,
    lost: 0,
    doubled: 0,
    late: 0,
    faults: {},
    recoveriesMs: [],
    failed: 0,
    failures: [],
  };
}

export function addRun(summary: Summary, run: RunReport): void {
  const { seed, violation, recoveryMs, messages } = run;
  add(summary, {
    ...run,
    ...messages,
    runs: 1,
    faults: Object.fromEntries(run.faults),
    recoveriesMs: recoveryMs === undefined ? [] : [recoveryMs],
    failed: violation ? 1 : 0,
    failures: violation ? [{ seed, ...violation }] : [],
  });
}

/** Adds `other` to `summary`. */
export function add(summary: Summary, other: Summary): void {
  summary.runs += other.runs;
  summary.events += other.events;
  summary.terms += other.terms;
  summary.views += other.views;
  summary.writes += other.writes;
  summary.claimsRefused += other.claimsRefused;
  summary.commitsFenced += other.commitsFenced;
  summary.lost += other.lost;
  summary.doubled += other.doubled;
  summary.late += other.late;
  for (const name of FAULT_NAMES) {
    const count = other.faults[name];
    if (count !== undefined) summary.faults[name] = (summary.faults[name] ?? 0) + count;
  }
  for (const ms of other.recoveriesMs) summary.recoveriesMs.push(ms);
  summary.failed += other.failed;
  summary.failures = [...summary.failures, ...other.failures]
    .sort((a, b) => a.seed - b.seed)
    .slice(0, FAILURES_TOLD_MAX);
}

/** The value that `share` of all values don't exceed; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
