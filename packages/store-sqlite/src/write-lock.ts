/** Taking the store's only write lock. */

import {
  AppError,
  STORE_LOCK_LOOK_MS,
  STORE_LOCK_RETRY_MS,
  STORE_LOCK_TELL_MS,
  STORE_WRITER_ENDING_MS,
  type Term,
} from '@cloud-steg/protocol';
import { WRITE_LOCKS } from './file-locks.ts';
import { type Obstruction, ObstructionWatch } from './obstruction.ts';
import type { ProcessTable } from './process-table.ts';
import { isLocked } from './store-file.ts';
import type { StoreLog } from './store-log.ts';

/** What a writer needs from the world around it. */
export interface WriterSurroundings {
  /** Monotonic, milliseconds. */
  now: () => number;
  /** Stands still, and the thread with it. */
  pause: (ms: number) => void;
  processes: ProcessTable;
  log: StoreLog;
}

export interface WaitFor {
  path: string;
  /** In whose name: a leader deposed before it may be ended if it holds the lock and can't let go of it. */
  term: Term | undefined;
  timeoutMs: number;
  /** Changes with every commit of other processes. */
  version: () => number;
}

/**
 * Calls `attempt`, which takes the lock or fails because it is held, until it does. Unlike SQLite's own waiting, whose
 * pauses grow to 100 ms, it has the lock within `STORE_LOCK_RETRY_MS` of its being free, and looks who holds it
 * every `STORE_LOCK_LOOK_MS`. Throws `store/unavailable` after `timeoutMs`, else what `attempt` throws.
 */
export function takeWriteLock<T>(
  attempt: () => T,
  { path, term, timeoutMs, version }: WaitFor,
  { now, pause, processes, log }: WriterSurroundings,
): T {
  const startMs = now();
  const watch = new ObstructionWatch(path, WRITE_LOCKS, processes, log);
  let endMs = startMs + timeoutMs;
  let lookMs = startMs + Math.min(STORE_LOCK_LOOK_MS, timeoutMs);
  let told = false;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!isLocked(error)) throw error;
      const nowMs = now();
      if (nowMs >= lookMs) {
        const found = watch.look(term, version(), nowMs);
        if (found.ended) endMs = Math.max(endMs, nowMs + STORE_WRITER_ENDING_MS);
        else if (nowMs >= endMs) throw locked(path, found, error);
        else if (!told && nowMs - startMs >= STORE_LOCK_TELL_MS) {
          told = true;
          log('warn', 'store.waiting', { message: sentence(path, found), hint: hint(path, found) });
        }
        lookMs = Math.min(nowMs + STORE_LOCK_LOOK_MS, endMs);
      }
      pause(STORE_LOCK_RETRY_MS);
    }
  }
}

function locked(path: string, found: Obstruction, cause: unknown): AppError {
  return new AppError('store/unavailable', sentence(path, found), {
    hint: hint(path, found),
    data: { path, ...(found.pid !== undefined && { pid: found.pid }) },
    cause,
  });
}

function sentence(path: string, { pid, what }: Obstruction): string {
  return `${path} is locked by ${pid === undefined ? 'another process' : `process ${pid}`}; ${what}`;
}

function hint(path: string, { pid }: Obstruction): string {
  return pid === undefined
    ? `a server that hangs or was stopped may hold the lock, perhaps in another container: find it (fuser ${path}), end it, try again`
    : `see what it does (ps -p ${pid}); if it hangs or was stopped, end it (kill -9 ${pid}), then try again`;
}
