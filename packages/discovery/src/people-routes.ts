/** Names, presence and previews. */

import { checkSealable, cosignIdentity, fromBase64url, openIdentityRecord } from '@cloud-steg/envelope';
import {
  AppError,
  HeartbeatAnswer,
  HeartbeatBody,
  OfflineBody,
  OnlinePage,
  PageQuery,
  REGISTER_BODY_BYTES_MAX,
  RegisterAnswer,
  RegisterBody,
  Sha256,
  Username,
  UserView,
} from '@cloud-steg/protocol';
import {
  type Caller,
  countPending,
  findPreview,
  findUser,
  getUser,
  getUsers,
  type Registry,
  registerUser,
  type UserRecord,
} from '@cloud-steg/registry';
import * as z from 'zod';
import type { DiscoveryPorts } from './ports.ts';
import type { RateLimits } from './rate-limits.ts';
import type { Reign } from './reign.ts';
import { leaderRoute, type Route, signedRoute } from './route.ts';

export function peopleRoutes(ports: DiscoveryPorts, registry: Registry, limits: RateLimits): Route[] {
  return [
    signedRoute({
      method: 'POST',
      path: '/register',
      summary: 'take a name, or replace what it stands for; signed by the key in the identity record',
      body: RegisterBody,
      bodyBytesMax: REGISTER_BODY_BYTES_MAX,
      answer: RegisterAnswer,
      signer: ({ identity }) => {
        const { username, ed25519 } = openIdentityRecord(identity);
        return { username, key: ed25519 };
      },
      async handle({ body, caller, client, reign }) {
        const known = await findUser(registry, caller.username);
        if (!known) limits.newName(client);
        else if (known.ed25519 === caller.key) limits.change(caller.key);
        const record = openIdentityRecord(body.identity);
        // Nobody could send this user anything, and whoever met them would fail on the key.
        await checkSealable(record.x25519);
        const { user, created } = await registerUser(registry, reign.term, {
          identity: cosignIdentity(ports.clusterKey, body.identity),
          record,
          addresses: body.addresses,
          images: body.images,
          previews: new Map(
            Object.entries(body.previews).map(([hash, bytes]) => [hash as Sha256, fromBase64url(bytes)]),
          ),
        });
        return { identity: user.identity, created };
      },
    }),
    signedRoute({
      method: 'POST',
      path: '/heartbeat',
      summary: 'be online for the next ttlMs; seq must rise',
      body: HeartbeatBody,
      answer: HeartbeatAnswer,
      replays: 'harmless',
      async handle({ body, caller, reign }) {
        checkOwn(body.username, caller);
        await reign.heartbeat(caller.username, body.addresses, body.seq);
        return {
          ttlMs: ports.heartbeatTtlMs,
          requestsWaiting: await countPending(registry, caller.username),
        };
      },
    }),
    signedRoute({
      method: 'DELETE',
      path: '/heartbeat',
      summary: 'go offline; seq must rise',
      body: OfflineBody,
      answer: z.object({}),
      replays: 'harmless',
      async handle({ body, caller, reign }) {
        checkOwn(body.username, caller);
        await reign.leave(caller.username, body.seq);
        return {};
      },
    }),
    leaderRoute({
      method: 'GET',
      path: '/discovery/online',
      summary: 'who is online, by name',
      query: PageQuery,
      answer: OnlinePage,
      async handle({ query, reign }) {
        const { users, ...page } = reign.presence.page(query.limit, query.after);
        const names = users.map(({ username }) => username);
        const shown = await getUsers(registry, names);
        const last = shown.at(-1);
        return {
          ...page,
          ...(last && shown.length < names.length ? { next: last.username } : {}),
          users: shown.map((user) => viewOf(user, reign, registry.now())),
        };
      },
    }),
    leaderRoute({
      method: 'GET',
      path: '/users/:username',
      summary: 'one user: keys, addresses, pictures, presence',
      params: z.object({ username: Username }),
      answer: UserView,
      async handle({ params, reign }) {
        return viewOf(await getUser(registry, params.username), reign, registry.now());
      },
    }),
    leaderRoute({
      method: 'GET',
      path: '/previews/:sha256',
      summary: 'a 128x128 preview, by its hash',
      params: z.object({ sha256: Sha256 }),
      answer: 'image/webp',
      async handle({ params: { sha256 }, headers }) {
        const bytes = await findPreview(registry, sha256);
        if (!bytes) throw new AppError('image/not-found', `nobody shows preview ${sha256}`);
        return previewResponse(sha256, bytes, headers.get('if-none-match'));
      },
    }),
  ];
}

function viewOf(user: UserRecord, reign: Reign, now: number): UserView {
  const online = reign.presence.find(user.username);
  return {
    username: user.username,
    identity: user.identity,
    addresses: [...(online?.addresses ?? user.addresses)],
    images: user.images,
    online: online !== undefined,
    lastSeenMs: online ? Math.max(0, now - online.seenAt) : null,
  };
}

/** Named by its content, a preview never changes. */
function previewResponse(hash: Sha256, bytes: Uint8Array, known: string | null): Response {
  const etag = `"${hash}"`;
  const headers = { etag, 'cache-control': 'public, max-age=31536000, immutable' };
  const fresh = known?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
  if (fresh) return new Response(null, { status: 304, headers });
  return new Response(new Uint8Array(bytes), { headers: { ...headers, 'content-type': 'image/webp' } });
}

function checkOwn(username: Username, caller: Caller): void {
  if (username !== caller.username) {
    throw new AppError('auth/forbidden', `signed as ${caller.username}, this call is for ${username}`);
  }
}
