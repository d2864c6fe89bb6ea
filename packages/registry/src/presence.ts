/** Who is online: a table in the leader's memory. Only its changes are stored. */

import { Address, AppError, UnixMs, Username } from '@cloud-steg/protocol';
import * as z from 'zod';

/** What the store keeps of a user's presence: as of the last change, not of the last heartbeat. */
export const PresenceRecord = z.object({
  username: Username,
  online: z.boolean(),
  addresses: z.array(Address),
  /** Of the last heartbeat or farewell when it was stored. */
  seq: z.int().nonnegative(),
  at: UnixMs,
});
export type PresenceRecord = z.infer<typeof PresenceRecord>;

export interface OnlineUser {
  readonly username: Username;
  readonly addresses: readonly Address[];
  /** When the last heartbeat came, or the leader began. */
  readonly seenAt: number;
}

interface Entry {
  /** Another object after every change; only `seq` rises in place. */
  readonly record: PresenceRecord;
  seenAt: number;
}

/**
 * The presence of everyone a leader has heard of. Pure: the time of every call is passed in,
 * milliseconds of one clock. Changes (online, offline, other addresses) stay `unsaved` until their
 * owner reports them stored; users who are offline and saved are forgotten.
 */
export class PresenceTable {
  readonly #ttlMs: number;
  readonly #entries = new Map<Username, Entry>();
  readonly #unsaved = new Set<Username>();
  /** Those online by name, for paging; made when asked for, dropped when somebody comes or goes. */
  #names: Username[] | undefined;

  constructor(ttlMs: number) {
    this.#ttlMs = ttlMs;
  }

  /** Takes over what an earlier leader stored: whoever was online has one full TTL to say so again. */
  adopt(record: PresenceRecord, now: number): void {
    if (!record.online || this.#entries.has(record.username)) return;
    this.#entries.set(record.username, { record, seenAt: now });
    this.#names = undefined;
  }

  /** Whether the table knows the user's last `seq`; if not, the store may. */
  knows(username: Username): boolean {
    return this.#entries.has(username);
  }

  /**
   * Hears from a user. `stored`: the user's record in the store, where the table {@link knows} nothing.
   * The last heartbeat repeated changes nothing. Throws `auth/replayed` for an older one.
   */
  heartbeat(
    username: Username,
    addresses: readonly Address[],
    seq: number,
    now: number,
    stored?: PresenceRecord,
  ): void {
    const entry = this.#entries.get(username);
    const known = entry?.record ?? stored;
    if (isRepeat(known, true, seq)) return;
    if (entry && known?.online && sameAddresses(known.addresses, addresses)) {
      entry.record.seq = seq;
      entry.seenAt = now;
    } else {
      this.#change({ username, online: true, addresses: [...addresses], seq, at: now }, now);
    }
  }

  /** A user's farewell. `stored` and what it throws as for {@link heartbeat}. */
  leave(username: Username, seq: number, now: number, stored?: PresenceRecord): void {
    const known = this.#entries.get(username)?.record ?? stored;
    if (isRepeat(known, false, seq)) return;
    this.#change({ username, online: false, addresses: known?.addresses ?? [], seq, at: now }, now);
  }

  /** Takes offline whoever was silent for a TTL. Returns their names. */
  expire(now: number): Username[] {
    const gone: Username[] = [];
    for (const { record, seenAt } of this.#entries.values()) {
      if (!record.online || now - seenAt < this.#ttlMs) continue;
      gone.push(record.username);
      this.#change({ ...record, online: false, at: now }, seenAt);
    }
    return gone;
  }

  get onlineCount(): number {
    return this.#onlineNames().length;
  }

  find(username: Username): OnlineUser | undefined {
    const entry = this.#entries.get(username);
    return entry?.record.online ? onlineUser(entry) : undefined;
  }

  /** Those online, by name, after `after`. */
  page(limit: number, after?: string): { users: OnlineUser[]; next?: string; total: number } {
    const names = this.#onlineNames();
    const start = after === undefined ? 0 : names.findIndex((name) => name > after);
    const shown = start < 0 ? [] : names.slice(start, start + limit);
    const users = shown.flatMap((name) => this.find(name) ?? []);
    const last = shown.at(-1);
    const more = last !== undefined && last !== names.at(-1);
    return { users, total: names.length, ...(more ? { next: last } : {}) };
  }

  isUnsaved(username: Username): boolean {
    return this.#unsaved.has(username);
  }

  /** At most `limit` changes that the store doesn't have yet, longest waiting first. */
  unsaved(limit: number): Readonly<PresenceRecord>[] {
    const records: PresenceRecord[] = [];
    for (const username of this.#unsaved) {
      if (records.length === limit) break;
      const entry = this.#entries.get(username);
      if (entry) records.push(entry.record);
    }
    return records;
  }

  /** The store now has `record`, which {@link unsaved} returned. */
  saved(record: Readonly<PresenceRecord>): void {
    if (this.#entries.get(record.username)?.record !== record) return;
    this.#unsaved.delete(record.username);
    if (!record.online) this.#entries.delete(record.username);
  }

  #change(record: PresenceRecord, seenAt: number): void {
    this.#entries.set(record.username, { record, seenAt });
    this.#unsaved.add(record.username);
    this.#names = undefined;
  }

  #onlineNames(): Username[] {
    this.#names ??= [...this.#entries.values()]
      .flatMap(({ record }) => (record.online ? [record.username] : []))
      .sort();
    return this.#names;
  }
}

function onlineUser({ record, seenAt }: Entry): OnlineUser {
  return { username: record.username, addresses: record.addresses, seenAt };
}

function isRepeat(known: PresenceRecord | undefined, online: boolean, seq: number): boolean {
  if (!known || seq > known.seq) return false;
  if (seq === known.seq && known.online === online) return true;
  throw new AppError(
    'auth/replayed',
    `heartbeat ${seq} of ${known.username} came after heartbeat ${known.seq}; each must be higher than the last`,
  );
}

function sameAddresses(a: readonly Address[], b: readonly Address[]): boolean {
  return a.length === b.length && a.every(({ host, port }, i) => host === b[i]?.host && port === b[i]?.port);
}
