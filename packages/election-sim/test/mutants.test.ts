import { AppError } from '@cloud-steg/protocol';
import { describe, expect, it } from 'vitest';
import { RULES } from '../src/checker.ts';
import type { Mutant } from '../src/mutant.ts';
import { applyEdit, loadElection } from '../src/mutant-build.ts';
import { MUTANTS, PLAIN_TIMERS } from '../src/mutants.ts';
import { runScenario, type ScenarioOptions } from '../src/scenario.ts';

/** For machines that are busy with other things too. */
const TIMEOUT_MS = 300_000;
/** A mutant that survives so many runs is not noticed. */
const SEEDS_MAX = 150;

function optionsOf(seed: number, { under }: Mutant): ScenarioOptions {
  return { seed, timings: seed % 2 === 0 ? 'fast' : 'default', ...under };
}

/** The seeds up to the first whose run breaks the rule that `mutant` is said to break; all of them if none does. */
async function seedsUntilNoticed(mutant: Mutant): Promise<{ seeds: number[]; noticed: boolean }> {
  const Election = await loadElection(mutant.name, mutant.edits);
  const seeds: number[] = [];
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    seeds.push(seed);
    const { surroundings } = mutant;
    const { violation } = runScenario({ ...optionsOf(seed, mutant), Election, surroundings });
    if (violation?.rule === mutant.breaks) return { seeds, noticed: true };
  }
  return { seeds, noticed: false };
}

describe('a core with one rule removed', { timeout: TIMEOUT_MS }, () => {
  it.each(MUTANTS)(
    'is noticed, $name by $breaks, and the whole core passes the same runs',
    async (mutant) => {
      const { seeds, noticed } = await seedsUntilNoticed(mutant);
      expect(noticed, `without ${mutant.without}, nothing broke ${mutant.breaks} in ${SEEDS_MAX} runs`).toBe(
        true,
      );
      for (const seed of seeds) expect(runScenario(optionsOf(seed, mutant)).violation).toBeUndefined();
    },
  );

  it('is there for every rule of safety, for the core’s own assertions and for progress', () => {
    const broken = new Set(MUTANTS.map(({ breaks }) => breaks));
    const unbroken = Object.keys(RULES).filter((rule) => !broken.has(rule as Mutant['breaks']));
    // L0 and L3 stand by for what nobody thought of; `timeline.test.ts` shows L0 at work.
    expect(unbroken).toEqual(['L0', 'L3']);
  });

  it('bears a name of its own', () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });
});

describe('an edit', () => {
  const edit = { file: 'x.ts', find: 'b', replace: 'B' };

  it('changes the one place that it names', () => {
    expect(applyEdit('abc', edit)).toBe('aBc');
  });

  it.each(['ac', 'abcb'])('fails loudly where that is not one place: %s', (source) => {
    expect(() => applyEdit(source, edit)).toThrow(AppError);
    expect(() => applyEdit(source, edit)).toThrow('not once');
  });

  it('of a file that is not there fails too', async () => {
    await expect(loadElection('test-nowhere', [{ ...edit, file: 'nowhere.ts' }])).rejects.toThrow(
      'nowhere.ts',
    );
  });

  it('makes the core that failovers are compared with', async () => {
    expect(await loadElection('plain-timers', PLAIN_TIMERS)).toBeTypeOf('function');
  });
});
