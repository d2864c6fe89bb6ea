import { systemProcesses } from './process-table.ts';
import type { StoreLog } from './store-log.ts';
import type { WriterSurroundings } from './write-lock.ts';

/** The real clock and processes. */
export function systemSurroundings(log: StoreLog): WriterSurroundings {
  return {
    now: () => performance.now(),
    pause: (ms) => {
      Atomics.wait(NEVER, 0, 0, ms);
    },
    processes: systemProcesses,
    log,
  };
}

/** Nobody ever wakes who waits for this. */
const NEVER = new Int32Array(new SharedArrayBuffer(4));
