/** Writes the store's file, synchronously; by design the leader's process alone. */

import { AppError, type Term } from '@cloud-steg/protocol';
import {
  type Commit,
  type CommitResult,
  checkClaim,
  checkCommit,
  decodeTermClaim,
  encodeTermClaim,
  type Key,
  type Op,
  TERM_KEY,
  type TermClaim,
  unknownOutcome,
} from '@cloud-steg/store';
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';
import { openForWriting, storeError } from './store-file.ts';

export interface SqliteWriterOptions {
  /** How long a write waits for another process's lock, milliseconds. */
  lockTimeoutMs: number;
  /** Deletions older than this many revisions are forgotten. */
  deletionsKeptRevisions: number;
}

/**
 * One writing connection, opened at the first write: a process that never leads never writes. Each write takes
 * the file's only write lock before it looks at anything (`BEGIN IMMEDIATE`), so that between its checks
 * and its `COMMIT` no other process can claim a term; it returns once the log is synced.
 *
 * Throws `store/unknown-outcome` where `COMMIT` itself failed, else as {@link storeError} says, with nothing changed.
 */
export class SqliteWriter {
  readonly #path: string;
  readonly #options: SqliteWriterOptions;
  #connection: Connection | undefined;

  constructor(path: string, options: SqliteWriterOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** See `Store.claimTerm`. */
  claimTerm(term: Term, leader: string): boolean {
    checkClaim(term, leader);
    return this.#write('the claim', (connection) => {
      const standing = claimIn(connection);
      if (standing && term <= standing.term) {
        return { answer: term === standing.term && leader === standing.leader, changed: false };
      }
      this.#apply(connection, [{ put: TERM_KEY, value: encodeTermClaim({ term, leader }) }]);
      return { answer: true, changed: true };
    });
  }

  /** See `Store.commit`. */
  commit(commit: Commit): CommitResult {
    checkCommit(commit);
    return this.#write<CommitResult>('the commit', (connection) => {
      if (claimIn(connection)?.term !== commit.term) return refused('fenced');
      const met = commit.expect.every(({ key, rev }) => revOf(connection, key) === rev);
      if (!met) return refused('conflict');
      return { answer: { ok: true, rev: this.#apply(connection, commit.ops) }, changed: true };
    });
  }

  /**
   * Copies the write-ahead log into the file, where `secure_delete` has overwritten what was deleted, and empties
   * it: of the store's files none then holds a deleted value's bytes. Blocks of the disk that once did are the
   * file system's business. `store/unavailable` where a reader kept the log busy; try again later.
   */
  eraseRemnants(): void {
    const emptied = this.#translating(() => emptyLog(this.#open()));
    if (!emptied) {
      throw new AppError('store/unavailable', `${this.#path}-wal is in use and could not be emptied`);
    }
  }

  /** Leaves all in the file itself, unless somebody reads. */
  close(): void {
    const connection = this.#connection;
    if (!connection) return;
    this.#connection = undefined;
    try {
      this.#translating(() => emptyLog(connection));
    } finally {
      connection.db.close();
    }
  }

  #write<T>(what: string, change: (connection: Connection) => { answer: T; changed: boolean }): T {
    const { connection, outcome } = this.#translating(() => {
      const connection = this.#open();
      connection.db.exec('BEGIN IMMEDIATE');
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
    this.#connection ??= connect(this.#path, this.#options.lockTimeoutMs);
    return this.#connection;
  }
}

interface Connection {
  db: DatabaseSyncInstance;
  get: StatementSyncInstance;
  tick: StatementSyncInstance;
  put: StatementSyncInstance;
  del: StatementSyncInstance;
  noteDeletion: StatementSyncInstance;
  forgetDeletion: StatementSyncInstance;
  compact: StatementSyncInstance;
  noteCompaction: StatementSyncInstance;
  truncateLog: StatementSyncInstance;
}

function connect(path: string, lockTimeoutMs: number): Connection {
  const db = openForWriting(path, lockTimeoutMs);
  return {
    db,
    get: db.prepare('SELECT rev, value FROM entry WHERE key = ?'),
    tick: db.prepare('UPDATE clock SET rev = rev + 1 RETURNING rev'),
    put: db.prepare(`
      INSERT INTO entry (key, rev, value) VALUES (?, ?, ?)
      ON CONFLICT (key) DO UPDATE SET rev = excluded.rev, value = excluded.value`),
    del: db.prepare('DELETE FROM entry WHERE key = ?'),
    noteDeletion: db.prepare('INSERT INTO deletion (key, rev) VALUES (?, ?)'),
    forgetDeletion: db.prepare('DELETE FROM deletion WHERE key = ?'),
    compact: db.prepare('DELETE FROM deletion WHERE rev <= ?'),
    noteCompaction: db.prepare('UPDATE clock SET compacted = ?'),
    truncateLog: db.prepare('PRAGMA wal_checkpoint(TRUNCATE)'),
  };
}

function claimIn(connection: Connection): TermClaim | undefined {
  const row = connection.get.get(TERM_KEY) as { value: Uint8Array } | undefined;
  return row && decodeTermClaim(row.value);
}

function revOf(connection: Connection, key: Key): number {
  const row = connection.get.get(key) as { rev: number } | undefined;
  return row?.rev ?? 0;
}

/** SQLite has rolled back by itself after some errors. */
function rollBack({ db }: Connection): void {
  if (db.isTransaction) db.exec('ROLLBACK');
}

/** Whether the write-ahead log is empty now. */
function emptyLog({ truncateLog }: Connection): boolean {
  return (truncateLog.get() as { busy: number }).busy === 0;
}

function refused(why: 'fenced' | 'conflict') {
  return { answer: { ok: false, why } as const, changed: false };
}
