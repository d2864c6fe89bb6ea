/** What still has to reach another peer. Entries survive restarts; whoever drains claims them one by one. */

import { rm } from 'node:fs/promises';
import {
  AppError,
  type DeliveryId,
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

/** What remains to be done once an entry has got through. */
export interface Sent {
  /** Together with the entry's removal, in one transaction. */
  readonly record?: () => void;
  /** Afterwards; left undone by a crash, it only leaves a file behind. */
  readonly cleanUp?: () => Promise<void>;
}

/** Sends one entry to a person found online or not; throws when it did not get through. */
export type Send = (peer: Peer, entry: OutboxEntry, person: Person, signal?: AbortSignal) => Promise<Sent>;

/** A claimed entry is left to its claimer for this long; sending it twice would be harmless, only wasteful. */
const CLAIM_MS = 60_000;
/** Between tries for someone who is online, and for someone who seems offline: doubling from the first to the second. */
const RETRY_MS_ONLINE = { min: 2_000, max: 60_000 };
const RETRY_MS_OFFLINE = { min: 5_000, max: 300_000 };

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

/** Whether the other side said no for good. */
export function isRefusal(error: AppError): boolean {
  return REFUSALS.has(error.code);
}

/** Throws `rate/limited` when as many entries wait as may. */
export function requireRoom(peer: Peer): void {
  const waiting = Number(
    peer.database.get(`SELECT COUNT(*) AS n FROM outbox WHERE state = 'waiting'`)?.['n'],
  );
  if (waiting < OUTBOX_ENTRIES_MAX) return;
  throw new AppError(
    'rate/limited',
    `the outbox is full: ${waiting} entries wait for people who are offline, at most ${OUTBOX_ENTRIES_MAX} may`,
    { hint: 'see them with: p2p-client outbox' },
  );
}

/** Stores an entry, once per id. */
export function enqueue(
  peer: Peer,
  kind: OutboxKind,
  id: string,
  recipient: Username,
  payload: object,
): void {
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
 * `person` is looked up when not given; `signal` breaks off what is under way.
 */
export async function attemptNow(
  peer: Peer,
  id: string,
  send: Send,
  person?: Person,
  signal?: AbortSignal,
): Promise<AppError | undefined> {
  const entry = claim(peer, id);
  if (!entry) return new AppError('peer/busy', 'another process is sending this just now');
  let sent: Sent;
  try {
    sent = await send(peer, entry, person ?? (await findPerson(peer, entry.recipient)), signal);
  } catch (thrown) {
    const error = toAppError(thrown);
    // What was refused is not sent again, so its carrier need not be kept.
    if (isRefusal(error) && entry.kind === 'delivery') {
      await rm(peer.directory.spoolFile(peer.username, id as DeliveryId), { force: true });
    }
    peer.database.run(
      'UPDATE outbox SET state = ?, claimed_until = 0, attempts = attempts + 1, last_error = ? WHERE id = ?',
      isRefusal(error) ? 'refused' : 'waiting',
      error.message,
      id,
    );
    if (error.code === 'program/bug') throw thrown;
    return error;
  }
  peer.database.transaction(() => {
    peer.database.run('DELETE FROM outbox WHERE id = ?', id);
    sent.record?.();
  });
  await sent.cleanUp?.();
  return undefined;
}

/** Who is waited for, longest first. */
export function awaitedRecipients(peer: Peer): Username[] {
  const waiting = listOutbox(peer.database).filter(({ state }) => state === 'waiting');
  return [...new Set(waiting.map(({ recipient }) => recipient))];
}

/** Tries what is due for one recipient; returns how many entries got through. */
export async function drainTo(
  peer: Peer,
  recipient: Username,
  send: Send,
  signal?: AbortSignal,
): Promise<number> {
  let person: Person;
  try {
    person = await findPerson(peer, recipient);
  } catch (thrown) {
    const error = toAppError(thrown);
    if (!error.code.startsWith('cluster/')) {
      peer.ports.log('warn', 'outbox-lookup-failed', { recipient, code: error.code, error: error.message });
      peer.database.run(
        `UPDATE outbox SET last_error = ?, state = ? WHERE recipient = ? AND state = 'waiting'`,
        error.message,
        isRefusal(error) ? 'refused' : 'waiting',
        recipient,
      );
    }
    return 0;
  }
  let sent = 0;
  for (const entry of listOutbox(peer.database)) {
    if (entry.recipient !== recipient || entry.state !== 'waiting' || signal?.aborted) continue;
    if (!isDue(peer, entry, person.online)) continue;
    const error = await attemptNow(peer, entry.id, send, person, signal);
    peer.ports.log('info', error ? 'outbox-entry-stays' : 'outbox-entry-sent', {
      kind: entry.kind,
      recipient,
      ...(error && { error: error.message }),
    });
    if (!error) sent++;
    else if (error.code === 'peer/unreachable') break;
  }
  return sent;
}

/** Gives up on what has waited for too long, and forgets what was given up long ago. Returns what was given up now. */
export function expireOutbox(peer: Peer): OutboxEntry[] {
  peer.database.run(
    `DELETE FROM outbox WHERE state = 'refused' AND created_at < ?`,
    peer.ports.now() - 2 * OUTBOX_KEEP_MS,
  );
  return peer.database
    .all(
      `UPDATE outbox SET state = 'refused', last_error = ? WHERE state = 'waiting' AND created_at < ? RETURNING *`,
      `not delivered within ${OUTBOX_KEEP_MS / 86_400_000} days`,
      peer.ports.now() - OUTBOX_KEEP_MS,
    )
    .map(entryOf);
}

function isDue(peer: Peer, entry: OutboxEntry, online: boolean): boolean {
  const { min, max } = online ? RETRY_MS_ONLINE : RETRY_MS_OFFLINE;
  const waitMs = Math.min(max, min * 2 ** Math.min(entry.attempts, 16));
  return peer.ports.now() >= entry.lastAttemptAt + waitMs;
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
