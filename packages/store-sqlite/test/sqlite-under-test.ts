import { join } from 'node:path';
import type { Term } from '@cloud-steg/protocol';
import type { Store } from '@cloud-steg/store';
import { landed, put, type StoreUnderTest } from '@cloud-steg/store/compliance';
import { scratchDirectory } from './scratch-directory.ts';

/** Small, so that a test can outlast it. */
export const DELETIONS_KEPT_REVISIONS = 40;

/** A SQLite store for the compliance suite; `open` opens another client of the file at a path. */
export async function sqliteUnderTest(open: (path: string) => Store): Promise<StoreUnderTest> {
  const scratch = scratchDirectory();
  const clients: Store[] = [];
  return {
    open: async () => {
      const client = open(join(scratch.path, 'cluster.db'));
      clients.push(client);
      return client;
    },
    compact: async (store: Store, term: Term) => {
      for (let n = 0; n <= DELETIONS_KEPT_REVISIONS; n++) await landed(store, term, [put('churn', `${n}`)]);
    },
    dispose: async () => {
      for (const client of clients) await client.close();
      scratch.remove();
    },
  };
}
