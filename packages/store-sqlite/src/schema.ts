/** The tables of the embedded store, and how a file comes to have them. */

/** "CStg": tells our files from other programs'. Stands at offset 68 of the file. */
export const APPLICATION_ID = 0x43537467;

/**
 * `MIGRATIONS[n]` leads from version `n` to `n + 1`; a file's version is its `user_version`. Published
 * entries never change: what is needed later is appended.
 *
 * - `entry` holds what is there. Keys are text, which SQLite compares by its UTF-8 bytes.
 * - `deletion` holds what is gone, for watches; never its value.
 * - `clock` is one row: the store's revision, and the newest revision whose deletions may be forgotten.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE entry (key TEXT PRIMARY KEY, rev INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
  CREATE INDEX entry_by_rev ON entry (rev);
  CREATE TABLE deletion (key TEXT PRIMARY KEY, rev INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX deletion_by_rev ON deletion (rev);
  CREATE TABLE clock (rev INTEGER NOT NULL, compacted INTEGER NOT NULL) STRICT;
  INSERT INTO clock VALUES (0, 0);
  `,
];
