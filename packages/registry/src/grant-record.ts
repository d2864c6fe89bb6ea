/** A grant as the store keeps it, and what follows from it at a given time. */

import {
  type GrantEvent,
  GrantId,
  type GrantPhase,
  type GrantView,
  PublicKey,
  Sha256,
  Signed,
  UnixMs,
  Username,
  VIEW_OPEN_MS,
} from '@cloud-steg/protocol';
import * as z from 'zod';
import { countErased } from './grants-held.ts';
import { KEY } from './keys.ts';
import type { Draft } from './ledger.ts';

export const GrantRecord = z.object({
  id: GrantId,
  owner: Username,
  ownerKey: PublicKey,
  recipient: Username,
  recipientKey: PublicKey,
  log: z.array(Signed).min(1),
  /** SHA-256 of the last entry's text. */
  head: Sha256,
  views: z.int().positive(),
  used: z.int().nonnegative(),
  expiresAt: UnixMs.nullable(),
  revoked: z.boolean(),
  createdAt: UnixMs,
  lastOpenedAt: UnixMs.nullable(),
  /**
   * Views opened and not closed, and when the youngest of them lapses: from then on none is open,
   * whatever the count says. (A view that lapses unclosed stays counted till then.)
   */
  openViews: z.int().nonnegative(),
  openUntil: UnixMs,
  /** Whether the share still stands at `KEY.share`. */
  shareHeld: z.boolean(),
  /** Events so far: the next one's `seq`. */
  events: z.int().nonnegative(),
});
export type GrantRecord = z.infer<typeof GrantRecord>;

/**
 * At wall clock `now`. Once its share is erased a grant has ended, whatever a clock set back or a leader with
 * another one may show: nothing leads back to `active` from there.
 */
export function phaseOf(grant: GrantRecord, now: number): GrantPhase {
  if (grant.revoked) return 'revoked';
  if (grant.expiresAt !== null && now >= grant.expiresAt) return 'expired';
  if (grant.used >= grant.views) return 'exhausted';
  return grant.shareHeld ? 'active' : 'expired';
}

export function viewOf(grant: GrantRecord, now: number): GrantView {
  const phase = phaseOf(grant, now);
  return {
    id: grant.id,
    owner: grant.owner,
    recipient: grant.recipient,
    log: grant.log,
    views: grant.views,
    used: grant.used,
    left: phase === 'active' ? grant.views - grant.used : 0,
    expiresAt: grant.expiresAt,
    phase,
    createdAt: grant.createdAt,
    lastOpenedAt: grant.lastOpenedAt,
  };
}

export function withViewOpened(grant: GrantRecord, now: number): GrantRecord {
  return {
    ...grant,
    used: grant.used + 1,
    lastOpenedAt: now,
    openViews: openViewsAt(grant, now) + 1,
    openUntil: now + VIEW_OPEN_MS,
  };
}

/** `openedAt`: when the view that is now closed was opened. */
export function withViewClosed(grant: GrantRecord, openedAt: number, now: number): GrantRecord {
  const lapsed = now >= openedAt + VIEW_OPEN_MS;
  const open = openViewsAt(grant, now);
  return lapsed ? grant : { ...grant, openViews: Math.max(0, open - 1) };
}

function openViewsAt(grant: GrantRecord, now: number): number {
  return now < grant.openUntil ? grant.openViews : 0;
}

type EventDraft = Omit<GrantEvent, 'seq' | 'at'>;

/**
 * Adds `grant` and its new events to a change. Once the grant has ended and no view is open, its
 * share is erased in the same commit; until then it is put down for the sweep. Returns what was stored.
 */
export async function putGrant(
  draft: Draft,
  before: GrantRecord | undefined,
  grant: GrantRecord,
  events: readonly EventDraft[],
  now: number,
): Promise<GrantRecord> {
  const ended = phaseOf(grant, now) !== 'active' && openViewsAt(grant, now) === 0;
  const erase = grant.shareHeld && ended;
  if (erase) {
    draft.erase(KEY.share(grant.id));
    await countErased(draft, grant.owner, grant.recipient);
  }
  const added: EventDraft[] = erase ? [...events, { kind: 'share-erased' }] : [...events];
  for (const [i, event] of added.entries()) {
    const seq = grant.events + i;
    draft.put(KEY.event(grant.id, seq), { ...event, seq, at: now } satisfies GrantEvent);
  }
  const after = { ...grant, shareHeld: grant.shareHeld && !erase, events: grant.events + added.length };
  moveDue(draft, grant.id, before && dueAt(before), dueAt(after));
  draft.put(KEY.grant(grant.owner, grant.id), after);
  return after;
}

/** When the share may be erased with nobody touching the grant before; undefined: never, or it is gone. */
function dueAt(grant: GrantRecord): number | undefined {
  if (!grant.shareHeld) return undefined;
  const lapse = grant.openViews > 0 ? grant.openUntil : 0;
  if (grant.revoked || grant.used >= grant.views) return lapse;
  return grant.expiresAt === null ? undefined : Math.max(grant.expiresAt, lapse);
}

function moveDue(draft: Draft, id: GrantId, from: number | undefined, to: number | undefined): void {
  if (from === to) return;
  if (from !== undefined) draft.del(KEY.due(from, id));
  if (to !== undefined) draft.put(KEY.due(to, id), null);
}
