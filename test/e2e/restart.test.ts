/** Peers and servers that come and go: nothing that was said is lost. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, freePorts, photo, type Running, Sandbox, until } from './sandbox.ts';

const sandbox = new Sandbox();
let cluster: Cluster;
let ports: number[];

const client = (user: string, ...args: string[]) =>
  sandbox.run('p2p-client', [...args, '--username', user, '--server', cluster.urls]);
const json = async (user: string, ...args: string[]) => {
  const { code, stdout, stderr } = await client(user, ...args, '--json');
  if (code !== 0) throw new Error(`${args.join(' ')} exited ${code}: ${stdout}${stderr}`);
  return JSON.parse(stdout);
};
const up = async (user: 'alice' | 'bob'): Promise<Running> => {
  const port = String(ports[user === 'alice' ? 0 : 1]);
  const running = sandbox.start('p2p-client', [
    'up',
    '--username',
    user,
    '--ip',
    '127.0.0.1',
    '--port',
    port,
    '--interval',
    '1',
    '--server',
    cluster.urls,
  ]);
  await until(`${user} online`, async () => {
    const { users } = await json(user, 'list-online');
    return users.some(({ username }: { username: string }) => username === user);
  });
  return running;
};
const received = () => {
  try {
    return readdirSync(join(sandbox.folder, 'peers', 'encrypted_images', 'alice'));
  } catch {
    return [];
  }
};

beforeAll(async () => {
  cluster = await sandbox.startCluster(1);
  ports = await freePorts(2);
  for (const [i, user] of ['alice', 'bob'].entries()) {
    const args = ['--ip', '127.0.0.1', '--port', String(ports[i]), '--image-paths', photo('friends.jpg')];
    expect(await client(user, 'register', ...args)).toMatchObject({ code: 0 });
  }
});
afterAll(() => sandbox.close());

describe('requests and carriers', () => {
  it('survive peers being killed, and arrive when the other side comes online', async () => {
    const bob = await up('bob');
    expect(await json('alice', 'request-image', 'bob', '0')).toMatchObject({ state: 'delivered' });
    await bob.end('SIGKILL');
    const again = await up('bob');
    expect((await json('bob', 'list-requests')).requests).toMatchObject([{ from: 'alice', imageIndex: 0 }]);

    // Alice is not there: the carrier waits, even through another kill of bob.
    expect(await json('bob', 'send-image', 'alice', '0', '--views', '1')).toMatchObject({ state: 'queued' });
    await again.end('SIGKILL');
    expect(received()).toEqual([]);
    await up('alice');
    await up('bob');
    await until('the carrier to arrive', () => received().some((name) => name.startsWith('received_image_')));
    const file = join(sandbox.folder, 'peers', 'encrypted_images', 'alice', received()[0] ?? '');
    expect(await json('alice', 'view-image', file, '--save', sandbox.path('seen.jpg'))).toMatchObject({
      n: 1,
      left: 0,
    });
  });

  it('to somebody who is down wait, or fail at once if told so', async () => {
    const down = await freePorts(1);
    const args = ['--ip', '127.0.0.1', '--port', String(down[0]), '--image-paths', photo('umang.jpg')];
    expect(await client('dora', 'register', ...args)).toMatchObject({ code: 0 });
    const refused = await client('alice', 'request-image', 'dora', '0', '--no-queue');
    expect(refused.code).toBe(4);
    expect(refused.stderr).toMatch(/cannot reach dora: tried 127\.0\.0\.1:\d+ \(refused\)/);
    const queued = await client('alice', 'request-image', 'dora', '0');
    expect(queued.code).toBe(0);
    expect(queued.stdout).toMatch(/queued/i);
    expect((await sandbox.run('p2p-client', ['outbox', '--username', 'alice'])).stdout).toContain('dora');
  });
});

describe('one server', () => {
  it('goes on when nobody reads its log any more', async () => {
    const server = sandbox.start('p2p-discovery-server', ['--verbose'], {
      PORT: '0',
      DATA_DIR: sandbox.path('mute', 'x'),
    });
    await server.says(/http:\/\/[\d.]+:\d+/);
    const [url] = /http:\/\/[\d.]+:\d+/.exec(server.output) ?? [''];
    server.child.stderr?.destroy();
    for (let i = 0; i < 5; i++) {
      expect((await fetch(`${url}/nothing-here`)).status).toBe(404);
    }
    expect(server.child.exitCode).toBeNull();
  });

  it('restarted by force still knows users, grants and counts', async () => {
    const before = await json('bob', 'grants');
    await cluster.servers[0]?.restart();
    await cluster.leader();
    expect(await json('bob', 'grants')).toEqual(before);
    expect(before.given).toMatchObject([{ used: 1, left: 0, phase: 'exhausted' }]);
  });
});
