/** Requests for pictures, left at the cluster. */

import { openSigned } from '@cloud-steg/envelope';
import {
  AnswerRequestBody,
  AppError,
  FiledRequest,
  FileRequestBody,
  ImageRequest,
  PageQuery,
  RequestId,
  RequestPage,
} from '@cloud-steg/protocol';
import { denyRequest, fileRequest, listRequests, type Registry } from '@cloud-steg/registry';
import * as z from 'zod';
import { type Route, signedRoute } from './route.ts';

export function requestRoutes(registry: Registry): Route[] {
  return [
    signedRoute({
      method: 'POST',
      path: '/requests',
      summary: 'leave a request for its owner, once per id',
      body: FileRequestBody,
      answer: FiledRequest,
      async handle({ body, caller, reign }) {
        const request = openSigned(ImageRequest, 'image-request', caller.key, body.request);
        if (request.from !== caller.username) {
          throw new AppError('auth/forbidden', `this request is ${request.from}'s`);
        }
        return fileRequest(registry, reign.term, body.request, request);
      },
    }),
    signedRoute({
      method: 'GET',
      path: '/requests',
      summary: 'the requests for the caller, by id',
      query: PageQuery,
      answer: RequestPage,
      async handle({ query, caller }) {
        const { items, ...page } = await listRequests(registry, caller.username, query);
        return { requests: items, ...page };
      },
    }),
    signedRoute({
      method: 'PATCH',
      path: '/requests/:id',
      summary: 'deny a request for one of the caller’s pictures',
      params: z.object({ id: RequestId }),
      body: AnswerRequestBody,
      answer: FiledRequest,
      async handle({ params, caller, reign }) {
        return denyRequest(registry, reign.term, caller.username, params.id);
      },
    }),
  ];
}
