import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { systemClock } from './clock.ts';
import { type EventLoopWatch, watchEventLoop } from './cpu-event-loop.ts';

/** Where the figures come from, so that tests can hand in recorded ones. */
export interface CpuSources {
  /** A small text file, or `undefined` if it can't be read. */
  read(path: string): string | undefined;
  /** As `os.cpus()`. */
  cpus(): readonly { readonly times: Readonly<Record<string, number>> }[];
  /** Monotonic milliseconds. */
  now(): number;
  readonly eventLoop: EventLoopWatch;
}

/** This very machine, and this process's own event loop, watched until `eventLoop` is closed. */
export function machineSources(): CpuSources {
  return {
    read(path) {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return undefined;
      }
    },
    cpus,
    now: () => systemClock.now(),
    eventLoop: watchEventLoop(systemClock),
  };
}
