import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Term } from '@cloud-steg/protocol';
import { landed, put } from '@cloud-steg/store/compliance';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteStore, type SqliteStore } from '../src/sqlite-store.ts';
import { scratchDirectory } from './scratch-directory.ts';

const term = Term.parse(1);
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

let scratch: ReturnType<typeof scratchDirectory>;
let path: string;
let stores: SqliteStore[];
const open = (at = path) => {
  const store = openSqliteStore(at, { writer: 'inline', lockTimeoutMs: 20 });
  stores.push(store);
  return store;
};
beforeEach(() => {
  scratch = scratchDirectory();
  path = join(scratch.path, 'data', 'deep', 'cluster.db');
  stores = [];
});
afterEach(async () => {
  for (const store of stores) await store.close();
  scratch.remove();
});

describe('the store’s file', () => {
  it('and its directories are the user’s alone', async () => {
    const store = open();
    await store.claimTerm(term, 'a');
    expect([dirname(path), dirname(dirname(path))].map(modeOf)).toEqual(['700', '700']);
    const modes = readdirSync(dirname(path)).map((name) => `${name} ${modeOf(join(dirname(path), name))}`);
    expect(modes).toEqual([
      'cluster.db 600',
      'cluster.db-shm 600',
      'cluster.db-wal 600',
      `cluster.db-writer-${process.pid} 600`,
    ]);
  });

  it('is made private where it wasn’t', async () => {
    await closed(async (store) => store.claimTerm(term, 'a'));
    chmodSync(path, 0o644);
    await closed(async (store) => store.claimTerm(Term.parse(2), 'a'));
    expect(modeOf(path)).toBe('600');
  });

  it('isn’t made by readers', async () => {
    expect(await open().get('k')).toBeUndefined();
    expect(readdirSync(dirname(path))).toEqual([]);
  });

  it('keeps what was committed, and its revisions, from one opening to the next', async () => {
    let rev = 0;
    await closed(async (store) => {
      await store.claimTerm(term, 'a');
      rev = await landed(store, term, [put('k')]);
    });
    const store = open();
    expect(await store.get('k')).toMatchObject({ rev });
    expect(await landed(store, term, [put('k')])).toBe(rev + 1);
  });

  it('holds no byte of a deleted or replaced value once remnants are erased', async () => {
    const store = open();
    const reader = open();
    await store.claimTerm(term, 'a');
    const secrets = [32, 300, 5000, 20_000].map((bytes) => randomText(bytes));
    const shares = secrets.map((secret, n) => put(`s/${n}`, secret));
    await landed(store, term, [
      ...shares,
      ...Array.from({ length: 50 }, (_, n) => put(`other/${n}`, 'x'.repeat(99))),
    ]);
    await landed(store, term, [put('s/replaced', secrets[0])]);
    expect(await reader.get('s/0')).toBeDefined();
    expect(secrets.map(isOnDisk)).toEqual([true, true, true, true]);

    await landed(store, term, [...secrets.map((_, n) => ({ del: `s/${n}` })), put('s/replaced', 'new')]);
    expect(secrets.map(isOnDisk)).toContain(true);
    await store.eraseRemnants();
    expect(secrets.map(isOnDisk)).toEqual([false, false, false, false]);
    expect((await store.list('other/', { limit: 100 })).items).toHaveLength(50);
  });

  it('can’t be cleared of remnants under a reader’s eyes, and says so', async () => {
    const store = open();
    await store.claimTerm(term, 'a');
    const reader = new DatabaseSync(path);
    reader.exec('BEGIN; SELECT * FROM entry;');
    await landed(store, term, [put('k')]);
    await expect(store.eraseRemnants()).rejects.toMatchObject({ code: 'store/unavailable' });
    reader.close();
    await store.eraseRemnants();
  });
});

describe('a store that can’t be used', () => {
  it('because another process holds the lock says so after a while, and works when it is gone', async () => {
    const store = open();
    await store.claimTerm(term, 'a');
    const frozen = new DatabaseSync(path);
    frozen.exec('BEGIN IMMEDIATE');
    await expect(store.commit({ term, expect: [], ops: [put('k')] })).rejects.toMatchObject({
      code: 'store/unavailable',
      message: expect.stringContaining(path),
      hint: expect.stringContaining('end it'),
    });
    expect(await store.get('k')).toBeUndefined();
    frozen.close();
    await landed(store, term, [put('k')], [{ key: 'k', rev: 0 }]);
  });

  it('because its file is garbage says what to do', () => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'garbage '.repeat(1000));
    expect(() => open()).toThrow(
      expect.objectContaining({ code: 'store/damaged', hint: expect.stringContaining('move it aside') }),
    );
  });

  it('because its file is damaged says so, and never answers wrongly', async () => {
    await closed(async (store) => {
      await store.claimTerm(term, 'a');
      for (let n = 0; n < 30; n++) await landed(store, term, [put(`k${n}`, randomText(3000))]);
    });
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0xa5, 4096));
    const store = open();
    await expect(store.get('k1')).rejects.toMatchObject({ code: 'store/damaged' });
    await expect(store.claimTerm(Term.parse(2), 'a')).rejects.toMatchObject({ code: 'store/damaged' });
  });

  it('because its file is another program’s leaves that alone', () => {
    mkdirSync(dirname(path), { recursive: true });
    const other = new DatabaseSync(path);
    other.exec('CREATE TABLE theirs (x)');
    other.close();
    const before = readFileSync(path);
    expect(() => open()).toThrow(expect.objectContaining({ code: 'store/damaged' }));
    expect(readFileSync(path)).toEqual(before);
  });

  it('because its file is of a newer version says so', async () => {
    await closed(async (store) => store.claimTerm(term, 'a'));
    const newer = new DatabaseSync(path);
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    expect(() => open()).toThrow(
      expect.objectContaining({ code: 'store/unavailable', message: expect.stringContaining('format 99') }),
    );
  });

  it('because there can be no such directory, or no such file, names the path', async () => {
    writeFileSync(join(scratch.path, 'file'), '');
    const impossible = join(scratch.path, 'file', 'cluster.db');
    const unavailable = (at: string) =>
      expect.objectContaining({ code: 'store/unavailable', message: expect.stringContaining(at) });
    expect(() => open(impossible)).toThrow(unavailable(impossible));
    expect(() => open(scratch.path)).toThrow(unavailable(scratch.path));
  });

  it('because its file may only be read says so at the claim, and is read on', async () => {
    await closed(async (store) => {
      await store.claimTerm(term, 'a');
      await landed(store, term, [put('k')]);
    });
    // To SQLite, a file of a later format is one it may only read (byte 18); permissions mean nothing to root.
    const bytes = readFileSync(path);
    bytes[18] = 3;
    writeFileSync(path, bytes);
    const store = open();
    await expect(store.claimTerm(Term.parse(2), 'a')).rejects.toMatchObject({
      code: 'store/unavailable',
      message: expect.stringContaining('readonly'),
      hint: expect.stringContaining('may be written by this user'),
    });
    expect(await store.get('k')).toBeDefined();
  });

  it('because its writer died leaves the outcome unknown, and tries anew at the next call', async () => {
    // Among the sources there is no worker.js to start.
    const store = openSqliteStore(path);
    await expect(store.claimTerm(term, 'a')).rejects.toMatchObject({ code: 'store/unknown-outcome' });
    await expect(store.eraseRemnants()).rejects.toMatchObject({ code: 'store/unavailable' });
    await store.close();
  });
});

async function closed(use: (store: SqliteStore) => Promise<unknown>): Promise<void> {
  const store = open();
  await use(store);
  await store.close();
}

/** Text that repeats nothing, so that any eight characters in a row betray it. */
function randomText(length: number): string {
  return Array.from({ length }, () => String.fromCharCode(97 + Math.floor(Math.random() * 26))).join('');
}

function isOnDisk(secret: string): boolean {
  const files = readdirSync(dirname(path)).map((name) => readFileSync(join(dirname(path), name)));
  const pieces = Array.from({ length: Math.floor(secret.length / 16) }, (_, n) =>
    secret.slice(16 * n, 16 * n + 16),
  );
  return files.some((file) => pieces.some((piece) => file.includes(piece)));
}
