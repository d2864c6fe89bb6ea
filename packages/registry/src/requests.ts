/** "May I have your picture?", left at the cluster for an owner who is offline. */

import {
  AppError,
  FiledRequest,
  type GrantId,
  type ImageRequest,
  ImageRequest as ImageRequestSchema,
  parseJson,
  QUOTA_RETRY_AFTER_SECONDS,
  REQUESTS_PENDING_PER_OWNER_MAX,
  REQUESTS_PENDING_PER_PAIR_MAX,
  type RequestId,
  type Signed,
  type Term,
  Username,
} from '@cloud-steg/protocol';
import * as z from 'zod';
import { KEY, PREFIX } from './keys.ts';
import type { Draft, Page, PageQuery } from './ledger.ts';
import type { Registry } from './registry.ts';
import { getUser } from './users.ts';

/** How many requests of whom wait for an owner. */
const Inbox = z.object({ from: z.record(Username, z.int().positive()) });
type Inbox = z.infer<typeof Inbox>;

/**
 * Files a request for its owner, once per id. `signed` was checked against the key of `request.from`.
 *
 * Throws `identity/unknown` (the owner), `image/no-such-index`, `operation/conflict` (the id stands for
 * another request), `rate/limited` (the owner's inbox is full).
 */
export async function fileRequest(
  registry: Registry,
  term: Term,
  signed: Signed,
  request: ImageRequest,
): Promise<FiledRequest> {
  const owner = request.to;
  const key = KEY.request(owner, request.id);
  return registry.ledger.change(term, KEY.inbox(owner), async (draft) => {
    const known = await draft.read(FiledRequest, key);
    if (known) {
      if (known.request.text === signed.text) return known;
      throw new AppError('operation/conflict', `request ${request.id} asks for something else already`);
    }
    // Only now: a request that was filed stays filed, whatever its owner shows when it is repeated.
    const { images } = await getUser(registry, owner);
    if (!images.some(({ id, index }) => id === request.imageId && index === request.imageIndex)) {
      throw new AppError('image/no-such-index', `${owner} shows no such picture at ${request.imageIndex}`);
    }
    const inbox = await readInbox(draft, owner);
    const own = inbox.from[request.from] ?? 0;
    if (own >= REQUESTS_PENDING_PER_PAIR_MAX || pendingIn(inbox) >= REQUESTS_PENDING_PER_OWNER_MAX) {
      const whose = own >= REQUESTS_PENDING_PER_PAIR_MAX ? `${own} requests of yours` : 'too many requests';
      throw new AppError('rate/limited', `${whose} wait for ${owner} already`, {
        hint: `wait until ${owner} has answered some`,
        data: { retryAfterSeconds: QUOTA_RETRY_AFTER_SECONDS },
      });
    }
    const filed: FiledRequest = { request: signed, state: 'pending', grant: null };
    draft.put(key, filed);
    draft.put(KEY.inbox(owner), { from: { ...inbox.from, [request.from]: own + 1 } });
    return filed;
  });
}

/** The requests for `owner`, answered ones too, by id. */
export function listRequests(
  registry: Registry,
  owner: Username,
  query: PageQuery,
): Promise<Page<FiledRequest>> {
  return registry.ledger.pageOf(FiledRequest, PREFIX.requests(owner), query);
}

/** How many requests wait for `owner`. */
export async function countPending(registry: Registry, owner: Username): Promise<number> {
  const inbox = await registry.ledger.read(Inbox, KEY.inbox(owner));
  return inbox ? pendingIn(inbox) : 0;
}

/** The owner's no. Saying it twice changes nothing. Throws `request/unknown` or `request/answered`. */
export function denyRequest(
  registry: Registry,
  term: Term,
  owner: Username,
  id: RequestId,
): Promise<FiledRequest> {
  return registry.ledger.change(term, KEY.inbox(owner), async (draft) => {
    const filed = await draft.read(FiledRequest, KEY.request(owner, id));
    if (!filed) throw new AppError('request/unknown', `no request ${id} waits for ${owner}`);
    if (filed.state === 'approved') {
      throw new AppError('request/answered', `request ${id} was granted already`, {
        hint: 'revoke the grant instead',
      });
    }
    if (filed.state === 'denied') return filed;
    return answer(draft, owner, id, filed, { ...filed, state: 'denied' });
  });
}

/**
 * The owner's yes, as part of the change that makes the grant. Requests that went straight to the
 * owner's peer are not known here, and need not be. A request once denied may be granted after all.
 *
 * Throws `input/invalid` when somebody other than `recipient` had asked.
 */
export async function approveRequest(
  draft: Draft,
  owner: Username,
  recipient: Username,
  id: RequestId,
  grant: GrantId,
): Promise<void> {
  const filed = await draft.read(FiledRequest, KEY.request(owner, id));
  if (!filed) return;
  const { from } = parseJson(ImageRequestSchema, filed.request.text, 'request');
  if (from !== recipient) {
    throw new AppError('input/invalid', `request ${id} was made by ${from}, not by ${recipient}`);
  }
  await answer(draft, owner, id, filed, { ...filed, state: 'approved', grant });
}

async function answer(
  draft: Draft,
  owner: Username,
  id: RequestId,
  filed: FiledRequest,
  answered: FiledRequest,
): Promise<FiledRequest> {
  if (filed.state === 'pending') {
    const { from } = parseJson(ImageRequestSchema, filed.request.text, 'request');
    const inbox = await readInbox(draft, owner);
    const { [from]: waiting = 0, ...others } = inbox.from;
    draft.put(KEY.inbox(owner), { from: waiting > 1 ? { ...others, [from]: waiting - 1 } : others });
  }
  draft.put(KEY.request(owner, id), answered);
  return answered;
}

async function readInbox(draft: Draft, owner: Username): Promise<Inbox> {
  return (await draft.read(Inbox, KEY.inbox(owner))) ?? { from: {} };
}

function pendingIn(inbox: Inbox): number {
  return Object.values(inbox.from).reduce((sum, count) => sum + count, 0);
}
