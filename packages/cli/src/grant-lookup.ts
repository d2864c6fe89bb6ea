/** Grants by the start of their id, and as people read them. */

import { listGrants, type Peer } from '@cloud-steg/peer';
import { AppError, GrantCreation, type GrantView, parseJson } from '@cloud-steg/protocol';
import { formatExpiry } from './wording.ts';

/** Digits of a grant's id that are shown. */
const SHOWN_DIGITS = 8;

/** The one grant, among those listed, whose id starts so. Throws `grant/unknown`, `usage/bad-argument`. */
export function grantStarting(grants: readonly GrantView[], prefix: string): GrantView {
  const matches = grants.filter(({ id }) => id.startsWith(prefix));
  const [only, ...others] = matches;
  if (only === undefined) {
    throw new AppError('grant/unknown', `no grant starts with ${prefix}`, {
      hint: 'see yours with: p2p-client grants',
    });
  }
  if (others.length === 0) return only;
  throw new AppError('usage/bad-argument', `${matches.length} grants start with ${prefix}`, {
    hint: `type more of it: ${matches.map(({ id }) => id.slice(0, prefix.length + 4)).join(', ')}`,
    data: { matches: matches.map(({ id }) => id) },
  });
}

/** A grant this user gave. */
export async function ownGrant(peer: Peer, prefix: string): Promise<GrantView> {
  return grantStarting(await listGrants(peer, 'owner'), prefix);
}

/** Its creation as the owner wrote it; whoever acts on a grant checks the signature. */
function creationOf(grant: GrantView): GrantCreation {
  return parseJson(GrantCreation, grant.log[0]?.text ?? '', `first entry of grant ${grant.id}`);
}

export function grantJson(grant: GrantView) {
  const { imageIndex, imageName, allowSave } = creationOf(grant);
  const { log: _, ...counted } = grant;
  return { ...counted, imageIndex, imageName, allowSave };
}

/** `3f9a2b07  sunset.jpg to alice: 1 of 2 views used, active, never expires`. */
export function grantLine(grant: GrantView, role: 'owner' | 'recipient'): string {
  const { imageName } = creationOf(grant);
  const whom = role === 'owner' ? `to ${grant.recipient}` : `from ${grant.owner}`;
  const expiry = grant.expiresAt === null ? '' : `, ${formatExpiry(grant.expiresAt)}`;
  return `${shortId(grant)}  ${imageName} ${whom}: ${grant.used} of ${grant.views} views used, ${grant.phase}${expiry}`;
}

export function shortId({ id }: { readonly id: string }): string {
  return id.slice(0, SHOWN_DIGITS);
}
