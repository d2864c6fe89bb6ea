/**
 * A user's own records: pictures, contacts, requests, grants given, carriers received, views begun,
 * and what still has to be sent. One SQLite file; daemon and command line use it at once.
 */

import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '@cloud-steg/protocol';
import { DatabaseSync } from '@photostructure/sqlite';
import { PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE } from './durable-file.ts';

/** Additive only: `user_version` counts how many have run. */
const MIGRATIONS = [
  `
  CREATE TABLE image (
    id TEXT PRIMARY KEY, position INTEGER NOT NULL UNIQUE, name TEXT NOT NULL, media_type TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL UNIQUE,
    preview_sha256 TEXT NOT NULL, preview BLOB NOT NULL, added_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE contact (
    username TEXT PRIMARY KEY, ed25519 TEXT NOT NULL, x25519 TEXT NOT NULL, identity TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX contact_by_key ON contact (ed25519);
  CREATE TABLE request_in (
    id TEXT PRIMARY KEY, sender TEXT NOT NULL, image_id TEXT NOT NULL, image_index INTEGER NOT NULL, message TEXT,
    at INTEGER NOT NULL, received_at INTEGER NOT NULL, state TEXT NOT NULL, grant_id TEXT, signed TEXT NOT NULL
  ) STRICT;
  CREATE TABLE request_out (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, image_id TEXT NOT NULL, image_index INTEGER NOT NULL,
    at INTEGER NOT NULL, state TEXT NOT NULL, signed TEXT NOT NULL
  ) STRICT;
  CREATE TABLE grant_out (
    id TEXT PRIMARY KEY, recipient TEXT NOT NULL, image_id TEXT NOT NULL, request_id TEXT NOT NULL,
    delivery_id TEXT NOT NULL, created_at INTEGER NOT NULL, granted_at INTEGER, delivered_at INTEGER
  ) STRICT;
  CREATE TABLE received (
    file TEXT PRIMARY KEY, delivery_id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, grant_id TEXT NOT NULL,
    image_name TEXT NOT NULL, views INTEGER NOT NULL, bytes INTEGER NOT NULL, received_at INTEGER NOT NULL,
    manifest TEXT NOT NULL, receipt TEXT NOT NULL
  ) STRICT;
  CREATE TABLE view_journal (
    view_id TEXT PRIMARY KEY, grant_id TEXT NOT NULL, key_seed TEXT NOT NULL, begun_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE outbox (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, recipient TEXT NOT NULL, payload TEXT NOT NULL, state TEXT NOT NULL,
    created_at INTEGER NOT NULL, attempts INTEGER NOT NULL, last_attempt_at INTEGER NOT NULL,
    claimed_until INTEGER NOT NULL, last_error TEXT
  ) STRICT;
  CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  `,
];

const BUSY_TIMEOUT_MS = 5_000;

export type Row = Record<string, string | number | bigint | Uint8Array | null>;
type Value = string | number | Uint8Array | null;

export class PeerDatabase {
  readonly #database: InstanceType<typeof DatabaseSync>;

  /** Opens or makes the file. Throws `store/damaged` or `store/unavailable`, naming it. */
  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: PRIVATE_FOLDER_MODE });
    try {
      this.#database = new DatabaseSync(path);
      this.#database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
      this.#database.exec('PRAGMA journal_mode = WAL');
      this.#database.exec('PRAGMA synchronous = FULL');
      this.#database.exec('PRAGMA secure_delete = ON');
      this.#migrate();
      chmodSync(path, PRIVATE_FILE_MODE);
    } catch (cause) {
      throw new AppError(
        'store/damaged',
        `cannot use ${path}: ${cause instanceof Error ? cause.message : 'unknown'}`,
        {
          cause,
          hint: 'restore it from your backup, or move it away to begin anew (received carriers stay openable)',
        },
      );
    }
  }

  /** Rows of a SELECT, or of a statement with RETURNING. */
  all(sql: string, ...values: Value[]): Row[] {
    return this.#database.prepare(sql).all(...values) as Row[];
  }

  get(sql: string, ...values: Value[]): Row | undefined {
    return this.#database.prepare(sql).get(...values) as Row | undefined;
  }

  /** Runs a change and returns how many rows it touched. Durable when it returns. */
  run(sql: string, ...values: Value[]): number {
    return this.#database.prepare(sql).run(...values).changes;
  }

  /** All of `change` or nothing, against every other process on this file. */
  transaction<T>(change: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = change();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  /** Next value of a rising number that no other process gets too, and never below `atLeast`. */
  nextCount(name: string, atLeast: number): number {
    const row = this.get(
      `INSERT INTO counter (name, value) VALUES (?, ?)
       ON CONFLICT (name) DO UPDATE SET value = MAX(value + 1, excluded.value) RETURNING value`,
      name,
      atLeast,
    );
    return Number(row?.['value']);
  }

  close(): void {
    this.#database.close();
  }

  #migrate(): void {
    this.transaction(() => {
      const version = Number(this.get('PRAGMA user_version')?.['user_version'] ?? 0);
      for (const [i, sql] of MIGRATIONS.entries()) {
        if (i < version) continue;
        this.#database.exec(sql);
        this.#database.exec(`PRAGMA user_version = ${i + 1}`);
      }
    });
  }
}
