import { describe, expect, it } from 'vitest';
import { Random } from '../src/random.ts';

const draw = (random: Random, count = 1000) => Array.from({ length: count }, () => random.next());

describe('dice', () => {
  it('repeat themselves for the same seed and stream, and for no other', () => {
    expect(draw(new Random(7, 'network'))).toEqual(draw(new Random(7, 'network')));
    expect(draw(new Random(7, 'network'))).not.toEqual(draw(new Random(8, 'network')));
    expect(draw(new Random(7, 'network'))).not.toEqual(draw(new Random(7, 'faults')));
    expect(draw(new Random(7, 'network'))).not.toEqual(draw(new Random(7 + 2 ** 32, 'network')));
  });

  it('are uniform in [0, 1)', () => {
    const drawn = draw(new Random(1, 'x'), 10_000);
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...drawn)).toBeLessThan(1);
    for (let tenth = 0; tenth < 10; tenth++) {
      const share = drawn.filter((value) => Math.floor(value * 10) === tenth).length / drawn.length;
      expect(share).toBeGreaterThan(0.08);
      expect(share).toBeLessThan(0.12);
    }
  });

  it('pick only from what there is', () => {
    const random = new Random(1, 'x');
    expect(new Set(Array.from({ length: 100 }, () => random.pick(['a', 'b'])))).toEqual(new Set(['a', 'b']));
    expect(() => random.pick([])).toThrow('nothing to pick from');
  });
});
