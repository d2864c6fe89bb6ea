import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Timeline } from '../src/timeline.ts';

describe('the timeline', () => {
  it('lets things happen in order of time, those of one time in the order they came', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 600 }), (delays) => {
        const timeline = new Timeline();
        const happened: { ms: number; index: number }[] = [];
        for (const [index, ms] of delays.entries()) timeline.after(ms, () => happened.push({ ms, index }));
        timeline.pass(20);
        const expected = delays
          .map((ms, index) => ({ ms, index }))
          .sort((a, b) => a.ms - b.ms || a.index - b.index);
        expect(happened).toEqual(expected);
      }),
    );
  });

  it('passes as much time as it is told to, and what is later waits', () => {
    const timeline = new Timeline();
    const seen: number[] = [];
    for (const ms of [5, 10, 15]) timeline.after(ms, () => seen.push(timeline.now));
    timeline.pass(10);
    expect(seen).toEqual([5, 10]);
    expect(timeline.now).toBe(10);
    timeline.pass(10);
    expect(seen).toEqual([5, 10, 15]);
    expect(timeline.now).toBe(20);
  });

  it('stops as soon as what is waited for holds', () => {
    const timeline = new Timeline();
    let done = false;
    timeline.after(3, () => {
      done = true;
    });
    timeline.after(4, () => expect.unreachable());
    timeline.pass(10, () => done);
    expect(timeline.now).toBe(3);
  });

  it('lets what happens cause more', () => {
    const timeline = new Timeline();
    const again = () => timeline.after(1, again);
    again();
    timeline.pass(100);
    expect(timeline.count).toBe(100);
  });

  it('gives up on a run that goes in circles', () => {
    const timeline = new Timeline();
    const again = () => timeline.after(0, again);
    again();
    expect(() => timeline.pass(1)).toThrow('and no end');
  });
});
