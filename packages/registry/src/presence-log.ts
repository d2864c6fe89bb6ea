/** Keeps a leader's presence table and the store in step. */

import { AppError, PAGE_MAX, STORE_OPS_PER_COMMIT_MAX, type Term, type Username } from '@cloud-steg/protocol';
import { KEY, PREFIX } from './keys.ts';
import { decode } from './ledger.ts';
import { PresenceRecord, type PresenceTable } from './presence.ts';
import type { Registry } from './registry.ts';

/** Puts everyone into `table` whom the store has as online. A damaged record is as good as none: its user's next heartbeat mends it. */
export async function adoptPresence(registry: Registry, table: PresenceTable): Promise<void> {
  let after: string | undefined;
  do {
    const page = await registry.ledger.page(
      PREFIX.presence,
      { limit: PAGE_MAX, after },
      async ({ name, value }) => ({
        answer: await unlessDamaged(async () => decode(PresenceRecord, PREFIX.presence + name, value)),
        bytes: value.length,
      }),
    );
    for (const record of page.items) if (record) table.adopt(record, registry.now());
    after = page.next;
  } while (after !== undefined);
}

/** What the store has of a user who is not in the table. */
export function findPresence(registry: Registry, username: Username): Promise<PresenceRecord | undefined> {
  return unlessDamaged(() => registry.ledger.read(PresenceRecord, KEY.presence(username)));
}

async function unlessDamaged<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof AppError && error.code === 'store/damaged') return undefined;
    throw error;
  }
}

/** Writes the table's changes. Those that come while a commit is under way share the next one. */
export class PresenceLog {
  readonly #registry: Registry;
  readonly #term: Term;
  readonly #table: PresenceTable;
  #saving: Promise<void> | undefined;

  constructor(registry: Registry, term: Term, table: PresenceTable) {
    this.#registry = registry;
    this.#term = term;
    this.#table = table;
  }

  /** Resolves once the user's last change is stored. Throws what `Ledger.change` throws. */
  async save(username: Username): Promise<void> {
    while (this.#table.isUnsaved(username)) await this.#saveNext();
  }

  /** Resolves once no change waits. */
  async saveAll(): Promise<void> {
    while (this.#table.unsaved(1).length > 0) await this.#saveNext();
  }

  #saveNext(): Promise<void> {
    this.#saving ??= this.#saveBatch().finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  async #saveBatch(): Promise<void> {
    const records = this.#table.unsaved(STORE_OPS_PER_COMMIT_MAX);
    await this.#registry.ledger.change(this.#term, 'presence', async (draft) => {
      for (const record of records) {
        const key = KEY.presence(record.username);
        // Only so that a commit whose outcome was unknown can't land later, over a newer one.
        await draft.readBytes(key);
        draft.put(key, record);
      }
    });
    for (const record of records) this.#table.saved(record);
  }
}
