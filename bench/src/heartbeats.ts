/** Heartbeats per second of one real server process, signatures checked, and what each costs its CPU. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { generateIdentity, type Identity, issueIdentityRecord, signRequest } from '@cloud-steg/envelope';
import { secureRandom, statusOf } from '@cloud-steg/peer';
import type { PublicKey, Username } from '@cloud-steg/protocol';

const USERS = 64;
const HEARTBEATS = 8_000;
const CONNECTIONS = 32;
const TICKS_PER_SECOND = 100;
const server = fileURLToPath(new URL('../../packages/cli/bin/p2p-discovery-server.js', import.meta.url));

interface Prepared {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

export async function benchHeartbeats(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cloud-steg-bench-'));
  const child = spawn(process.execPath, [server], {
    cwd: folder,
    env: { PATH: process.env['PATH'], PORT: '0', DATA_DIR: join(folder, 'data') },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    const origin = await originOf(child);
    const { cluster_key: clusterKey } = await readyStatus(origin);
    const users = Array.from({ length: USERS }, (_, i) => ({
      username: `user${i}` as Username,
      identity: generateIdentity(secureRandom),
    }));
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    for (const user of users) await send(origin, agent, await registration(origin, user, clusterKey));

    // Signed beforehand, so that the client's own signing is not measured.
    const heartbeats: Prepared[] = [];
    for (let i = 0; i < HEARTBEATS; i++) {
      const user = users[i % USERS];
      if (user) heartbeats.push(await heartbeat(origin, user, clusterKey, i + 1));
    }
    const cpuBefore = await cpuSeconds(child.pid ?? 0);
    const start = performance.now();
    let next = 0;
    // One user's beats must stay in order, so each connection keeps to its own users.
    await Promise.all(
      Array.from({ length: CONNECTIONS }, async (_, lane) => {
        for (let i = lane; i < HEARTBEATS; i += CONNECTIONS) {
          const prepared = heartbeats[i];
          if (prepared) await send(origin, agent, prepared);
          next++;
        }
      }),
    );
    const seconds = (performance.now() - start) / 1000;
    const cpu = (await cpuSeconds(child.pid ?? 0)) - cpuBefore;
    console.log(
      `\nheartbeats: ${next} of ${USERS} users over ${CONNECTIONS} connections, each signed and checked`,
    );
    console.log(
      `  ${(next / seconds).toFixed(0)} per second; ${((cpu / next) * 1e6).toFixed(0)} us of the server's CPU each`,
    );
    agent.destroy();
  } finally {
    if (child.exitCode === null) {
      const closed = once(child, 'close');
      child.kill();
      await closed;
    }
    await rm(folder, { recursive: true, force: true });
  }
}

/** The address the server prints when it listens. */
function originOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = '';
    child.stderr?.on('data', (chunk) => {
      printed += String(chunk);
      const origin = /http:\/\/[\d.]+:\d+/.exec(printed)?.[0];
      if (origin) resolve(origin);
    });
    child.once('exit', () => reject(new Error(`the server ended: ${printed}`)));
  });
}

async function readyStatus(origin: string) {
  for (let i = 0; i < 200; i++) {
    const status = await statusOf(origin).catch(() => undefined);
    if (status?.is_leader) return status;
    await sleep(50);
  }
  throw new Error('the server did not become leader');
}

type User = { username: Username; identity: Identity };

async function registration(origin: string, user: User, clusterKey: PublicKey): Promise<Prepared> {
  const body = {
    identity: issueIdentityRecord(user.identity, user.username, 1, Date.now()),
    addresses: [{ host: '127.0.0.1', port: 6000 }],
    images: [],
    previews: {},
  };
  return prepare(origin, 'POST', '/register', body, user, clusterKey);
}

async function heartbeat(origin: string, user: User, clusterKey: PublicKey, seq: number): Promise<Prepared> {
  const body = { username: user.username, addresses: [{ host: '127.0.0.1', port: 6000 }], seq };
  return prepare(origin, 'POST', '/heartbeat', body, user, clusterKey);
}

async function prepare(
  origin: string,
  method: string,
  path: string,
  json: object,
  user: User,
  clusterKey: PublicKey,
): Promise<Prepared> {
  const body = Buffer.from(JSON.stringify(json));
  const headers = await signRequest(
    { method, url: origin + path, body },
    {
      username: user.username,
      key: user.identity.signing,
      clusterKey,
      nowMs: Date.now(),
      random: secureRandom,
    },
  );
  return { method, path, body, headers: { ...headers, 'content-type': 'application/json' } };
}

function send(origin: string, agent: Agent, { method, path, headers, body }: Prepared): Promise<void> {
  return new Promise((resolve, reject) => {
    const sending = request(
      origin + path,
      { method, agent, headers: { ...headers, 'content-length': body.length } },
      (response) => {
        response.resume();
        response.on('end', () => {
          if ((response.statusCode ?? 500) < 300) resolve();
          else reject(new Error(`${path} answered ${response.statusCode}`));
        });
      },
    );
    sending.on('error', reject);
    sending.end(body);
  });
}

/** User and system time of a process so far (Linux). */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND;
}
