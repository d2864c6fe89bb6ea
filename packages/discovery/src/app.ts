/** The discovery server's HTTP, from ports alone: nothing here opens a socket or a file. */

import { sha256Hex, toHex } from '@cloud-steg/envelope';
import { AppError, parse, toAppError, traitsOf } from '@cloud-steg/protocol';
import { createRegistry } from '@cloud-steg/registry';
import { Hono, type Context as HonoContext } from 'hono';
import { Authentication } from './authentication.ts';
import { Bodies } from './bounded-body.ts';
import type { Client } from './client-address.ts';
import { clusterRoutes } from './cluster-routes.ts';
import { grantRoutes } from './grant-routes.ts';
import { Metrics } from './metrics.ts';
import { openApiDocument } from './openapi.ts';
import { peopleRoutes } from './people-routes.ts';
import type { DiscoveryPorts } from './ports.ts';
import { problemResponse } from './problem.ts';
import { RateLimits } from './rate-limits.ts';
import { notLeading } from './redirect.ts';
import { type Reign, Reigns } from './reign.ts';
import { requestRoutes } from './request-routes.ts';
import { type Method, publicRoute, type Route } from './route.ts';

type Env = { Bindings: { client: Client } };
type Context = HonoContext<Env>;

export interface DiscoveryApp {
  /** Answers every request, by whichever client the socket says; never rejects. */
  readonly fetch: (request: Request, client: Client) => Promise<Response>;
  readonly routes: readonly Route[];
  /** To be called every `SWEEP_INTERVAL_MS`, and when leadership changes. Never rejects. */
  readonly tick: () => Promise<void>;
}

export function createApp(ports: DiscoveryPorts): DiscoveryApp {
  const registry = createRegistry({ store: ports.store, now: ports.now, sha256: (data) => sha256Hex(data) });
  const reigns = new Reigns(ports, registry);
  const authentication = new Authentication(registry, ports.clusterKey.publicKey);
  const limits = new RateLimits(ports.now);
  const bodies = new Bodies();
  const metrics = new Metrics([
    {
      name: 'cloud_steg_is_leader',
      help: 'Whether this node leads.',
      read: () => (ports.leadership.leading() ? 1 : 0),
    },
    { name: 'cloud_steg_term', help: 'The election’s term.', read: () => ports.leadership.status().term },
    {
      name: 'cloud_steg_online_users',
      help: 'Users online; 0 at a follower.',
      read: () => reigns.onlineCount,
    },
    {
      name: 'cloud_steg_nonces_remembered',
      help: 'Signed requests remembered against replay.',
      read: () => authentication.remembered,
    },
    {
      name: 'cloud_steg_body_bytes_held',
      help: 'Bytes of request bodies in memory.',
      read: () => bodies.bytesHeld,
    },
  ]);

  const routes: Route[] = [
    ...peopleRoutes(ports, registry, limits),
    ...requestRoutes(registry),
    ...grantRoutes(registry),
    ...clusterRoutes(ports, metrics),
    publicRoute({
      method: 'GET',
      path: '/openapi.json',
      summary: 'this interface, as OpenAPI 3.1',
      answer: 'application/json',
      handle: async () => document,
    }),
  ];
  const document = openApiDocument(routes, ports.version);

  /** Order matters: first how often and who may serve, then how much is sent, then who asks, and only then what. */
  async function answer(route: Route, c: Context): Promise<Response> {
    limits.request(c.env.client);
    const reign = route.servedBy === 'leader' ? await reigns.current() : undefined;
    if (route.servedBy === 'leader' && !reign) throw notLeading(ports);
    return bodies.read(c.req.raw, c.env.client, route.bodyBytesMax, (bytes) => serve(route, c, reign, bytes));
  }

  async function serve(
    route: Route,
    c: Context,
    reign: Reign | undefined,
    bytes: Uint8Array,
  ): Promise<Response> {
    const { signing } = route;
    const parseBody = () => (route.body ? parse(route.body, jsonOf(bytes), 'body') : undefined);
    // The body is parsed before its signature is checked only where it names the key itself.
    const early = signing?.signer && parseBody();
    const signer = signing?.signer?.(early);
    const caller =
      signing && (await authentication.verify(c.req.raw, bytes, { signer, replays: signing.replays }));
    // A signer who came with its own key is no user yet: what that costs is for the route to say.
    if (caller && !signer && route.method !== 'GET') limits.change(caller.key);
    const result = await route.handle({
      params: route.params && parse(route.params, c.req.param(), 'path'),
      query: route.query && parse(route.query, c.req.query(), 'query'),
      body: early ?? parseBody(),
      headers: c.req.raw.headers,
      client: c.env.client,
      ...(reign ? { reign } : {}),
      ...(caller ? { caller } : {}),
    });

    // What was committed stands; but a leader deposed meanwhile leaves the answering to its successor.
    if (reign && !reigns.isCurrent(reign)) throw notLeading(ports);
    return result instanceof Response ? result : c.json(result, 200, { 'cache-control': 'no-store' });
  }

  const app = new Hono<Env>();
  for (const route of routes) app.on(route.method, route.path, (c) => answered(route, c));
  for (const path of new Set(routes.map((route) => route.path))) {
    const allow = routes.filter((route) => route.path === path).map(({ method }) => method);
    app.all(path, (c) => wrongMethod(c, path, allow));
  }
  app.notFound((c) => refuse(c, new AppError('input/not-found', `there is nothing at ${c.req.path}`)));

  async function answered(route: Route, c: Context): Promise<Response> {
    const began = ports.now();
    let response: Response;
    try {
      response = await answer(route, c);
    } catch (thrown) {
      response = refuse(c, toAppError(thrown));
    }
    metrics.count(route.method, route.path, response.status, Math.max(0, ports.now() - began) / 1000);
    response.headers.set('x-content-type-options', 'nosniff');
    return response;
  }

  function refuse(c: Context, error: AppError): Response {
    const requestId = toHex(ports.random(8));
    const { status } = traitsOf(error.code);
    const target = c.req.url.slice(new URL(c.req.url).origin.length);
    ports.log(status >= 500 && status !== 503 ? 'error' : 'debug', 'request-refused', {
      requestId,
      method: c.req.method,
      path: c.req.path,
      code: error.code,
      error,
    });
    return problemResponse(error, requestId, target);
  }

  function wrongMethod(c: Context, path: string, allow: readonly Method[]): Response {
    return refuse(
      c,
      new AppError('input/wrong-method', `${path} takes ${allow.join(' or ')}, not ${c.req.method}`, {
        data: { allow },
      }),
    );
  }

  return {
    fetch: async (request, client) => app.fetch(request, { client }),
    routes,
    tick: () => reigns.tick(),
  };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new AppError('input/invalid', 'body: not valid JSON', { cause });
  }
}
