/** Where everything stands in the store. Numbers are padded so that byte order is their order. */

import type { GrantId, RequestId, Sha256, Username, ViewId } from '@cloud-steg/protocol';
import { keyOf, prefixOf, segmentsOf } from '@cloud-steg/store';

const SEQ_DIGITS = 8;
/** Enough for the largest safe integer. */
const TIME_DIGITS = 16;

export const PREFIX = {
  presence: prefixOf('p'),
  due: prefixOf('due'),
  requests: (owner: Username) => prefixOf('r', owner),
  grants: (owner: Username) => prefixOf('g', owner),
  received: (recipient: Username) => prefixOf('gr', recipient),
  events: (grant: GrantId) => prefixOf('a', grant),
} as const;

export const KEY = {
  user: (user: Username) => keyOf('u', user),
  /** A preview's bytes, and beside them how many users show it. */
  preview: (hash: Sha256) => keyOf('v', hash),
  previewUse: (hash: Sha256) => keyOf('vn', hash),
  presence: (user: Username) => keyOf('p', user),
  request: (owner: Username, id: RequestId) => keyOf('r', owner, id),
  /** How many requests wait for an owner. */
  inbox: (owner: Username) => keyOf('rn', owner),
  grant: (owner: Username, id: GrantId) => keyOf('g', owner, id),
  /** How many grants of an owner hold their share. */
  grantsHeld: (owner: Username) => keyOf('gn', owner),
  /** Points from a grant's id to its owner. */
  grantOwner: (id: GrantId) => keyOf('gid', id),
  /** Lists a grant under its recipient; holds the owner. */
  received: (recipient: Username, id: GrantId) => keyOf('gr', recipient, id),
  /** The sealed key share: read for a view's answer, by nothing else. */
  share: (grant: GrantId) => keyOf('s', grant),
  view: (grant: GrantId, view: ViewId) => keyOf('view', grant, view),
  event: (grant: GrantId, seq: number) => keyOf('a', grant, eventName(seq)),
  /** When a grant's share may be erased, for the sweep. */
  due: (at: number, grant: GrantId) => keyOf('due', String(at).padStart(TIME_DIGITS, '0'), grant),
} as const;

/** The last segment of an event's key. */
export function eventName(seq: number): string {
  return String(seq).padStart(SEQ_DIGITS, '0');
}

/** The time and the grant in a key that {@link KEY}`.due` built. */
export function parseDue(key: string): { at: number; grant: GrantId } {
  const [, at, grant] = segmentsOf(key);
  return { at: Number(at), grant: grant as GrantId };
}
