/** Openings: what spends a view, once per view id, for the named recipient alone. */

import {
  AppError,
  type GrantId,
  type GrantView,
  PublicKey,
  Signed,
  type Term,
  UnixMs,
  type Username,
  VIEW_OPEN_MS,
  ViewId,
  type ViewReceipt,
} from '@cloud-steg/protocol';
import * as z from 'zod';
import {
  type GrantRecord,
  phaseOf,
  putGrant,
  viewOf,
  withViewClosed,
  withViewOpened,
} from './grant-record.ts';
import { notYours, readGrant, unknownGrant } from './grants.ts';
import { KEY } from './keys.ts';
import type { Draft } from './ledger.ts';
import type { Registry } from './registry.ts';

/** Who asks, as the request's signature proved it. */
export interface Caller {
  readonly username: Username;
  /** The Ed25519 key that signed. */
  readonly key: PublicKey;
}

const ViewRecord = z.object({
  viewId: ViewId,
  /** From 1. */
  n: z.int().positive(),
  /** The view's fresh X25519 key. */
  key: PublicKey,
  openedAt: UnixMs,
  closed: z.object({ at: UnixMs, nonce: z.string(), receipt: Signed }).nullable(),
});
type ViewRecord = z.infer<typeof ViewRecord>;

export interface OpenedView {
  readonly n: number;
  /** Sealed to the recipient; to be wrapped to the view's key before it leaves the server. */
  readonly sealedShare: Uint8Array;
  readonly grant: GrantView;
}

/**
 * Spends one view, or answers again what this `viewId` has spent already: for `VIEW_OPEN_MS`, with
 * the same `key`, until it is closed; even if the grant has ended meanwhile.
 *
 * Throws `grant/unknown`, `auth/forbidden` (not the named recipient), `operation/conflict` (another key),
 * `view/closed` (closed, or open for too long), `grant/revoked`, `grant/expired`, `grant/exhausted`. None of them spends.
 */
export function openView(
  registry: Registry,
  term: Term,
  caller: Caller,
  id: GrantId,
  { viewId, key }: { readonly viewId: ViewId; readonly key: PublicKey },
): Promise<OpenedView> {
  return registry.ledger.change(term, KEY.grantOwner(id), async (draft) => {
    const now = registry.now();
    // The view is read after the grant: whoever spent the last view with this very id is then seen.
    const grant = await readGrantOf(draft, id, caller);
    const known = await draft.read(ViewRecord, KEY.view(id, viewId));
    if (known) {
      checkRepeatable(grant, known, key, now);
      return { n: known.n, sealedShare: await readShare(draft, id), grant: viewOf(grant, now) };
    }
    checkActive(grant, now);
    const sealedShare = await readShare(draft, id);
    const n = grant.used + 1;
    const view: ViewRecord = { viewId, n, key, openedAt: now, closed: null };
    draft.put(KEY.view(id, viewId), view);
    const opened = await putGrant(
      draft,
      grant,
      withViewOpened(grant, now),
      [{ kind: 'opened', viewId, n }],
      now,
    );
    return { n, sealedShare, grant: viewOf(opened, now) };
  });
}

export interface Closing {
  /** Hex; whoever holds it may repeat the call. */
  readonly nonce: string;
  /** Signed by the caller; checked. */
  readonly signedReceipt: Signed;
  /** What `signedReceipt` says. */
  readonly receipt: ViewReceipt;
}

/**
 * Ends a view: its share is not given out again. The first nonce wins; the same one again changes nothing.
 *
 * Throws `grant/unknown`, `auth/forbidden`, `view/unknown`, `view/closed` (by another nonce),
 * `input/invalid` (the receipt is of another view).
 */
export function closeView(
  registry: Registry,
  term: Term,
  caller: Caller,
  id: GrantId,
  viewId: ViewId,
  { nonce, signedReceipt, receipt }: Closing,
): Promise<GrantView> {
  return registry.ledger.change(term, KEY.grantOwner(id), async (draft) => {
    const now = registry.now();
    const grant = await readGrantOf(draft, id, caller);
    const view = await draft.read(ViewRecord, KEY.view(id, viewId));
    if (!view) throw new AppError('view/unknown', `grant ${id} has no view ${viewId}`);
    if (view.closed) {
      if (view.closed.nonce === nonce) return viewOf(grant, now);
      throw new AppError('view/closed', `view ${view.n} of grant ${id} was closed already`);
    }
    if (
      receipt.grant !== id ||
      receipt.viewId !== viewId ||
      receipt.n !== view.n ||
      receipt.viewer !== caller.username
    ) {
      throw new AppError('input/invalid', `the receipt is not for view ${view.n} of grant ${id}`);
    }
    const closed: ViewRecord = { ...view, closed: { at: now, nonce, receipt: signedReceipt } };
    draft.put(KEY.view(id, viewId), closed);
    const event = { kind: 'closed', viewId, n: view.n, receipt: signedReceipt } as const;
    return viewOf(await putGrant(draft, grant, withViewClosed(grant, view.openedAt, now), [event], now), now);
  });
}

async function readGrantOf(draft: Draft, id: GrantId, caller: Caller): Promise<GrantRecord> {
  const grant = await readGrant(draft, id);
  if (!grant) throw unknownGrant(id);
  if (grant.recipient !== caller.username || grant.recipientKey !== caller.key) throw notYours(id);
  return grant;
}

function checkRepeatable(grant: GrantRecord, view: ViewRecord, key: PublicKey, now: number): void {
  if (view.key !== key) {
    throw new AppError('operation/conflict', `view ${view.viewId} was opened with another key`);
  }
  if (view.closed) throw new AppError('view/closed', `view ${view.n} was closed already`);
  if (!grant.shareHeld || now >= view.openedAt + VIEW_OPEN_MS) {
    throw new AppError('view/closed', `view ${view.n} was opened more than ${VIEW_OPEN_MS / 60_000} min ago`);
  }
}

function checkActive(grant: GrantRecord, now: number): void {
  const phase = phaseOf(grant, now);
  switch (phase) {
    case 'active':
      return;
    case 'revoked':
      throw new AppError('grant/revoked', `${grant.owner} has revoked this grant`);
    case 'expired':
      throw new AppError('grant/expired', `this grant expired at ${isoTime(grant.expiresAt ?? now)}`);
    case 'exhausted':
      throw new AppError('grant/exhausted', `all ${grant.views} views of this grant are used`, {
        hint: `ask ${grant.owner} to send the picture again`,
      });
  }
}

function isoTime(unixMs: number): string {
  return new Date(unixMs).toISOString();
}

async function readShare(draft: Draft, id: GrantId): Promise<Uint8Array> {
  const share = await draft.readBytes(KEY.share(id));
  if (!share) throw new AppError('store/damaged', `the share of grant ${id} is missing`);
  return share;
}
