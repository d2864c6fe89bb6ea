/** The store's write-ahead log, kept short without holding up a commit. */

import { AppError, STORE_LOCK_RETRY_MS, STORE_LOG_EMPTY_ATTEMPTS_MAX, type Term } from '@cloud-steg/protocol';
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';
import { CHECKPOINT_LOCKS, holdersOf, READ_LOCKS } from './file-locks.ts';
import { ObstructionWatch } from './obstruction.ts';
import type { ProcessTable } from './process-table.ts';
import type { WriterSurroundings } from './write-lock.ts';

/** A page in the log, with its header. */
const FRAME_BYTES = 4096 + 24;

/** What SQLite answers: pages in the log, and how many of them the file has already. */
interface Checkpoint {
  busy: number;
  log: number;
  checkpointed: number;
}

export interface WriteAheadLogOptions {
  /** See {@link WriteAheadLog.copyIfGrown}. */
  logCheckpointPages: number;
  /** A log of this size is told of, and again at each doubling. */
  logBytesWarn: number;
}

/**
 * The log of one connection, which must wait for no lock by itself. SQLite's own checkpoints, part of whichever commit makes
 * the log long, must be off. Only the leader's process should call any of this.
 *
 * A reader in the middle of a read keeps the log as it was when it began: all that came later can't leave the log before it
 * has finished. One that is stopped there makes the log grow without bound; that is told, with its number, and stops nothing.
 */
export class WriteAheadLog {
  readonly #path: string;
  readonly #surroundings: WriterSurroundings;
  readonly #look: StatementSyncInstance;
  readonly #copy: StatementSyncInstance;
  readonly #empty: StatementSyncInstance;
  /** Pages in the log when it was copied last. */
  #copiedPages = 0;
  readonly #options: WriteAheadLogOptions;
  /** When to tell of its size next. */
  #warnBytes: number;

  constructor(
    db: DatabaseSyncInstance,
    path: string,
    options: WriteAheadLogOptions,
    surroundings: WriterSurroundings,
  ) {
    this.#path = path;
    this.#options = options;
    this.#warnBytes = options.logBytesWarn;
    this.#surroundings = surroundings;
    this.#look = db.prepare('PRAGMA wal_checkpoint(NOOP)');
    this.#copy = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');
    this.#empty = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  /**
   * Copies the log into the file if it has grown enough since the last time: as much as readers allow, without waiting for
   * any. The next commit then starts the log anew, unless somebody still reads from it. For between commits.
   */
  copyIfGrown(term: Term): void {
    const { log } = this.#look.get() as Checkpoint;
    if (log < this.#copiedPages) this.#startAnew();
    if (log - this.#copiedPages < this.#options.logCheckpointPages) return;
    this.#copiedPages = log;
    const { busy } = this.#copy.get() as Checkpoint;
    if (busy) this.#freeCheckpoint(term);
    if (log * FRAME_BYTES >= this.#warnBytes) this.#tellOfGrowth(log * FRAME_BYTES);
  }

  /**
   * Copies all of the log into the file and cuts it to nothing, and returns whether it could: it waits for readers a few
   * milliseconds at most.
   */
  empty(term: Term | undefined): boolean {
    for (let attempt = 1; attempt <= STORE_LOG_EMPTY_ATTEMPTS_MAX; attempt++) {
      const { busy } = this.#empty.get() as Checkpoint;
      if (!busy) {
        this.#startAnew();
        return true;
      }
      this.#surroundings.pause(STORE_LOCK_RETRY_MS);
    }
    this.#freeCheckpoint(term);
    return false;
  }

  #startAnew(): void {
    this.#copiedPages = 0;
    this.#warnBytes = this.#options.logBytesWarn;
  }

  /** A leader stopped while it copied the log keeps everybody else from doing so, as one stopped in a commit does. */
  #freeCheckpoint(term: Term | undefined): void {
    const { processes, log, now } = this.#surroundings;
    new ObstructionWatch(this.#path, CHECKPOINT_LOCKS, processes, log).look(term, 0, now());
  }

  #tellOfGrowth(bytes: number): void {
    this.#warnBytes = 2 * bytes;
    const { processes, log } = this.#surroundings;
    log('warn', 'store.log-grows', {
      message: `${this.#path}-wal has grown to ${Math.round(bytes / 2 ** 20)} MiB: ${readersOf(this.#path, processes)}`,
      hint: 'a reader that was stopped must go on (kill -CONT) or be ended (kill -9); the log is used anew by itself then',
      bytes,
    });
  }
}

/** Why the log of the store at `path` could not be emptied. */
export function logKept(path: string, processes: ProcessTable): AppError {
  return new AppError(
    'store/unavailable',
    `${path}-wal can’t be emptied yet: ${readersOf(path, processes)}`,
    {
      hint: 'it is tried again by itself; a reader that was stopped must go on (kill -CONT) or be ended (kill -9)',
      data: { path },
    },
  );
}

function readersOf(path: string, processes: ProcessTable): string {
  const readers = holdersOf(path, READ_LOCKS).map(
    ({ pid }) => `process ${pid} (${processes.condition(pid)})`,
  );
  return readers.length > 0 ? `${readers.join(', ')} is reading from it` : 'no reader can be seen from here';
}
