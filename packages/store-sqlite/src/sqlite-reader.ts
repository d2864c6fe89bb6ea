/** Reads the store's file, synchronously; any process may, at any time. */

import { STORE_LIST_BYTES_MAX, STORE_LIST_ITEMS_MAX } from '@cloud-steg/protocol';
import {
  checkKey,
  checkList,
  compareKeys,
  type Entry,
  type Key,
  type ListOptions,
  type Page,
  prefixEnd,
  type StoreEvent,
  type Versioned,
} from '@cloud-steg/store';
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';
import { isReady, openForReading, storeError } from './store-file.ts';

/** Changes from some revision on, in order; those of one revision are never split. */
export interface Changes {
  events: StoreEvent[];
  /** Where the next changes start. */
  nextRev: number;
  /** Whether there are some already. */
  more: boolean;
}

/**
 * One read-only connection, opened when the file exists; until then the store is empty. Every call sees all that
 * was committed before it, by whatever process, and nothing that isn't durable: SQLite shows a commit to other
 * connections after it has synced it. Throws as {@link storeError} says.
 */
export class SqliteReader {
  readonly #path: string;
  #db: DatabaseSyncInstance | undefined;
  #statements: Statements | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  get(key: Key): Versioned | undefined {
    checkKey(key);
    const row = this.#read(({ get }) => get.get(key) as Versioned | undefined);
    return row && { value: row.value, rev: row.rev };
  }

  list(prefix: string, options: ListOptions): Page {
    checkList(options);
    const { after = '', limit } = options;
    const page = this.#snapshot(({ clock, list }) => {
      const { rev } = clock.get() as Clock;
      const first = compareKeys(after, prefix) > 0 ? after : prefix;
      const rows = list.iterate(first, endOf(prefix), after) as Iterable<Entry>;
      let bytes = 0;
      const { taken, more } = takeWhile(rows, ({ value }, before) => {
        bytes += value.length;
        return before.length < limit && (before.length === 0 || bytes <= STORE_LIST_BYTES_MAX);
      });
      return { items: taken.map(({ key, value, rev }) => ({ key, value, rev })), more, rev };
    });
    return page ?? { items: [], more: false, rev: 0 };
  }

  /** Changes at `fromRev` or later below `prefix`; undefined where deletions since then are forgotten. */
  changes(prefix: string, fromRev: number): Changes | undefined {
    const changes = this.#snapshot(({ clock, changes }) => {
      const { rev, compacted } = clock.get() as Clock;
      if (fromRev <= compacted) return 'compacted';
      const rows = changes.iterate(prefix, endOf(prefix), fromRev) as Iterable<Change>;
      let bytes = 0;
      const { taken, more } = takeWhile(rows, (row, before) => {
        bytes += row.value?.length ?? 0;
        const room = before.length < STORE_LIST_ITEMS_MAX && bytes <= STORE_LIST_BYTES_MAX;
        return room || before.length === 0 || row.rev === before.at(-1)?.rev;
      });
      const seen = more ? (taken.at(-1)?.rev ?? rev) : rev;
      return { events: taken.map(eventOf), nextRev: Math.max(seen + 1, fromRev), more };
    });
    if (changes === 'compacted') return undefined;
    return changes ?? { events: [], nextRev: fromRev, more: false };
  }

  /** Differs from its last answer when the file has changed since; costs about a microsecond. */
  version(): number {
    const row = this.#read(({ version }) => version.get() as { data_version: number });
    return row?.data_version ?? 0;
  }

  close(): void {
    this.#db?.close();
    this.#db = undefined;
    this.#statements = undefined;
  }

  /** Undefined while there is nothing to read. */
  #read<T>(read: (statements: Statements, db: DatabaseSyncInstance) => T): T | undefined {
    try {
      this.#db ??= openForReading(this.#path);
      if (!this.#db) return undefined;
      if (!this.#statements && isReady(this.#db, this.#path)) this.#statements = prepare(this.#db);
      return this.#statements && read(this.#statements, this.#db);
    } catch (error) {
      throw storeError(error, this.#path);
    }
  }

  /** Several reads of one moment. */
  #snapshot<T>(read: (statements: Statements) => T): T | undefined {
    return this.#read((statements, db) => {
      db.exec('BEGIN');
      try {
        return read(statements);
      } finally {
        db.exec('COMMIT');
      }
    });
  }
}

interface Clock {
  rev: number;
  compacted: number;
}

/** A deletion has no value. */
interface Change {
  key: Key;
  rev: number;
  value: Uint8Array | null;
}

interface Statements {
  get: StatementSyncInstance;
  list: StatementSyncInstance;
  changes: StatementSyncInstance;
  clock: StatementSyncInstance;
  version: StatementSyncInstance;
}

function prepare(db: DatabaseSyncInstance): Statements {
  return {
    get: db.prepare('SELECT value, rev FROM entry WHERE key = ?'),
    // One lower bound, for SQLite seeks by one only: with two, each page would skip all pages before it.
    list: db.prepare(
      'SELECT key, value, rev FROM entry WHERE key >= ?1 AND key < ?2 AND key <> ?3 ORDER BY key',
    ),
    // By revision, not by key: what changed lately is little, what has a prefix may be nearly everything.
    changes: db.prepare(`
      SELECT key, rev, value FROM entry INDEXED BY entry_by_rev WHERE rev >= ?3 AND key >= ?1 AND key < ?2
      UNION ALL
      SELECT key, rev, NULL FROM deletion INDEXED BY deletion_by_rev WHERE rev >= ?3 AND key >= ?1 AND key < ?2
      ORDER BY rev`),
    clock: db.prepare('SELECT rev, compacted FROM clock'),
    version: db.prepare('PRAGMA data_version'),
  };
}

/** Upper bound of a prefix's keys. SQLite orders every blob after every text, so an empty one bounds nothing. */
function endOf(prefix: string): string | Uint8Array {
  return prefixEnd(prefix) ?? new Uint8Array();
}

function eventOf({ key, rev, value }: Change): StoreEvent {
  return value === null ? { kind: 'del', key, rev } : { kind: 'put', key, value, rev };
}

/** The first rows, as long as `admits` says so of the next, given those before it; and whether that left any. */
function takeWhile<T>(rows: Iterable<T>, admits: (row: T, before: readonly T[]) => boolean) {
  const taken: T[] = [];
  for (const row of rows) {
    if (!admits(row, taken)) return { taken, more: true };
    taken.push(row);
  }
  return { taken, more: false };
}
