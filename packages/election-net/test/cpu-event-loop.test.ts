import { describe, expect, it } from 'vitest';
import { type EventLoopWatch, watchEventLoop } from '../src/cpu-event-loop.ts';
import { systemClock } from '../src/index.ts';
import { eventually } from './cluster.ts';

/** A clock with one timer at a time, run as late as the test says. */
class LateClock {
  #now = 0;
  #due = Number.POSITIVE_INFINITY;
  #run = (): void => {};

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    this.#due = this.#now + ms;
    this.#run = run;
    return () => {
      this.#due = Number.POSITIVE_INFINITY;
    };
  }

  get idle(): boolean {
    return this.#due === Number.POSITIVE_INFINITY;
  }

  /** Runs what is due next, this late. */
  runLate(ms: number): void {
    this.#now = this.#due + ms;
    this.#run();
  }
}

function watched(): { clock: LateClock; watch: EventLoopWatch } {
  const clock = new LateClock();
  return { clock, watch: watchEventLoop(clock) };
}

describe('the watch over the event loop', () => {
  it('knows of no delay at first', () => {
    expect(watched().watch.takeDelayMs()).toBe(0);
  });

  it('tells the longest of a few delays, and then forgets it', () => {
    const { clock, watch } = watched();
    for (const ms of [1, 600, 2]) clock.runLate(ms);
    expect(watch.takeDelayMs()).toBeCloseTo(600, -1);
    clock.runLate(3);
    expect(watch.takeDelayMs()).toBeCloseTo(3);
    expect(watch.takeDelayMs()).toBe(0);
  });

  it('misses no delay that begins right after a call', () => {
    const { clock, watch } = watched();
    for (let call = 0; call < 3; call++) {
      watch.takeDelayMs();
      clock.runLate(600);
      expect(watch.takeDelayMs()).toBeCloseTo(600, -1);
    }
  });

  it('lets one delay among two hundred pass', () => {
    const { clock, watch } = watched();
    for (let tick = 0; tick < 200; tick++) clock.runLate(tick === 7 ? 600 : 2);
    expect(watch.takeDelayMs()).toBeCloseTo(2);
  });

  it('ends when told to', () => {
    const { clock, watch } = watched();
    clock.runLate(0);
    watch.close();
    expect(clock.idle).toBe(true);
  });

  it('sees this very process blocked', async () => {
    const watch = watchEventLoop(systemClock);
    const end = performance.now() + 100;
    while (performance.now() < end);
    const delayMs = await eventually('a delay', () => watch.takeDelayMs() || undefined);
    watch.close();
    expect(delayMs).toBeGreaterThan(50);
  });
});
