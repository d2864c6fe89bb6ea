import { expect } from 'vitest';
import { replayCommand } from '../src/report.ts';
import { runScenario } from '../src/scenario.ts';
import { addRun, emptySummary, type Summary } from '../src/summary.ts';
import type { TimingsName } from '../src/timings.ts';

/** Runs `count` seeds and expects that none breaks a rule; if one does, the failure names the command that shows it. */
export function expectNoViolation(timings: TimingsName, from: number, count: number): Summary {
  const summary = emptySummary();
  for (let seed = from; seed < from + count; seed++) addRun(summary, runScenario({ seed, timings }));
  const choice = { timings, mutant: undefined, size: undefined, faults: undefined, every: undefined };
  const failures = summary.failures.map(({ seed, rule, what }) => {
    return `${rule}: ${what}; replay: ${replayCommand(seed, choice)}`;
  });
  expect(failures).toEqual([]);
  return summary;
}
