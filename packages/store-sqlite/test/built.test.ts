/** What only built files can show: the writer in its thread, and stores of several processes. */

import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Term } from '@cloud-steg/protocol';
import { type Entry, readTerm, type Store } from '@cloud-steg/store';
import { describeStore, put } from '@cloud-steg/store/compliance';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { holdersOf, WRITE_LOCKS } from '../src/file-locks.ts';
import { systemProcesses } from '../src/process-table.ts';
import type { openSqliteStore, SqliteStore, SqliteStoreOptions } from '../src/sqlite-store.ts';
import { Opened } from './fixtures/opened-stores.ts';
import { startCommitter } from './fixtures/start-committer.ts';
import { describeFrozenWriters } from './frozen-writers.ts';
import { scratchDirectory } from './scratch-directory.ts';
import { DELETIONS_KEPT_REVISIONS, sqliteUnderTest } from './sqlite-under-test.ts';
import { describeStoppedReaders } from './stopped-readers.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
let open: typeof openSqliteStore;

beforeAll(async () => {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'packages/store-sqlite'], {
    cwd: root,
  });
  const built = new URL('../dist/index.js', import.meta.url).href;
  ({ openSqliteStore: open } = (await import(built)) as { openSqliteStore: typeof openSqliteStore });
}, 120_000);

const fast: SqliteStoreOptions = { watchPollMs: 5, deletionsKeptRevisions: DELETIONS_KEPT_REVISIONS };

describeStore('SqliteStore with a writer thread', () => sqliteUnderTest((path) => open(path, fast)));

describe.runIf(process.platform === 'linux')(
  'a store of several processes, one of which stands still:',
  () => {
    const opened = new Opened(() => open);
    afterEach(() => opened.clear());
    describeFrozenWriters(opened);
    describeStoppedReaders(opened);
  },
);

describe('a store of several processes', () => {
  let scratch: ReturnType<typeof scratchDirectory>;
  let path: string;
  let stores: SqliteStore[];
  const follow = (options: SqliteStoreOptions = fast) => {
    const store = open(path, options);
    stores.push(store);
    return store;
  };
  beforeEach(() => {
    scratch = scratchDirectory();
    path = join(scratch.path, 'cluster.db');
    stores = [];
  });
  afterEach(async () => {
    for (const store of stores) await store.close();
    scratch.remove();
  });

  it('holds every acknowledged commit, whole, after its leader is killed in the middle of others', async () => {
    const acknowledged: string[] = [];
    for (let term = 1; term <= 6; term++) {
      const leader = startCommitter(path, term);
      await leader.reported(50 * term);
      leader.child.kill('SIGKILL');
      await leader.ended;
      expect(leader.acknowledged.length).toBeGreaterThanOrEqual(50 * term);
      acknowledged.push(...leader.acknowledged);

      const left = await namesBelow(follow(), 'left/');
      expect(left).toEqual(await namesBelow(follow(), 'right/'));
      expect(new Set(left)).toEqual(new Set([...left, ...acknowledged]));
    }
  });

  it('shows a follower’s watch every commit of the leader', async () => {
    const follower = follow();
    const seen = new Set<string>();
    const unexpected = () => expect.unreachable('nothing was compacted');
    follower.watch('left/', 1, ({ key }) => seen.add(key.slice('left/'.length)), unexpected);
    const leader = startCommitter(path, 1);
    await leader.reported(200);
    leader.child.kill('SIGKILL');
    await leader.ended;
    const written = new Set(await namesBelow(follower, 'left/'));
    await vi.waitFor(() => expect(seen).toEqual(written), { timeout: 10_000 });
  });

  it('admits nothing from a frozen leader that wakes up after a newer claim', async () => {
    const old = startCommitter(path, 1);
    await old.reported(20);
    const successor = follow();
    const pid = old.child.pid ?? 0;
    // Frozen while it holds the lock, it would be ended; see `frozen-writers.ts`.
    do {
      old.child.kill('SIGCONT');
      await old.reported(old.acknowledged.length + 1);
      old.child.kill('SIGSTOP');
      await vi.waitFor(() => expect(systemProcesses.condition(pid)).toBe('stopped'));
    } while (holdersOf(path, WRITE_LOCKS).length > 0);
    expect(await successor.claimTerm(Term.parse(2), 'new')).toBe(true);
    const atClaim = await namesBelow(successor, 'left/');
    old.child.kill('SIGCONT');
    expect(await old.ended).toBe('fenced');
    expect(await namesBelow(successor, 'left/')).toEqual(atClaim);
    expect(atClaim).toEqual(expect.arrayContaining(old.acknowledged));
    expect(await readTerm(successor)).toEqual({ term: 2, leader: 'new' });
  });

  it('keeps the event loop turning while a commit waits for the lock', async () => {
    const store = follow();
    const term = Term.parse(1);
    await store.claimTerm(term, 'a');
    const holder = new DatabaseSync(path);
    holder.exec('BEGIN IMMEDIATE');
    const commit = store.commit({ term, expect: [], ops: [put('k')] });
    await sleep(10);
    expect(await store.get('k')).toBeUndefined();
    holder.exec('ROLLBACK');
    holder.close();
    expect(await commit).toMatchObject({ ok: true });
  });

  it('holds every acknowledged commit after the disk filled up, and goes on', async () => {
    const leader = startCommitter(path, 1, 256 * 1024);
    expect(await leader.ended).toMatch(/^store\/unknown-outcome: .*cluster\.db can't be used: /);
    expect(leader.acknowledged).not.toEqual([]);
    const successor = follow();
    expect(await successor.claimTerm(Term.parse(2), 'new')).toBe(true);
    const left = await namesBelow(successor, 'left/');
    expect(left).toEqual(await namesBelow(successor, 'right/'));
    expect(left).toEqual(expect.arrayContaining(leader.acknowledged));
  });

  it('says across the thread what is wrong', async () => {
    const store = follow({ lockTimeoutMs: 20 });
    await store.claimTerm(Term.parse(1), 'a');
    const holder = new DatabaseSync(path);
    holder.exec('BEGIN IMMEDIATE');
    await expect(store.claimTerm(Term.parse(2), 'a')).rejects.toMatchObject({
      code: 'store/unavailable',
      message: expect.stringContaining(`${path} is locked by`),
      hint: expect.stringContaining('end it'),
    });
    holder.close();
  });

  /** By this process, at the moment. */
  const timesOpened = () =>
    readdirSync('/proc/self/fd').filter((descriptor) => {
      const open = statSync(`/proc/self/fd/${descriptor}`, { throwIfNoEntry: false });
      const { ino, dev } = statSync(path);
      return open?.ino === ino && open.dev === dev;
    }).length;

  it.runIf(process.platform === 'linux')(
    'has its writer ready before its first claim, changing nothing in the store, whoever holds the lock',
    async () => {
      const follower = follow();
      expect(await follower.warmUp()).toBe(false);
      expect(readdirSync(dirname(path))).toEqual([]);
      const leader = follow();
      await leader.claimTerm(Term.parse(1), 'a');
      const holder = new DatabaseSync(path);
      holder.exec('BEGIN IMMEDIATE');
      const storeFiles = () =>
        ['', '-wal', '-shm']
          .map((suffix) => statSync(path + suffix))
          .map(({ size, mtimeMs }) => [size, mtimeMs]);
      const before = storeFiles();
      const openedBefore = timesOpened();
      expect(await follower.warmUp()).toBe(true);
      expect(timesOpened()).toBe(openedBefore + 1);
      expect(storeFiles()).toEqual(before);
      holder.exec('ROLLBACK');
      holder.close();
      expect(await follower.claimTerm(Term.parse(2), 'b')).toBe(true);
    },
  );

  it('is kept warm as soon as there is a file', async () => {
    const ticks: (() => void)[] = [];
    let stopped = 0;
    const every = (_: number, tick: () => void) => {
      ticks.push(tick);
      return () => {
        stopped += 1;
      };
    };
    const follower = follow({ every });
    follower.keepWarm();
    await follow().claimTerm(Term.parse(1), 'a');
    expect(stopped).toBe(0);
    await vi.waitFor(() => {
      for (const tick of ticks) tick();
      expect(stopped).toBe(1);
    });
  });

  it('leaves the log to whoever has led since, when it is closed', async () => {
    const old = follow();
    await old.claimTerm(Term.parse(1), 'a');
    const leader = follow();
    await leader.claimTerm(Term.parse(2), 'b');
    await old.close();
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
  });

  it('leaves all in the file itself when it is closed', async () => {
    const store = follow();
    await store.claimTerm(Term.parse(1), 'a');
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
    await store.close();
    // SQLite removes it too, where the driver has let go of every statement by then.
    expect(statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0).toBe(0);
  });
});

async function namesBelow(store: Store, prefix: string): Promise<string[]> {
  const entries: Entry[] = [];
  for (let more = true; more; ) {
    const page = await store.list(prefix, { limit: 500, after: entries.at(-1)?.key });
    entries.push(...page.items);
    more = page.more;
  }
  return entries.map(({ key }) => key.slice(prefix.length));
}
