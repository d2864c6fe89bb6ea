/** A route: what it takes, who may call it, what it answers. The server and its OpenAPI document are both made from these. */

import { JSON_BODY_BYTES_MAX } from '@cloud-steg/protocol';
import type { Caller } from '@cloud-steg/registry';
import type * as z from 'zod';
import type { Client } from './client-address.ts';
import type { Reign } from './reign.ts';

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** What a handler is given, parsed. A part that the route doesn't declare is undefined. */
export interface Call<P, Q, B> {
  readonly params: z.output<P>;
  readonly query: z.output<Q>;
  readonly body: z.output<B>;
  readonly headers: Headers;
  readonly client: Client;
}
export type LeaderCall<P, Q, B> = Call<P, Q, B> & { readonly reign: Reign };
export type SignedCall<P, Q, B> = LeaderCall<P, Q, B> & { readonly caller: Caller };

interface Described {
  readonly method: Method;
  /** `:name` stands for a parameter. */
  readonly path: string;
  readonly summary: string;
  /** Schema of a JSON answer, or the media type of another one. */
  readonly answer: z.ZodType | string;
}

interface Taking<P, Q, B> extends Described {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Default: `JSON_BODY_BYTES_MAX`. */
  readonly bodyBytesMax?: number;
}

/** A JSON value of the answer's schema, or the response itself. */
type Answered = Promise<object>;

/** `replays: 'harmless'` where the call itself tells a replay from a repetition. */
interface Signing<B> {
  readonly replays?: 'harmless';
  /** Who must have signed, where the body says it; else the key comes from the caller's registration. */
  readonly signer?: (body: z.output<B>) => Caller;
}

/** A route with the types of its parts forgotten, as the server sees it. */
export interface Route extends Described {
  readonly params: z.ZodType | undefined;
  readonly query: z.ZodType | undefined;
  readonly body: z.ZodType | undefined;
  readonly bodyBytesMax: number;
  readonly servedBy: 'anyone' | 'leader';
  readonly signing: Signing<z.ZodType> | undefined;
  readonly handle: (
    call: Call<z.ZodType, z.ZodType, z.ZodType> & { reign?: Reign; caller?: Caller },
  ) => Answered;
}

type None = z.ZodUndefined;

/** Any node answers, to anybody. */
export function publicRoute<
  P extends z.ZodType = None,
  Q extends z.ZodType = None,
  B extends z.ZodType = None,
>(spec: Taking<P, Q, B> & { readonly handle: (call: Call<P, Q, B>) => Answered }): Route {
  return forget(spec, 'anyone', undefined);
}

/** The leader answers, to anybody. */
export function leaderRoute<
  P extends z.ZodType = None,
  Q extends z.ZodType = None,
  B extends z.ZodType = None,
>(spec: Taking<P, Q, B> & { readonly handle: (call: LeaderCall<P, Q, B>) => Answered }): Route {
  return forget(spec, 'leader', undefined);
}

/** The leader answers, to whoever signs. */
export function signedRoute<
  P extends z.ZodType = None,
  Q extends z.ZodType = None,
  B extends z.ZodType = None,
>(spec: Taking<P, Q, B> & Signing<B> & { readonly handle: (call: SignedCall<P, Q, B>) => Answered }): Route {
  const { replays, signer } = spec;
  return forget(spec, 'leader', { ...(replays ? { replays } : {}), ...(signer ? { signer } : {}) });
}

function forget<P, Q, B>(
  spec: Taking<P, Q, B> & { readonly handle: (call: never) => Answered },
  servedBy: Route['servedBy'],
  signing: Signing<B> | undefined,
): Route {
  const { method, path, summary, answer, params, query, body, handle } = spec;
  const bodyBytesMax = spec.bodyBytesMax ?? JSON_BODY_BYTES_MAX;
  return {
    method,
    path,
    summary,
    answer,
    params,
    query,
    body,
    bodyBytesMax,
    servedBy,
    signing,
    handle,
  } as Route;
}
