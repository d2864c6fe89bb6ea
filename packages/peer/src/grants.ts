/** Grants as both sides see them: listed, checked against the owner's log, extended, revoked. */

import { type GrantTerms, readGrantLog, signGrantAmendment, verifySigned } from '@cloud-steg/envelope';
import {
  AppError,
  type GrantCreation,
  type GrantEvent,
  GrantEventPage,
  type GrantId,
  GrantPage,
  GrantView,
  type PublicKey,
  parseJson,
  VIEWS_MAX,
  VIEWS_MIN,
  ViewReceipt,
} from '@cloud-steg/protocol';
import type { Peer } from './peer.ts';
import { findPerson } from './people.ts';

/** The cluster's count of a grant beside what its owner signed. */
export interface CheckedGrant {
  readonly view: GrantView;
  readonly terms: GrantTerms;
}

export async function fetchGrant(peer: Peer, id: GrantId, ownerKey: PublicKey): Promise<CheckedGrant> {
  const view = await peer.cluster.call({
    method: 'GET',
    path: `/grants/${id}`,
    as: peer.caller,
    answer: GrantView,
  });
  return { view, terms: checkGrant(view, id, ownerKey) };
}

/** The terms the owner signed, if the cluster's view says the same. Throws `grant/mismatch`, `auth/bad-signature`. */
export function checkGrant(view: GrantView, id: GrantId, ownerKey: PublicKey): GrantTerms {
  const terms = readGrantLog(ownerKey, view.log);
  const { creation } = terms;
  const agrees =
    view.id === id &&
    creation.grant === id &&
    creation.owner === view.owner &&
    creation.recipient === view.recipient &&
    terms.views === view.views &&
    terms.expiresAt === view.expiresAt;
  if (!agrees) {
    throw new AppError('grant/mismatch', `the cluster’s word on grant ${id} is not what its owner signed`, {
      hint: 'tell whoever runs the cluster; nothing was opened',
    });
  }
  return terms;
}

/** All grants this user gave or was given, by id. Their logs are checked by whoever acts on one. */
export async function listGrants(peer: Peer, role: 'owner' | 'recipient'): Promise<GrantView[]> {
  const grants: GrantView[] = [];
  const call = { path: '/grants', as: peer.caller, answer: GrantPage };
  for await (const page of peer.cluster.pages(call, { role })) grants.push(...page.grants);
  return grants;
}

/** One line of a grant's history; `signed` when it bears the recipient's own signature, which this peer has checked. */
export type CheckedEvent = GrantEvent & { readonly signed: boolean };

/** What happened to a grant, oldest first. Throws `grant/mismatch` for a grant its owner did not sign. */
export async function grantEvents(peer: Peer, { id, owner }: GrantView): Promise<CheckedEvent[]> {
  const own = owner === peer.username ? peer.profile.identity.signing.publicKey : undefined;
  const ownerKey = own ?? (await findPerson(peer, owner)).contact.ed25519;
  const { terms } = await fetchGrant(peer, id, ownerKey);
  const events: CheckedEvent[] = [];
  const call = { path: `/grants/${id}/events`, as: peer.caller, answer: GrantEventPage };
  for await (const page of peer.cluster.pages(call)) {
    for (const event of page.events) events.push({ ...event, signed: isSignedBy(terms.creation, event) });
  }
  return events;
}

/** Whether the recipient's key signed that this very view was opened. */
function isSignedBy({ grant, recipientKey }: GrantCreation, { receipt, viewId, n }: GrantEvent): boolean {
  if (!receipt || !verifySigned(recipientKey, 'view-receipt', receipt)) return false;
  const said = parseJson(ViewReceipt, receipt.text, 'view receipt');
  return said.grant === grant && said.viewId === viewId && said.n === n;
}

export interface GrantChange {
  /** New total of views, used ones included. */
  readonly views?: number;
  /** Or so many more than now. */
  readonly moreViews?: number;
  readonly expiresAt?: number | null;
  readonly revoked?: true;
}

/** Adds an entry to a grant of this user's. Throws `grant/unknown`, `grant/ended`, `usage/bad-argument`. */
export async function amendGrant(peer: Peer, id: GrantId, change: GrantChange): Promise<GrantView> {
  const ownKey = peer.profile.identity.signing.publicKey;
  const { view, terms } = await fetchGrant(peer, id, ownKey);
  const views = change.views ?? terms.views + (change.moreViews ?? 0);
  if (!Number.isInteger(views) || views < VIEWS_MIN || views > VIEWS_MAX) {
    throw new AppError('usage/bad-argument', `${views} views: a grant has ${VIEWS_MIN} to ${VIEWS_MAX}`);
  }
  const entry = signGrantAmendment(
    peer.profile.identity.signing,
    terms,
    {
      views,
      ...(change.expiresAt !== undefined && { expiresAt: change.expiresAt }),
      ...(change.revoked && { revoked: true }),
    },
    peer.ports.now(),
  );
  return peer.cluster.call({
    method: 'PATCH',
    path: `/grants/${view.id}`,
    body: { entry },
    as: peer.caller,
    answer: GrantView,
  });
}
