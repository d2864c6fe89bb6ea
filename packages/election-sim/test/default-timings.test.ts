import { describe, expect, it } from 'vitest';
import { FAULT_NAMES } from '../src/faults/faults.ts';
import { expectNoViolation } from './many-seeds.ts';

const RUNS = 1000;

/** For machines that are busy with other things too. */
const TIMEOUT_MS = 300_000;

describe('clusters with the default timings', () => {
  it('break no rule in a thousand runs and recover from everything', { timeout: TIMEOUT_MS }, () => {
    const summary = expectNoViolation('default', 1, RUNS);
    expect(summary.recoveriesMs).toHaveLength(RUNS);
    // Quiet runs would prove nothing.
    expect(summary.terms).toBeGreaterThan(4 * RUNS);
    expect(summary.commitsFenced).toBeGreaterThan(RUNS / 10);
    expect(summary.views).toBe(12 * RUNS);
    const seldom = FAULT_NAMES.filter((name) => (summary.faults[name] ?? 0) < RUNS / 5);
    expect(seldom).toEqual([]);
    const { lost, doubled, late } = summary;
    expect(Math.min(lost, doubled, late)).toBeGreaterThan(RUNS);
  });

  it('break none in runs that were never run before', { timeout: TIMEOUT_MS }, () => {
    const from = Math.floor(Date.now() / 1000) % 500_000_000;
    expect(expectNoViolation('default', from, 50).runs).toBe(50);
  });
});
