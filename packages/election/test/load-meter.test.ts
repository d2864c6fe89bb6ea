import { describe, expect, it } from 'vitest';
import { LoadMeter } from '../src/load-meter.ts';

describe('the smoothed load', () => {
  it('is in the middle before the first sample, and then that sample', () => {
    const load = new LoadMeter();
    expect(load.percent).toBe(50);
    load.add(80);
    expect(load.percent).toBe(80);
  });

  it('has gone half of the way to a new load after ten samples, and three quarters after twenty', () => {
    const load = new LoadMeter();
    load.add(0);
    for (let sample = 0; sample < 10; sample++) load.add(100);
    expect(load.percent).toBeCloseTo(50);
    for (let sample = 0; sample < 10; sample++) load.add(100);
    expect(load.percent).toBeCloseTo(75);
  });

  it('stays within 0 and 100', () => {
    const load = new LoadMeter();
    load.add(1e9);
    expect(load.percent).toBe(100);
    load.add(-1e9);
    expect(load.percent).toBeCloseTo(100 * 2 ** (-1 / 10));
  });
});
