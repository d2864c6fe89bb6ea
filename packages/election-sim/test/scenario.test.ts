import { Election, type Input, type Outputs, readFrame, writeFrame } from '@cloud-steg/election';
import { describe, expect, it } from 'vitest';
import { FAULT_NAMES } from '../src/faults/faults.ts';
import { runScenario } from '../src/scenario.ts';
import { SAVED_SEEDS } from './saved-seeds.ts';

/** For machines that are busy with other things too. */
const TIMEOUT_MS = 120_000;

describe('a run', { timeout: TIMEOUT_MS }, () => {
  it('is decided by its seed alone', () => {
    for (const seed of [1, 2, 3]) {
      const runs = [1, 2].map(() => runScenario({ seed, timings: 'fast' }));
      expect(runs[0]).toEqual(runs[1]);
    }
  });

  it('is the same whether somebody reads along or not', () => {
    const lines: string[] = [];
    const run = runScenario({ seed: 5, timings: 'default', print: (line) => lines.push(line) });
    expect(run).toEqual(runScenario({ seed: 5, timings: 'default' }));
    expect(lines.length).toBeGreaterThan(100);
  });

  it('differs from that of any other seed', () => {
    const hashes = Array.from({ length: 50 }, (_, seed) => runScenario({ seed, timings: 'fast' }).hash);
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it.each(SAVED_SEEDS)('that once went wrong is fine: $timings seed $seed, $was', (saved) => {
    expect(runScenario(saved).violation).toBeUndefined();
  });

  it.each(FAULT_NAMES)('with %s alone does that and breaks no rule', (name) => {
    for (let seed = 1; seed <= 2; seed++) {
      const { violation, faults, size } = runScenario({
        seed,
        timings: 'fast',
        faults: [name],
        every: 0.5,
        size: 3,
      });
      expect({ seed, size, violation }).toEqual({ seed, size, violation: undefined });
      expect([...faults.keys()]).toEqual([name]);
    }
  });

  it.each([1, 2, 3, 4, 5, 6, 7])('of %i nodes breaks no rule', (size) => {
    for (let seed = 1; seed <= 5; seed++) {
      expect(runScenario({ seed, timings: 'fast', size }).violation).toBeUndefined();
    }
  });

  it('without faults has one term and loses nothing', () => {
    const { terms, commitsFenced, views, faults } = runScenario({ seed: 1, timings: 'default', faults: [] });
    expect({ terms, commitsFenced, views, faults: faults.size }).toEqual({
      terms: 1,
      commitsFenced: 0,
      views: 12,
      faults: 0,
    });
  });

  it('sends nothing that would not survive the wire', () => {
    let carried = 0;
    class OnTheWire extends Election {
      override step(now: number, input: Input): Outputs {
        const outputs = super.step(now, input);
        for (const { message } of outputs.send) {
          expect(readFrame(writeFrame(message))).toEqual(message);
          carried++;
        }
        return outputs;
      }
    }
    for (let seed = 1; seed <= 5; seed++) {
      const options = { seed, timings: 'fast', size: 3 } as const;
      expect(runScenario({ ...options, Election: OnTheWire }).hash).toBe(runScenario(options).hash);
    }
    expect(carried).toBeGreaterThan(1000);
  });
});
