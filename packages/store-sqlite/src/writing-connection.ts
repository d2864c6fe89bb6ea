/** A connection for writing, with its statements. */

import { decodeTermClaim, type Key, TERM_KEY, type TermClaim } from '@cloud-steg/store';
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';
import type { WriteAheadLog } from './write-ahead-log.ts';

export interface Connection {
  db: DatabaseSyncInstance;
  log: WriteAheadLog;
  get: StatementSyncInstance;
  tick: StatementSyncInstance;
  put: StatementSyncInstance;
  del: StatementSyncInstance;
  noteDeletion: StatementSyncInstance;
  forgetDeletion: StatementSyncInstance;
  compact: StatementSyncInstance;
  noteCompaction: StatementSyncInstance;
  version: StatementSyncInstance;
}

/** `db` as `openForWriting` returns it. */
export function connect(db: DatabaseSyncInstance, log: WriteAheadLog): Connection {
  return {
    db,
    log,
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
    version: db.prepare('PRAGMA data_version'),
  };
}

export function claimIn(connection: Connection): TermClaim | undefined {
  const row = connection.get.get(TERM_KEY) as { value: Uint8Array } | undefined;
  return row && decodeTermClaim(row.value);
}

/** Of the entry's last change; 0 where there is none. */
export function revOf(connection: Connection, key: Key): number {
  const row = connection.get.get(key) as { rev: number } | undefined;
  return row?.rev ?? 0;
}

/** Changes with every commit of other connections. */
export function versionOf({ version }: Connection): number {
  return (version.get() as { data_version: number }).data_version;
}

/** SQLite has rolled back by itself after some errors. */
export function rollBack({ db }: Connection): void {
  if (db.isTransaction) db.exec('ROLLBACK');
}
