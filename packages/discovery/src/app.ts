/** The discovery server's HTTP, from ports alone: nothing here opens a socket or a file. */

import { sha256Hex, toHex } from '@cloud-steg/envelope';
import { AppError, parse, REIGNS_PER_REQUEST_MAX, toAppError, traitsOf } from '@cloud-steg/protocol';
import { createRegistry } from '@cloud-steg/registry';
import { Hono, type Context as HonoContext } from 'hono';
import { Authentication } from './authentication.ts';
import { Bodies } from './bounded-body.ts';
import type { Client } from './client-address.ts';
import { clusterRoutes } from './cluster-routes.ts';
import { ElectionTally, electionMetrics } from './election-metrics.ts';
import { grantRoutes } from './grant-routes.ts';
import { HeldRequests } from './held-requests.ts';
import { Metrics } from './metrics.ts';
import { openApiDocument } from './openapi.ts';
import { peopleRoutes } from './people-routes.ts';
import type { DiscoveryPorts } from './ports.ts';
import { problemResponse } from './problem.ts';
import { RateLimits } from './rate-limits.ts';
import { LeaderElsewhere, leaderElsewhere, notLeading, silentLeaders } from './redirect.ts';
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
  /** To be called once this node has left the election: what is held is answered with what is known, and nothing held from then on. */
  readonly endHolding: () => void;
}

export function createApp(ports: DiscoveryPorts): DiscoveryApp {
  const registry = createRegistry({ store: ports.store, now: ports.now, sha256: (data) => sha256Hex(data) });
  const reigns = new Reigns(ports, registry);
  const authentication = new Authentication(registry, ports.clusterKey.publicKey);
  const limits = new RateLimits(ports.now);
  const bodies = new Bodies();
  const held = new HeldRequests({
    leadership: ports.leadership,
    after: ports.after,
    holdMs: ports.leaderHoldMs,
  });
  const tally = new ElectionTally();
  const metrics = new Metrics([
    ...electionMetrics(ports.leadership, tally),
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
    {
      name: 'cloud_steg_requests_held',
      help: 'Requests that wait for a leader to be known.',
      read: () => held.count,
    },
    {
      name: 'cloud_steg_requests_held_in_vain_total',
      help: 'Requests that waited for a leader for as long as they may.',
      type: 'counter',
      read: () => held.inVain,
    },
    {
      name: 'cloud_steg_requests_not_held_total',
      help: 'Requests refused at once, because too many waited for a leader already.',
      type: 'counter',
      read: () => held.turnedAway,
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
    const reign = route.servedBy === 'leader' ? await reignFor(c) : undefined;
    return bodies.read(c.req.raw, c.env.client, route.bodyBytesMax, (bytes) => serve(route, c, reign, bytes));
  }

  /**
   * The reign that serves this request, waited for while nobody leads. Throws whom to ask instead. The body waits unread,
   * so that a client which hangs up within a long one is not noticed before the wait is over.
   */
  async function reignFor(c: Context): Promise<Reign> {
    const { signal, headers } = c.req.raw;
    const silent = silentLeaders(headers);
    const found = await held.until(
      c.env.client,
      signal,
      async () => (await reigns.current()) ?? leaderElsewhere(ports, silent),
    );
    if (signal.aborted) throw new AppError('program/cancelled', 'the client hung up');
    if (found instanceof LeaderElsewhere) throw found;
    if (!found) throw notLeading(ports);
    return found;
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
    const call = {
      params: route.params && parse(route.params, c.req.param(), 'path'),
      query: route.query && parse(route.query, c.req.query(), 'query'),
      body: early ?? parseBody(),
      headers: c.req.raw.headers,
      client: c.env.client,
      ...(caller ? { caller } : {}),
    };
    const result = reign
      ? await handleUnder(reign, c, (reign) => route.handle({ ...call, reign }))
      : await route.handle(call);
    return result instanceof Response ? result : c.json(result, 200, { 'cache-control': 'no-store' });
  }

  /**
   * What was committed stands; but neither a success nor a refusal of a leader deposed meanwhile is told, since its
   * successor may know better. Should this node lead again, it asks itself anew.
   */
  async function handleUnder(
    reign: Reign,
    c: Context,
    handle: (reign: Reign) => Promise<object>,
  ): Promise<object> {
    let current = reign;
    for (let i = 0; i < REIGNS_PER_REQUEST_MAX; i++) {
      const [outcome] = await Promise.allSettled([handle(current)]);
      const next = reigns.isCurrent(current) ? current : await reignFor(c);
      if (next === current) {
        if (outcome.status === 'fulfilled') return outcome.value;
        throw outcome.reason;
      }
      current = next;
    }
    throw notLeading(ports);
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
    async tick() {
      tally.take(ports.leadership.status().elections);
      await reigns.tick();
    },
    endHolding: () => held.end(),
  };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new AppError('input/invalid', 'body: not valid JSON', { cause });
  }
}
