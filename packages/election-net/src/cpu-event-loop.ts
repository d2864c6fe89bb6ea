import { createHistogram } from 'node:perf_hooks';
import type { Clock } from './clock.ts';

/** How late this process gets round to what is due. */
export interface EventLoopWatch {
  /** The 99th percentile over the time since the call before, milliseconds; 0 while nothing is known. */
  takeDelayMs(): number;
  close(): void;
}

const TICK_MS = 10;
const US_PER_MS = 1000;

/**
 * Measures the delays itself and leaves only the counting to Node: after each `reset`, `monitorEventLoopDelay` misses
 * what happens before its next tick, which is a fifth of the time where load is sampled every 50 ms.
 */
export function watchEventLoop(clock: Clock): EventLoopWatch {
  const delaysUs = createHistogram();
  let cancel = tickFrom(clock.now());
  function tickFrom(now: number): () => void {
    const due = now + TICK_MS;
    return clock.after(TICK_MS, () => {
      // A histogram takes whole numbers from 1.
      delaysUs.record(Math.max(1, Math.round((clock.now() - due) * US_PER_MS)));
      cancel = tickFrom(clock.now());
    });
  }
  return {
    takeDelayMs() {
      if (delaysUs.count === 0) return 0;
      const delayMs = delaysUs.percentile(99) / US_PER_MS;
      delaysUs.reset();
      return delayMs;
    },
    close: () => cancel(),
  };
}
