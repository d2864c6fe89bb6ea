import { describe, expect, it } from 'vitest';
import { FAST_TIMINGS, type Mutant } from './simulation/cluster.ts';
import type { FaultName } from './simulation/faults.ts';
import { runScenario } from './simulation/run.ts';

const replayed = process.env['ELECTION_SEED'];
const seeds =
  replayed === undefined ? Array.from({ length: 300 }, (_, index) => index + 1) : [Number(replayed)];
const replay = (seed: number) =>
  `ELECTION_SEED=${seed} npx vitest run --project unit packages/election/test/simulation.test.ts`;

/** The first of a few hundred seeds whose run breaks a rule, and how. */
function firstViolation(
  mutant: Mutant,
  faults: FaultName[],
  size: number,
  every: number,
): string | undefined {
  for (let seed = 1; seed <= 300; seed++) {
    const [violation] = runScenario({ seed, mutant, faults, size, every }).violations;
    if (violation !== undefined) return violation;
  }
  return undefined;
}

describe('simulated clusters', () => {
  it('never break a rule, and recover from everything', () => {
    const failures: unknown[] = [];
    let terms = 0;
    for (const seed of seeds) {
      const report = runScenario({ seed });
      terms += report.terms;
      const recovered = report.healedMs <= 2 * FAST_TIMINGS.election_timeout_max_ms && report.undisturbed;
      if (report.violations.length > 0 || !recovered) failures.push({ ...report, replay: replay(seed) });
    }
    expect(failures).toEqual([]);
    // A quiet run would prove nothing.
    expect(terms).toBeGreaterThan(3 * seeds.length);
  });

  // Each rule taken away in turn must be missed, or the checks above see nothing.
  it.each<[Mutant, string, FaultName[], number, number]>([
    ['no persistence', 'I4', ['ambush', 'stop'], 3, 0.5],
    ['no quarantine', 'I4', ['ambush', 'stop'], 3, 0.5],
    ['no promise', 'I2', ['link', 'deaf', 'isolate'], 3, 0.5],
    ['no boot wait', 'I2', ['bounce', 'link', 'isolate'], 3, 0.05],
    ['bad clocks', 'I2', ['link', 'deaf', 'isolate', 'late'], 3, 0.5],
  ])('with %s break %s', (mutant, invariant, faults, size, every) => {
    expect(firstViolation(mutant, faults, size, every)).toContain(invariant);
  });
});
