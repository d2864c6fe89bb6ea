/** Writes the store's file, synchronously; by design the leader's process alone. */

import { type Term, toAppError } from '@cloud-steg/protocol';
import {
  type Commit,
  type CommitResult,
  checkClaim,
  checkCommit,
  encodeTermClaim,
  type Op,
  TERM_KEY,
  unknownOutcome,
} from '@cloud-steg/store';
import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import { openForWriting, openForWritingLater, storeError } from './store-file.ts';
import { logKept, WriteAheadLog } from './write-ahead-log.ts';
import { takeWriteLock, type WriterSurroundings } from './write-lock.ts';
import { removeNote, sweepNotes, writeNote } from './writer-note.ts';
import { type Connection, claimIn, connect, revOf, rollBack, versionOf } from './writing-connection.ts';

export interface SqliteWriterOptions {
  /** How long a write waits for another process's lock, milliseconds. */
  lockTimeoutMs: number;
  /** Deletions older than this many revisions are forgotten. */
  deletionsKeptRevisions: number;
  /** The write-ahead log is copied into the file whenever it has grown by so much. */
  logCheckpointPages: number;
  /** A log of this size is told of. */
  logBytesWarn: number;
}

/**
 * One writing connection, opened at the first write or by {@link warmUp}: a process that never leads never writes. Each
 * write takes the file's only write lock before it looks at anything (`BEGIN IMMEDIATE`), so that between its checks
 * and its `COMMIT` no other process can claim a term; it returns once the log is synced. Before its first claim the
 * process notes itself beside the file, so that a later leader can tell it from others should it be stopped with the lock.
 *
 * Throws `store/unknown-outcome` where `COMMIT` itself failed, else as {@link storeError} says, with nothing changed.
 */
export class SqliteWriter {
  readonly #path: string;
  readonly #options: SqliteWriterOptions;
  readonly #surroundings: WriterSurroundings;
  #connection: Connection | undefined;
  /** The last term that the store granted to this writer. */
  #granted: Term | undefined;
  #notedTerm: number | undefined;
  #untidy: 'claimed' | 'committed' | undefined;

  constructor(path: string, options: SqliteWriterOptions, surroundings: WriterSurroundings) {
    this.#path = path;
    this.#options = options;
    this.#surroundings = surroundings;
  }

  /**
   * Does what the first write would have to do before it can begin, as far as a process may that doesn't lead: changes nothing
   * in the store, waits for nobody. Returns whether there is nothing left to do; there is while there is no file.
   */
  warmUp(): boolean {
    if (this.#connection) return true;
    return this.#translating(() => {
      const db = openForWritingLater(this.#path);
      if (!db) return false;
      this.#connection = connect(db, this.#log(db));
      claimIn(this.#connection);
      this.#note(0, '');
      return true;
    });
  }

  /** See `Store.claimTerm`. */
  claimTerm(term: Term, leader: string): boolean {
    checkClaim(term, leader);
    this.#note(term, leader);
    const granted = this.#write('the claim', term, (connection) => {
      const standing = claimIn(connection);
      if (standing && term <= standing.term) {
        return { answer: term === standing.term && leader === standing.leader, changed: false };
      }
      this.#apply(connection, [{ put: TERM_KEY, value: encodeTermClaim({ term, leader }) }]);
      return { answer: true, changed: true };
    });
    this.#granted = granted ? term : undefined;
    this.#untidy = 'claimed';
    return granted;
  }

  /** See `Store.commit`. */
  commit(commit: Commit): CommitResult {
    checkCommit(commit);
    const term = commit.term === this.#granted ? commit.term : undefined;
    const result = this.#write<CommitResult>('the commit', term, (connection) => {
      if (claimIn(connection)?.term !== commit.term) return refused('fenced');
      const met = commit.expect.every(({ key, rev }) => revOf(connection, key) === rev);
      if (!met) return refused('conflict');
      return { answer: { ok: true, rev: this.#apply(connection, commit.ops) }, changed: true };
    });
    if (result.ok) this.#untidy ??= 'committed';
    return result;
  }

  /**
   * What a write leaves to be done that nobody waits for: to be called once it was answered. Keeps the write-ahead log
   * short, if this process leads, and forgets writers that are gone. Never throws; what fails is told and tried again.
   */
  tidy(): void {
    const untidy = this.#untidy;
    this.#untidy = undefined;
    try {
      if (untidy === 'claimed') sweepNotes(this.#path, this.#surroundings.processes);
      if (untidy && this.#granted !== undefined) this.#connection?.log.copyIfGrown(this.#granted);
    } catch (error) {
      const { message } = toAppError(storeError(error, this.#path));
      this.#surroundings.log('warn', 'store.untidy', { message });
    }
  }

  /**
   * Copies the write-ahead log into the file, where `secure_delete` has overwritten what was deleted, and empties
   * it: of the store's files none then holds a deleted value's bytes. Blocks of the disk that once did are the
   * file system's business. `store/unavailable` where a reader kept the log busy; try again later.
   */
  eraseRemnants(): void {
    const emptied = this.#translating(() => this.#open().log.empty(this.#granted));
    if (!emptied) throw logKept(this.#path, this.#surroundings.processes);
  }

  /** Leaves all in the file itself, unless somebody reads, or another has led since: the log is that one's then. */
  close(): void {
    const connection = this.#connection;
    if (!connection) return;
    this.#connection = undefined;
    try {
      this.#translating(() => {
        if (this.#granted === undefined || claimIn(connection)?.term !== this.#granted) return;
        connection.log.empty(this.#granted);
      });
    } finally {
      connection.db.close();
      if (this.#notedTerm !== undefined) removeNote(this.#path, process.pid);
    }
  }

  #write<T>(
    what: string,
    term: Term | undefined,
    change: (connection: Connection) => { answer: T; changed: boolean },
  ): T {
    const { connection, outcome } = this.#translating(() => {
      const connection = this.#begin(term);
      try {
        return { connection, outcome: change(connection) };
      } catch (error) {
        rollBack(connection);
        throw error;
      }
    });
    if (!outcome.changed) {
      rollBack(connection);
      return outcome.answer;
    }
    try {
      connection.db.exec('COMMIT');
    } catch (error) {
      rollBack(connection);
      // Not necessarily undone: should the process end now, recovery may find the commit whole in the log.
      throw unknownOutcome(what, storeError(error, this.#path));
    }
    return outcome.answer;
  }

  #translating<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw storeError(error, this.#path);
    }
  }

  #apply(connection: Connection, ops: readonly Op[]): number {
    const { tick, put, forgetDeletion, del, noteDeletion, compact, noteCompaction } = connection;
    const { rev } = tick.get() as { rev: number };
    for (const op of ops) {
      if ('put' in op) {
        put.run(op.put, rev, op.value);
        forgetDeletion.run(op.put);
      } else if (del.run(op.del).changes > 0) {
        noteDeletion.run(op.del, rev);
      }
    }
    const compacted = rev - this.#options.deletionsKeptRevisions;
    if (compacted > 0 && compact.run(compacted).changes > 0) noteCompaction.run(compacted);
    return rev;
  }

  #open(): Connection {
    if (!this.#connection) {
      const db = openForWriting(this.#path);
      this.#connection = connect(db, this.#log(db));
    }
    return this.#connection;
  }

  #log(db: DatabaseSyncInstance): WriteAheadLog {
    return new WriteAheadLog(db, this.#path, this.#options, this.#surroundings);
  }

  #begin(term: Term | undefined): Connection {
    const wait = {
      path: this.#path,
      term,
      timeoutMs: this.#options.lockTimeoutMs,
      version: () => (this.#connection ? versionOf(this.#connection) : 0),
    };
    const attempt = () => {
      const connection = this.#open();
      connection.db.exec('BEGIN IMMEDIATE');
      return connection;
    };
    return takeWriteLock(attempt, wait, this.#surroundings);
  }

  #note(term: number, node: string): void {
    const { processes, log } = this.#surroundings;
    const { self } = processes;
    if (!self) return;
    try {
      this.#notedTerm = Math.max(this.#notedTerm ?? 0, term);
      writeNote(this.#path, { process: self, node, term: this.#notedTerm });
    } catch (error) {
      log('warn', 'store.unregistered', {
        message: `this process can’t be noted beside ${this.#path}: ${(error as Error).message}`,
        hint: 'should it be stopped while it writes, the next leader can’t end it: you would have to',
      });
    }
  }
}

function refused(why: 'fenced' | 'conflict') {
  return { answer: { ok: false, why } as const, changed: false };
}
