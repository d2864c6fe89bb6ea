import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { clusterKeyPair, generateIdentity, signLeaderStatement } from '@cloud-steg/envelope';
import type { ClusterStatus, PublicKey, Username } from '@cloud-steg/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { secureRandom } from '../src/carrier-engine.ts';
import { ClusterClient } from '../src/cluster-client.ts';

const key = clusterKeyPair(new Uint8Array(32).fill(7));
const otherKey = clusterKeyPair(new Uint8Array(32).fill(8));
const ports = { now: Date.now, random: secureRandom, clusterTimeoutMs: 20_000 };
/** For calls that come to nothing. */
const impatient = { ...ports, clusterTimeoutMs: 1_500 };
const caller = { username: 'alice' as Username, identity: generateIdentity(secureRandom) };
const Answer = z.object({ answeredBy: z.string() });
const open: Server[] = [];

afterEach(async () => {
  await Promise.all(
    open.splice(0).map((server) => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    }),
  );
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A server that speaks the cluster's language and does what `handler` says. */
async function serve(handler: Handler): Promise<string> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  open.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

const json = (response: ServerResponse, status: number, body: object) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
const problem = (code: string, status: number, more: object = {}) => ({
  type: 'about:blank',
  title: code,
  status,
  detail: `${code} it is`,
  code,
  requestId: '1',
  ...more,
});
const redirect = (url: string, by = key) =>
  problem('cluster/not-leader', 307, {
    current_leader: '127.0.0.1:5002',
    leader_url: url,
    leader_statement: signLeaderStatement(by, url, 3, Date.now()),
  });

const call = (client: ClusterClient) =>
  client.call({ method: 'POST', path: '/x', body: {}, as: caller, answer: Answer });

describe('a call to the cluster', () => {
  it('follows a redirect that the cluster’s key vouches for, and remembers the leader', async () => {
    const leader = await serve((_, response) => json(response, 200, { answeredBy: 'leader' }));
    let asked = 0;
    const follower = await serve((_, response) => {
      asked++;
      json(response, 307, redirect(leader));
    });
    const client = new ClusterClient([follower], key.publicKey, ports);
    expect(await call(client)).toEqual({ answeredBy: 'leader' });
    expect(await call(client)).toEqual({ answeredBy: 'leader' });
    expect(asked).toBe(1);
    expect(client.leaderUrl).toBe(leader);
  });

  it('goes nowhere on the word of another key', async () => {
    const trap = await serve((_, response) => json(response, 200, { answeredBy: 'trap' }));
    const follower = await serve((_, response) => json(response, 307, redirect(trap, otherKey)));
    await expect(call(new ClusterClient([follower], key.publicKey, ports))).rejects.toMatchObject({
      code: 'auth/bad-signature',
    });
  });

  it('goes nowhere on an old word of the right key', async () => {
    const trap = await serve((_, response) => json(response, 200, { answeredBy: 'trap' }));
    const old = signLeaderStatement(key, trap, 3, Date.now() - 10 * 60_000);
    const follower = await serve((_, response) =>
      json(response, 307, { ...redirect(trap), leader_statement: old }),
    );
    await expect(call(new ClusterClient([follower], key.publicKey, ports))).rejects.toMatchObject({
      code: 'cluster/untrusted-leader',
    });
  });

  it('goes nowhere when the statement names another place than the redirect', async () => {
    const trap = await serve((_, response) => json(response, 200, { answeredBy: 'trap' }));
    const statement = signLeaderStatement(key, 'http://127.0.0.1:9', 3, Date.now());
    const follower = await serve((_, response) =>
      json(response, 307, { ...redirect(trap), leader_statement: statement }),
    );
    await expect(call(new ClusterClient([follower], key.publicKey, ports))).rejects.toMatchObject({
      code: 'cluster/untrusted-leader',
    });
  });

  it('waits through an election', async () => {
    let calls = 0;
    const server = await serve((_, response) => {
      if (++calls < 4) json(response, 503, problem('cluster/no-leader', 503));
      else json(response, 200, { answeredBy: 'new leader' });
    });
    expect(await call(new ClusterClient([server], key.publicKey, ports))).toEqual({
      answeredBy: 'new leader',
    });
  });

  it('waits, too, while followers still point at a leader that has just died', async () => {
    let leader = 'http://127.0.0.1:1';
    const follower = () => serve((_, response) => json(response, 307, redirect(leader)));
    const [one, two] = [await follower(), await follower()];
    const next = await serve((_, response) => json(response, 200, { answeredBy: 'next' }));
    const answer = call(new ClusterClient(['http://127.0.0.1:1', one, two], key.publicKey, ports));
    setTimeout(() => {
      leader = next;
    }, 300);
    expect(await answer).toEqual({ answeredBy: 'next' });
  });

  it('is answered by the next leader while the old one is frozen, and not sent to that one again', async () => {
    const told: (string | undefined)[] = [];
    const frozen = await serve(() => {});
    const next = await serve((_, response) => json(response, 200, { answeredBy: 'next' }));
    const follower = await serve((request, response) => {
      const silent = request.headers['no-answer-from'] as string | undefined;
      told.push(silent);
      json(response, 307, redirect(silent?.includes(frozen) ? next : frozen));
    });
    const client = new ClusterClient([follower], key.publicKey, ports);
    expect(await call(client)).toEqual({ answeredBy: 'next' });
    expect(told).toEqual([undefined, frozen]);
    expect(client.leaderUrl).toBe(next);
  });

  it('forgets a leader that has fallen silent', async () => {
    let freeze = false;
    const leader = await serve((_, response) => {
      if (!freeze) json(response, 200, { answeredBy: 'leader' });
    });
    const next = await serve((_, response) => {
      if (freeze) json(response, 200, { answeredBy: 'next' });
      else json(response, 307, redirect(leader));
    });
    const client = new ClusterClient([next], key.publicKey, ports);
    await call(client);
    expect(client.leaderUrl).toBe(leader);
    freeze = true;
    expect(await call(client)).toEqual({ answeredBy: 'next' });
    expect(client.leaderUrl).toBe(next);
  });

  it('is signed anew each time it is tried', async () => {
    const signatures = new Set<string | string[] | undefined>();
    const handler: Handler = (request, response) => {
      signatures.add(request.headers['signature']);
      if (signatures.size < 3) json(response, 503, problem('cluster/no-leader', 503));
      else json(response, 200, { answeredBy: 'third try' });
    };
    expect(await call(new ClusterClient([await serve(handler)], key.publicKey, ports))).toEqual({
      answeredBy: 'third try',
    });
  });

  it('takes no longer than it may, though nobody ever answers', async () => {
    const servers = [await serve(() => {}), await serve(() => {})];
    await expect(call(new ClusterClient(servers, key.publicKey, impatient))).rejects.toMatchObject({
      code: 'cluster/unreachable',
      message: expect.stringMatching(
        /\((timed out after|no answer for) \d+ ms\).*\((timed out after|no answer for) \d+ ms\)/,
      ),
    });
  });

  it('gives up at its deadline with what it was told last', async () => {
    const server = await serve((_, response) => json(response, 503, problem('cluster/no-leader', 503)));
    await expect(call(new ClusterClient([server], key.publicKey, impatient))).rejects.toMatchObject({
      code: 'cluster/no-leader',
      message: 'cluster/no-leader it is',
    });
  });

  it('passes by servers that are down, and names each when all are', async () => {
    const up = await serve((_, response) => json(response, 200, { answeredBy: 'up' }));
    expect(await call(new ClusterClient(['http://127.0.0.1:1', up], key.publicKey, ports))).toEqual({
      answeredBy: 'up',
    });
    await expect(
      call(new ClusterClient(['http://127.0.0.1:1', 'http://127.0.0.1:2'], key.publicKey, ports)),
    ).rejects.toMatchObject({
      code: 'cluster/unreachable',
      message: expect.stringMatching(/127\.0\.0\.1:1 \(refused\), http:\/\/127\.0\.0\.1:2 \(refused\)/),
    });
  });

  it('tries again when the reply was lost, since the call may have been counted', async () => {
    let calls = 0;
    const server = await serve((request, response) => {
      if (++calls === 1) request.socket.destroy();
      else json(response, 200, { answeredBy: 'second try' });
    });
    expect(await call(new ClusterClient([server], key.publicKey, ports))).toEqual({
      answeredBy: 'second try',
    });
  });

  it('does not repeat what was refused', async () => {
    let calls = 0;
    const server = await serve((_, response) => {
      calls++;
      json(response, 410, problem('grant/exhausted', 410, { hint: 'ask again' }));
    });
    await expect(call(new ClusterClient([server], key.publicKey, ports))).rejects.toMatchObject({
      code: 'grant/exhausted',
      hint: 'ask again',
    });
    expect(calls).toBe(1);
  });

  it('says what it met when the server is none of ours', async () => {
    const server = await serve((_, response) => response.writeHead(404).end('<h1>nginx</h1>'));
    await expect(call(new ClusterClient([server], key.publicKey, ports))).rejects.toThrow(
      'answered 404 without saying why',
    );
  });
});

describe('the cluster’s key', () => {
  const says =
    (publicKey: PublicKey): Handler =>
    (_, response) =>
      json(response, 200, status(publicKey));
  const status = (publicKey: PublicKey): ClusterStatus => ({
    status: 'ok',
    node: 'n',
    is_leader: true,
    current_leader: 'n',
    leader_url: null,
    leader_statement: null,
    term: 1,
    cluster_key: publicKey,
    nodes: [],
    elections: [],
    version: '0',
    now: 1,
  });

  it('is learnt at first contact and held to', async () => {
    let told = key.publicKey;
    const server = await serve((_, response) => json(response, 200, status(told)));
    const client = new ClusterClient([server], undefined, ports);
    expect(await client.clusterKey()).toBe(key.publicKey);
    told = otherKey.publicKey;
    expect(await client.clusterKey()).toBe(key.publicKey);
    expect(client.pinnedKey).toBe(key.publicKey);
  });

  it('is not learnt from servers that disagree', async () => {
    const [one, two] = [await serve(says(key.publicKey)), await serve(says(otherKey.publicKey))];
    await expect(new ClusterClient([one, two], undefined, ports).clusterKey()).rejects.toMatchObject({
      code: 'auth/wrong-cluster',
      message: expect.stringContaining('not of one cluster'),
    });
  });
});
