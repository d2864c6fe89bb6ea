/** The embedded store: one SQLite file, shared by the processes of one machine. */

import {
  AppError,
  STORE_DELETIONS_KEPT_REVISIONS,
  STORE_LOCK_TIMEOUT_MS,
  STORE_LOG_BYTES_WARN,
  STORE_LOG_CHECKPOINT_PAGES,
  STORE_WARM_RETRY_MS,
  STORE_WATCH_POLL_MS,
  type Term,
  toAppError,
} from '@cloud-steg/protocol';
import type {
  Commit,
  CommitResult,
  Key,
  ListOptions,
  Page,
  Store,
  StoreEvent,
  Versioned,
} from '@cloud-steg/store';
import { SqliteReader } from './sqlite-reader.ts';
import { SqliteWriter } from './sqlite-writer.ts';
import { prepareDirectory } from './store-file.ts';
import type { StoreLog } from './store-log.ts';
import { systemSurroundings } from './system-surroundings.ts';
import { type Every, everyByTimer, Watches } from './watches.ts';
import { WorkerWriter } from './worker-writer.ts';
import { InlineWriter, type Writer } from './writer.ts';

export interface SqliteStoreOptions {
  /** Where commits are made: in a thread of their own, or in the caller's, which then waits for the disk. */
  writer?: 'worker' | 'inline';
  lockTimeoutMs?: number;
  deletionsKeptRevisions?: number;
  logCheckpointPages?: number;
  logBytesWarn?: number;
  watchPollMs?: number;
  every?: Every;
  /** Told what the store does by itself, and what it waits for. */
  log?: StoreLog;
}

/**
 * Opens the store in the file at `path`; makes its directory (mode 0700) where there is none, and the file (mode
 * 0600) at the first claim. Any number of processes may open it, but only the leader's should commit: the
 * others read, and commits of theirs are fenced. The file must be on a local disk, for its write-ahead log is not safe
 * on network file systems.
 *
 * Throws `store/unavailable` where the directory can't be used, `store/damaged` where the file is no store.
 */
export function openSqliteStore(path: string, options: SqliteStoreOptions = {}): SqliteStore {
  const {
    lockTimeoutMs = STORE_LOCK_TIMEOUT_MS,
    deletionsKeptRevisions = STORE_DELETIONS_KEPT_REVISIONS,
    logCheckpointPages = STORE_LOG_CHECKPOINT_PAGES,
    logBytesWarn = STORE_LOG_BYTES_WARN,
    watchPollMs = STORE_WATCH_POLL_MS,
    every = everyByTimer,
    log = () => undefined,
  } = options;
  prepareDirectory(path);
  const reader = new SqliteReader(path);
  reader.version();
  const writing = { lockTimeoutMs, deletionsKeptRevisions, logCheckpointPages, logBytesWarn };
  const writer =
    options.writer === 'inline'
      ? new InlineWriter(new SqliteWriter(path, writing, systemSurroundings(log)))
      : new WorkerWriter({ path, options: writing }, log);
  return new SqliteStore(reader, writer, new Watches(reader, every, watchPollMs), every, log);
}

/**
 * Reads in the caller's thread (some 10 µs each), writes where its {@link Writer} does. Watches leave out all but the
 * last of several changes of a key, as the file keeps no history.
 */
export class SqliteStore implements Store {
  readonly #reader: SqliteReader;
  readonly #writer: Writer;
  readonly #watches: Watches;
  readonly #every: Every;
  readonly #log: StoreLog;
  #stopWarming: (() => void) | undefined;
  #warming = false;
  #closed = false;

  constructor(reader: SqliteReader, writer: Writer, watches: Watches, every: Every, log: StoreLog) {
    this.#reader = reader;
    this.#writer = writer;
    this.#watches = watches;
    this.#every = every;
    this.#log = log;
  }

  /**
   * Gets the writer ready beforehand (its thread alone takes some 200 ms to start), now or as soon as there is a file: for a
   * process that will have to claim a term one day, and be quick about it. Changes nothing in the store.
   */
  keepWarm(): void {
    this.#stopWarming ??= this.#every(STORE_WARM_RETRY_MS, () => void this.#tryToWarm());
    void this.#tryToWarm();
  }

  /** One attempt at that; whether the writer is ready. See {@link SqliteWriter.warmUp}. */
  async warmUp(): Promise<boolean> {
    this.#checkOpen();
    return this.#writer.warmUp();
  }

  async get(key: Key): Promise<Versioned | undefined> {
    this.#checkOpen();
    return this.#reader.get(key);
  }

  async list(prefix: string, options: ListOptions): Promise<Page> {
    this.#checkOpen();
    return this.#reader.list(prefix, options);
  }

  async claimTerm(term: Term, leader: string): Promise<boolean> {
    this.#checkOpen();
    const granted = await this.#writer.claimTerm(term, leader);
    this.#lookSoon();
    return granted;
  }

  async commit(commit: Commit): Promise<CommitResult> {
    this.#checkOpen();
    const result = await this.#writer.commit(commit);
    this.#lookSoon();
    return result;
  }

  watch(
    prefix: string,
    fromRev: number,
    onEvent: (event: StoreEvent) => void,
    onCompacted: () => void,
  ): () => void {
    this.#checkOpen();
    return this.#watches.add(prefix, fromRev, onEvent, onCompacted);
  }

  /** See `Store.eraseRemnants`, and {@link SqliteWriter.eraseRemnants} for how. */
  async eraseRemnants(): Promise<void> {
    this.#checkOpen();
    await this.#writer.eraseRemnants();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopWarming?.();
    this.#watches.stop();
    this.#reader.close();
    // Last, so that the log is copied into the file and removed where no other process has it open.
    await this.#writer.close();
  }

  /** Own commits needn't wait for the next poll. */
  #lookSoon(): void {
    queueMicrotask(() => {
      if (!this.#closed) this.#watches.look();
    });
  }

  async #tryToWarm(): Promise<void> {
    if (this.#warming) return;
    this.#warming = true;
    try {
      if (await this.warmUp()) this.#stopWarming?.();
    } catch (error) {
      // Whatever it is, the claim will meet it again and say so.
      this.#log('debug', 'store.not-warm', { message: toAppError(error).message });
    } finally {
      this.#warming = false;
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new AppError('store/unavailable', 'the store is closed');
  }
}
