/** Grants and their views. */

import { checkSealable, fromBase64url, openSigned, toBase64url, wrapShare } from '@cloud-steg/envelope';
import {
  AmendGrantBody,
  AppError,
  CloseViewAnswer,
  CloseViewBody,
  CreateGrantBody,
  GrantAmendment,
  GrantCreation,
  GrantEventPage,
  GrantId,
  GrantPage,
  GrantQuery,
  GrantView,
  OpenViewAnswer,
  OpenViewBody,
  PageQuery,
  ViewId,
  ViewReceipt,
} from '@cloud-steg/protocol';
import {
  amendGrant,
  closeView,
  createGrant,
  getGrant,
  listGrantEvents,
  listGrants,
  openView,
  ownerKeyOf,
  type Registry,
} from '@cloud-steg/registry';
import * as z from 'zod';
import { type Route, signedRoute } from './route.ts';

const GrantPath = z.object({ id: GrantId });
const ViewPath = GrantPath.extend({ viewId: ViewId });

export function grantRoutes(registry: Registry): Route[] {
  return [
    signedRoute({
      method: 'POST',
      path: '/grants',
      summary: 'grant somebody views of a picture, once per grant id',
      body: CreateGrantBody,
      answer: GrantView,
      async handle({ body, caller, reign }) {
        const creation = openSigned(GrantCreation, 'grant-entry', caller.key, body.entry);
        if (creation.owner !== caller.username) {
          throw new AppError('auth/forbidden', `this grant is ${creation.owner}'s to make`);
        }
        const sealedShare = fromBase64url(body.sealedShare);
        return createGrant(registry, reign.term, { entry: body.entry, creation, sealedShare });
      },
    }),
    signedRoute({
      method: 'GET',
      path: '/grants',
      summary: 'the grants that the caller gave, or was given, by id',
      query: GrantQuery,
      answer: GrantPage,
      async handle({ query: { role, ...query }, caller }) {
        const { items, ...page } = await listGrants(registry, caller.username, role, query);
        return { grants: items, ...page };
      },
    }),
    signedRoute({
      method: 'GET',
      path: '/grants/:id',
      summary: 'one grant, for its owner and its recipient',
      params: GrantPath,
      answer: GrantView,
      handle: async ({ params, caller }) => getGrant(registry, params.id, caller.username),
    }),
    signedRoute({
      method: 'PATCH',
      path: '/grants/:id',
      summary: 'the next entry of a grant’s log: other terms, or revoked',
      params: GrantPath,
      body: AmendGrantBody,
      answer: GrantView,
      async handle({ params, body, caller, reign }) {
        const ownerKey = await ownerKeyOf(registry, params.id, caller.username);
        const amendment = openSigned(GrantAmendment, 'grant-entry', ownerKey, body.entry);
        if (amendment.grant !== params.id) {
          throw new AppError('input/invalid', `the entry is for grant ${amendment.grant}`);
        }
        return amendGrant(registry, reign.term, body.entry, amendment);
      },
    }),
    signedRoute({
      method: 'POST',
      path: '/grants/:id/views',
      summary: 'spend a view, once per view id, and be given the key share',
      params: GrantPath,
      body: OpenViewBody,
      answer: OpenViewAnswer,
      async handle({ params: { id }, body, caller, reign }) {
        // Before the view is spent: there would be no way to hand out what it paid for.
        await checkSealable(body.key);
        const { n, sealedShare, grant } = await openView(registry, reign.term, caller, id, body);
        const ticket = { grant: id, viewId: body.viewId, n };
        const wrappedShare = toBase64url(await wrapShare(body.key, ticket, sealedShare));
        return { n, wrappedShare, grant };
      },
    }),
    signedRoute({
      method: 'POST',
      path: '/grants/:id/views/:viewId/close',
      summary: 'end a view before its first pixel is shown; the first nonce wins',
      params: ViewPath,
      body: CloseViewBody,
      answer: CloseViewAnswer,
      async handle({ params: { id, viewId }, body, caller, reign }) {
        const receipt = openSigned(ViewReceipt, 'view-receipt', caller.key, body.receipt);
        const closing = { nonce: body.nonce, signedReceipt: body.receipt, receipt };
        return { grant: await closeView(registry, reign.term, caller, id, viewId, closing) };
      },
    }),
    signedRoute({
      method: 'GET',
      path: '/grants/:id/events',
      summary: 'what happened to a grant, oldest first',
      params: GrantPath,
      query: PageQuery,
      answer: GrantEventPage,
      async handle({ params, query, caller }) {
        const { items, ...page } = await listGrantEvents(registry, params.id, caller.username, query);
        return { events: items, ...page };
      },
    }),
  ];
}
