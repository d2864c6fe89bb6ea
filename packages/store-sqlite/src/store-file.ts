/**
 * Opening the store's file, and saying in our words what SQLite says in its own.
 *
 * Two traps. Closing any descriptor of the file drops all locks that SQLite has on it in this process (POSIX), so the
 * file is opened by SQLite alone. And the driver finalizes statements when they are collected: a connection closed
 * before that lingers, which is harmless as long as no transaction is open, so each is ended before a close.
 */

import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { AppError, STORE_READ_LOCK_TIMEOUT_MS } from '@cloud-steg/protocol';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { APPLICATION_ID, MIGRATIONS } from './schema.ts';

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
const OTHERS = 0o077;

/** Makes the directory of the file at `path` (mode 0700, durably) where there is none; it must be writable. */
export function prepareDirectory(path: string): void {
  const directory = dirname(path);
  try {
    const first = mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
    accessSync(directory, constants.W_OK);
    if (first === undefined || process.platform === 'win32') return;
    for (let made = directory; made.length >= first.length; made = dirname(made))
      syncDirectory(dirname(made));
  } catch (cause) {
    throw unavailable(path, cause);
  }
}

/**
 * Opens the file for writing, creates it (mode 0600) or brings it up to date as need be. WAL with
 * `synchronous=FULL`, since `NORMAL` loses acknowledged commits when the power fails; `secure_delete` so
 * that deleted bytes are overwritten in the file. Waits for no lock: fails where {@link isLocked}.
 */
export function openForWriting(path: string): DatabaseSyncInstance {
  return opening(
    path,
    () => new DatabaseSync(path, { timeout: 0 }),
    (db) => {
      // Before any content, and without a file descriptor: closing one would drop SQLite's locks. WAL and SHM take this mode.
      if (statSync(path).mode & OTHERS) chmodSync(path, FILE_MODE);
      schemaVersion(db, path);
      db.exec(`PRAGMA journal_mode = WAL; ${WRITING}`);
      migrate(db, path);
    },
  );
}

/**
 * As {@link openForWriting}, but only where that would change nothing: for who may not write yet. Takes no lock
 * that others wait for. Undefined where there is no file, or it isn't as a writer needs it.
 */
export function openForWritingLater(path: string): DatabaseSyncInstance | undefined {
  if (!existsSync(path)) return undefined;
  let asNeeded = false;
  const db = opening(
    path,
    () => new DatabaseSync(path, { timeout: 0 }),
    (db) => {
      const { mode } = db.prepare('SELECT journal_mode AS mode FROM pragma_journal_mode').get() as {
        mode: string;
      };
      const isPrivate = (statSync(path).mode & OTHERS) === 0;
      asNeeded = isPrivate && mode === 'wal' && schemaVersion(db, path) === MIGRATIONS.length;
      db.exec(WRITING);
    },
  );
  if (asNeeded) return db;
  db.close();
  return undefined;
}

/** Of each connection. No checkpoints by SQLite itself: they would be part of whichever commit makes the log long. */
const WRITING = `
  PRAGMA synchronous = FULL;
  PRAGMA secure_delete = ON;
  PRAGMA temp_store = MEMORY;
  PRAGMA wal_autocheckpoint = 0;
`;

/** Opens the file for reading; undefined while there is none. Before its first use, {@link isReady} must say so. */
export function openForReading(path: string): DatabaseSyncInstance | undefined {
  if (!existsSync(path)) return undefined;
  return opening(path, () => new DatabaseSync(path, { readOnly: true, timeout: STORE_READ_LOCK_TIMEOUT_MS }));
}

/** Whether the file has its tables; throws where it isn't ours, or newer than this program. */
export function isReady(db: DatabaseSyncInstance, path: string): boolean {
  return schemaVersion(db, path) > 0;
}

/**
 * `thrown` as an error of the store: `store/unavailable` for what may pass or can be put right outside (a
 * lock, a full disk, permissions), `store/damaged` for a file that is no store of ours. Anything else is
 * returned as it is.
 */
export function storeError(thrown: unknown, path: string): unknown {
  if (thrown instanceof AppError || !isSqliteError(thrown)) return thrown;
  const primary = thrown.errcode & 0xff;
  if (LOCKED.has(primary)) {
    return new AppError('store/unavailable', `${path} is locked by another process`, {
      hint: `a server that hangs or was stopped may hold the lock: find it (fuser ${path}), end it, try again`,
      data: { path },
      cause: thrown,
    });
  }
  if (DAMAGED.has(primary)) return damaged(path, thrown.message, thrown);
  if (UNAVAILABLE.has(primary)) return unavailable(path, thrown);
  return thrown;
}

/** Whether what was thrown means that another process or connection holds a lock. */
export function isLocked(thrown: unknown): boolean {
  if (thrown instanceof AppError) return isLocked(thrown.cause);
  return isSqliteError(thrown) && LOCKED.has(thrown.errcode & 0xff);
}

/** Primary result codes, https://sqlite.org/rescode.html: BUSY, LOCKED, PROTOCOL (gave up a race for a lock). */
const LOCKED = new Set([5, 6, 15]);
/** CORRUPT, NOTADB. */
const DAMAGED = new Set([11, 26]);
/** PERM, NOMEM, READONLY, IOERR, FULL, CANTOPEN, AUTH. */
const UNAVAILABLE = new Set([3, 7, 8, 10, 13, 14, 23]);

function isSqliteError(thrown: unknown): thrown is Error & { errcode: number } {
  return thrown instanceof Error && 'errcode' in thrown && typeof thrown.errcode === 'number';
}

function opening(
  path: string,
  open: () => DatabaseSyncInstance,
  prepare: (db: DatabaseSyncInstance) => void = () => {},
): DatabaseSyncInstance {
  let db: DatabaseSyncInstance | undefined;
  try {
    db = open();
    prepare(db);
    return db;
  } catch (error) {
    if (db?.isTransaction) db.exec('ROLLBACK');
    db?.close();
    const known = storeError(error, path);
    throw known === error && isSystemError(error) ? unavailable(path, error) : known;
  }
}

/** The file's version, 0 while it is empty; throws where it isn't ours, or newer than this program. */
function schemaVersion(db: DatabaseSyncInstance, path: string): number {
  const { id, version, tables } = db
    .prepare(`
      SELECT application_id AS id, user_version AS version, (SELECT count(*) FROM sqlite_schema) AS tables
      FROM pragma_application_id, pragma_user_version
    `)
    .get() as { id: number; version: number; tables: number };
  if (id !== APPLICATION_ID && (id !== 0 || tables > 0)) throw damaged(path, 'another program’s database');
  if (version > MIGRATIONS.length) {
    throw new AppError(
      'store/unavailable',
      `${path} has format ${version}, this program knows formats up to ${MIGRATIONS.length}`,
      { hint: 'it was written by a newer version of this program: use that one', data: { path } },
    );
  }
  return version;
}

function migrate(db: DatabaseSyncInstance, path: string): void {
  if (schemaVersion(db, path) === MIGRATIONS.length) return;
  db.exec('BEGIN IMMEDIATE');
  // Another process may have been here while this one waited for the lock.
  for (const migration of MIGRATIONS.slice(schemaVersion(db, path))) db.exec(migration);
  db.exec(`
    PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${MIGRATIONS.length};
    COMMIT;
  `);
}

function damaged(path: string, what: string, cause?: unknown): AppError {
  return new AppError('store/damaged', `${path} can't be read: ${what}`, {
    hint: `move it aside, with ${path}-wal and ${path}-shm; then restore a backup or start empty`,
    data: { path },
    cause,
  });
}

function unavailable(path: string, cause: unknown): AppError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AppError('store/unavailable', `${path} can't be used: ${reason}`, {
    hint: 'check that its directory exists, may be written by this user, and has space left',
    data: { path },
    cause,
  });
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
