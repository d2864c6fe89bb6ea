/** What still has to reach another peer. Entries survive restarts; whoever drains claims them one by one. */

import {
  AppError,
  type ErrorCode,
  OUTBOX_ENTRIES_MAX,
  OUTBOX_KEEP_MS,
  toAppError,
  type Username,
} from '@cloud-steg/protocol';
import type { Peer } from './peer.ts';
import type { PeerDatabase, Row } from './peer-database.ts';
import { findPerson, type Person } from './people.ts';

export type OutboxKind = 'request' | 'delivery';

export interface OutboxEntry {
  /** Request id or delivery id. */
  readonly id: string;
  readonly kind: OutboxKind;
  readonly recipient: Username;
  /** JSON; its shape is the kind's own. */
  readonly payload: string;
  /** `refused`: the recipient said no; kept to be shown, not tried again. */
  readonly state: 'waiting' | 'refused';
  readonly createdAt: number;
  readonly attempts: number;
  readonly lastAttemptAt: number;
  readonly lastError: string | undefined;
}

/** Sends one entry to a person found online or not; throws when it did not get through. */
export type Send = (peer: Peer, entry: OutboxEntry, person: Person) => Promise<void>;

/** A claimed entry is left to its claimer for this long; sending it twice would be harmless, only wasteful. */
const CLAIM_MS = 60_000;
/** Between tries for someone who is online. */
const RETRY_MS_ONLINE = 2_000;
/** Between tries for someone who seems offline: doubling from the first to the second. */
const RETRY_MS_OFFLINE_MIN = 5_000;
const RETRY_MS_OFFLINE_MAX = 300_000;

/** Answers by which the other side said no for good. Anything else may be different next time. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'input/invalid',
  'auth/forbidden',
  'delivery/not-asked-for',
  'delivery/conflict',
  'operation/conflict',
  'image/no-such-index',
  'identity/changed',
]);

/** Stores an entry, once per id. Throws `rate/limited` when the outbox is full. */
export function enqueue(
  peer: Peer,
  kind: OutboxKind,
  id: string,
  recipient: Username,
  payload: object,
): void {
  const waiting = Number(peer.database.get('SELECT COUNT(*) AS n FROM outbox')?.['n']);
  if (waiting >= OUTBOX_ENTRIES_MAX) {
    throw new AppError(
      'rate/limited',
      `the outbox is full: ${OUTBOX_ENTRIES_MAX} entries wait for people who are offline`,
    );
  }
  peer.database.run(
    `INSERT INTO outbox (id, kind, recipient, payload, state, created_at, attempts, last_attempt_at, claimed_until)
     VALUES (?, ?, ?, ?, 'waiting', ?, 0, 0, 0) ON CONFLICT (id) DO NOTHING`,
    id,
    kind,
    recipient,
    JSON.stringify(payload),
    peer.ports.now(),
  );
}

export function listOutbox(database: PeerDatabase): OutboxEntry[] {
  return database.all('SELECT * FROM outbox ORDER BY created_at, id').map(entryOf);
}

/**
 * Tries one entry now. Undefined when it got through; else why it stays, `waiting` to be tried again or `refused`.
 * `person` is looked up when not given.
 */
export async function attemptNow(
  peer: Peer,
  id: string,
  send: Send,
  person?: Person,
): Promise<AppError | undefined> {
  const entry = claim(peer, id);
  if (!entry) return new AppError('peer/busy', 'another process is sending this just now');
  try {
    await send(peer, entry, person ?? (await findPerson(peer, entry.recipient)));
    peer.database.run('DELETE FROM outbox WHERE id = ?', id);
    return undefined;
  } catch (thrown) {
    const error = toAppError(thrown);
    peer.database.run(
      'UPDATE outbox SET state = ?, claimed_until = 0, attempts = attempts + 1, last_error = ? WHERE id = ?',
      REFUSALS.has(error.code) ? 'refused' : 'waiting',
      error.message,
      id,
    );
    if (error.code === 'program/bug') throw thrown;
    return error;
  }
}

/** Tries everything that is due; returns how many entries got through. */
export async function drainOutbox(peer: Peer, send: Send, signal?: AbortSignal): Promise<number> {
  peer.database.run('DELETE FROM outbox WHERE created_at < ?', peer.ports.now() - OUTBOX_KEEP_MS);
  const waiting = listOutbox(peer.database).filter(({ state }) => state === 'waiting');
  let sent = 0;
  for (const recipient of new Set(waiting.map((entry) => entry.recipient))) {
    if (signal?.aborted) break;
    const person = await findPerson(peer, recipient).catch((error: unknown) => {
      peer.ports.log('debug', 'outbox-lookup-failed', { recipient, error: String(error) });
    });
    if (!person) continue;
    for (const entry of waiting) {
      if (entry.recipient !== recipient || !isDue(peer, entry, person.online) || signal?.aborted) continue;
      const error = await attemptNow(peer, entry.id, send, person);
      peer.ports.log('info', error ? 'outbox-entry-stays' : 'outbox-entry-sent', {
        kind: entry.kind,
        recipient,
        ...(error && { error: error.message }),
      });
      if (!error) sent++;
      else if (error.code === 'peer/unreachable') break;
    }
  }
  return sent;
}

function isDue(peer: Peer, entry: OutboxEntry, online: boolean): boolean {
  const offlineWaitMs = Math.min(
    RETRY_MS_OFFLINE_MAX,
    RETRY_MS_OFFLINE_MIN * 2 ** Math.min(entry.attempts, 16),
  );
  return peer.ports.now() >= entry.lastAttemptAt + (online ? RETRY_MS_ONLINE : offlineWaitMs);
}

function claim(peer: Peer, id: string): OutboxEntry | undefined {
  const now = peer.ports.now();
  const row = peer.database.get(
    `UPDATE outbox SET claimed_until = ?, last_attempt_at = ?
     WHERE id = ? AND state = 'waiting' AND claimed_until <= ? RETURNING *`,
    now + CLAIM_MS,
    now,
    id,
    now,
  );
  return row && entryOf(row);
}

function entryOf(row: Row): OutboxEntry {
  return {
    id: String(row['id']),
    kind: row['kind'] as OutboxKind,
    recipient: row['recipient'] as Username,
    payload: String(row['payload']),
    state: row['state'] as OutboxEntry['state'],
    createdAt: Number(row['created_at']),
    attempts: Number(row['attempts']),
    lastAttemptAt: Number(row['last_attempt_at']),
    lastError: row['last_error'] === null ? undefined : String(row['last_error']),
  };
}
