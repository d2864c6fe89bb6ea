/** What a reader that stands still in the middle of a read does to the writer. For real processes of built files. */

import { statSync } from 'node:fs';
import { Term } from '@cloud-steg/protocol';
import { landed, put } from '@cloud-steg/store/compliance';
import { describe, expect, it } from 'vitest';
import type { SqliteStore } from '../src/sqlite-store.ts';
import type { StoreLog } from '../src/store-log.ts';
import type { Opened } from './fixtures/opened-stores.ts';

const term = Term.parse(1);
const PAGE_BYTES = 4096;
/** Small, so that a test can outgrow it. */
const CHECKPOINT_PAGES = 100;

/** See `describeFrozenWriters`. */
export function describeStoppedReaders(opened: Opened): void {
  const logBytes = () => statSync(`${opened.path}-wal`).size;
  let written = 0;
  /** In commits of some 20 pages, none of which is as it was: SQLite writes no page that is. */
  const write = async (store: SqliteStore, pages: number) => {
    for (const last = written + pages / 20; written < last; written++) {
      const letter = String.fromCharCode(97 + (written % 26));
      await landed(store, term, [put(`k${written % 7}`, letter.repeat(20 * PAGE_BYTES))]);
    }
  };

  describe('the write-ahead log', () => {
    it('is used anew once it was copied', async () => {
      const store = opened.store({ logCheckpointPages: CHECKPOINT_PAGES });
      await store.claimTerm(term, 'a');
      await write(store, 4 * CHECKPOINT_PAGES);
      expect(logBytes()).toBeLessThan(2 * CHECKPOINT_PAGES * PAGE_BYTES);
    });

    it('grows while a reader is stopped, which is told with its number, and stops no commit', async () => {
      const told: Parameters<StoreLog>[] = [];
      const logBytesWarn = 3 * CHECKPOINT_PAGES * PAGE_BYTES;
      const store = opened.store({
        logCheckpointPages: CHECKPOINT_PAGES,
        logBytesWarn,
        log: (...line) => told.push(line),
      });
      await store.claimTerm(term, 'a');
      await landed(store, term, [put('k')]);
      const reader = await opened.holder('read');
      reader.child.kill('SIGSTOP');
      await write(store, 5 * CHECKPOINT_PAGES);
      expect(logBytes()).toBeGreaterThan(logBytesWarn);
      expect(told).toEqual([
        [
          'warn',
          'store.log-grows',
          expect.objectContaining({ message: expect.stringContaining(`process ${reader.pid} (stopped)`) }),
        ],
      ]);

      await reader.release();
      await write(store, 2 * CHECKPOINT_PAGES);
      const grown = logBytes();
      await write(store, 4 * CHECKPOINT_PAGES);
      expect(logBytes()).toBe(grown);
    });

    it('is emptied of remnants once the reader goes on, and commits don’t wait for that', async () => {
      const store = opened.store();
      await store.claimTerm(term, 'a');
      await landed(store, term, [put('k')]);
      const reader = await opened.holder('read');
      reader.child.kill('SIGSTOP');
      await landed(store, term, [{ del: 'k' }]);
      await expect(store.eraseRemnants()).rejects.toMatchObject({
        code: 'store/unavailable',
        message: expect.stringContaining(`process ${reader.pid} (stopped) is reading`),
        hint: expect.stringContaining('tried again'),
      });
      await landed(store, term, [put('k')]);
      expect(reader.lives()).toBe(true);
      await reader.release();
      await store.eraseRemnants();
      expect(logBytes()).toBe(0);
    });
  });
}
