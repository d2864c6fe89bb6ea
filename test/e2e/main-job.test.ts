/** The whole main job as three people would do it, with the leader killed in the middle. */

import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, freePorts, photo, type Running, Sandbox, statusOf, until } from './sandbox.ts';

const sandbox = new Sandbox();
let cluster: Cluster;
let ports: number[];
const peers: Record<string, Running> = {};
const users = ['alice', 'bob', 'charlie', 'mallory'] as const;
const photos = {
  alice: 'umang.jpg',
  bob: 'aitzgorri.jpg,seeding.jpg',
  charlie: 'friends.jpg',
  mallory: 'sunset.jpg',
};

const client = (user: string, ...args: string[]) =>
  sandbox.run('p2p-client', [...args, '--username', user, '--server', cluster.urls]);
/** For what asks no server. */
const local = (user: string, ...args: string[]) => sandbox.run('p2p-client', [...args, '--username', user]);
const json = async (user: string, ...args: string[]) => {
  const { code, stdout, stderr } = await client(user, ...args, '--json');
  if (code !== 0) throw new Error(`${args.join(' ')} exited ${code}: ${stdout}${stderr}`);
  return JSON.parse(stdout);
};
const carriersOf = (user: string) => join(sandbox.folder, 'peers', 'encrypted_images', user);
const newestCarrier = (user: string) =>
  join(carriersOf(user), readdirSync(carriersOf(user)).sort().at(-1) ?? '');

beforeAll(async () => {
  cluster = await sandbox.startCluster();
  ports = await freePorts(users.length);
});
afterAll(() => sandbox.close());

describe('three servers, three users and an intruder', () => {
  it('register, with addresses of a network they may not even be on', async () => {
    for (const [i, user] of users.entries()) {
      const images = photos[user].split(',').map(photo).join(',');
      const ip = user === 'bob' ? '192.168.1.10' : '127.0.0.1';
      const done = await client(
        user,
        'register',
        '--ip',
        ip,
        '--port',
        String(ports[i]),
        '--image-paths',
        images,
      );
      expect(done).toMatchObject({ code: 0 });
    }
  });

  it('come online, and everybody sees everybody with previews of 128x128', async () => {
    for (const [i, user] of users.entries()) {
      // Bob does it as the original's users would: heartbeat and P2P server apart.
      const common = [
        '--username',
        user,
        '--port',
        String(ports[i]),
        '--ip',
        user === 'bob' ? '192.168.1.10' : '127.0.0.1',
      ];
      const named = [...common, '--server', cluster.urls];
      if (user === 'bob') {
        peers['bob-heartbeat'] = sandbox.start('p2p-client', [
          'start-heartbeat',
          ...named,
          '--interval',
          '1',
        ]);
        peers[user] = sandbox.start('p2p-client', ['start-p2p-server', ...common]);
      } else {
        peers[user] = sandbox.start('p2p-client', ['up', ...named, '--interval', '1']);
      }
    }
    await until(
      'everybody online',
      async () => (await json('alice', 'list-online')).users.length === users.length,
    );
    const { stdout } = await sandbox.run('p2p-client', ['list-online', '--server', cluster.urls]);
    expect(stdout).toMatch(/Online users \(4\)/);
    expect(stdout).toContain('bob @ 192.168.1.10');
    const online = await json('alice', 'list-online');
    const bob = online.users.find(({ username }: { username: string }) => username === 'bob');
    for (const file of bob.previewFiles ??
      bob.images.map(({ previewFile }: { previewFile: string }) => previewFile)) {
      const { width, height, format } = await sharp(file).metadata();
      expect({ width, height, format }).toEqual({ width: 128, height: 128, format: 'webp' });
    }
  });

  it('ask, see who asked, and send with two views', async () => {
    expect(await json('alice', 'request-image', 'bob', '0')).toMatchObject({ state: 'delivered' });
    const requests = await client('bob', 'list-requests');
    expect(requests.stdout).toMatch(/alice requests image \[0\]/);
    const sent = await json(
      'bob',
      'send-image',
      '--requester-username',
      'alice',
      '--image-index',
      '0',
      '--views',
      '2',
    );
    expect(sent).toMatchObject({ state: 'delivered', profile: 'synth', originalBytes: 1_072_182 });
    expect((await client('bob', 'list-requests')).stdout).not.toMatch(/alice requests/);
    expect((await local('alice', 'list-received-images')).stdout).toContain('received_image_');
  });

  it('open it once, byte for byte, from a path as the original wrote it', async () => {
    const carrier = newestCarrier('alice');
    copyFileSync(carrier, sandbox.path('kept-aside.png'));
    const tail = join('data', 'encrypted_images', 'alice', carrier.split('/').at(-1) ?? '');
    const saved = sandbox.path('first.jpg');
    const seen = await json('alice', 'view-image', '--encrypted-image-path', tail, '--save', saved);
    expect(seen).toMatchObject({ n: 1, views: 2, left: 1, owner: 'bob', deleted: false });
    expect(Buffer.compare(readFileSync(saved), readFileSync(photo('aitzgorri.jpg')))).toBe(0);
    const inspected = await local('alice', 'inspect', carrier);
    expect(inspected.stdout).toMatch(/bob/);
    expect(await json('bob', 'grants')).toMatchObject({ given: [{ used: 1, left: 1 }] });
  });

  it('lose their leader, and neither a count nor anybody online', async () => {
    const old = await cluster.leader();
    const { term } = (await statusOf(old)) ?? { term: 0 };
    await old.process.end('SIGKILL');
    const online = await json('charlie', 'list-online');
    expect(online.users.map(({ username }: { username: string }) => username).sort()).toEqual([...users]);
    const next = await cluster.leader();
    expect(next.node).not.toBe(old.node);
    expect((await statusOf(next))?.term).toBeGreaterThan(term);
    expect(await json('bob', 'grants')).toMatchObject({ given: [{ used: 1, left: 1 }] });
    await old.restart();
  });

  it('open it a second time, and the carrier is gone', async () => {
    const carrier = newestCarrier('alice');
    const saved = sandbox.path('second.jpg');
    const seen = await json('alice', 'view-image', carrier, '--save', saved);
    expect(seen).toMatchObject({ n: 2, views: 2, left: 0, deleted: true });
    expect(Buffer.compare(readFileSync(saved), readFileSync(photo('aitzgorri.jpg')))).toBe(0);
    expect(existsSync(carrier)).toBe(false);
  });

  it('bring nothing back by restoring a copy', async () => {
    const restored = join(carriersOf('alice'), 'received_image_1.png');
    copyFileSync(sandbox.path('kept-aside.png'), restored);
    const refused = await client('alice', 'view-image', restored, '--save', sandbox.path('third.jpg'));
    expect(refused.code).toBe(6);
    expect(refused.stderr).toMatch(/no views left/);
    expect(existsSync(sandbox.path('third.jpg'))).toBe(false);
  });

  it('keep the intruder out, who has the file and knows everybody', async () => {
    expect(await json('mallory', 'request-image', 'bob', '0')).toMatchObject({ state: 'delivered' });
    const refused = await client(
      'mallory',
      'view-image',
      sandbox.path('kept-aside.png'),
      '--save',
      sandbox.path('m.jpg'),
    );
    expect(refused.code).toBe(5);
    expect(existsSync(sandbox.path('m.jpg'))).toBe(false);
  });

  it('hide in a cover of the user’s own, extend, and revoke', async () => {
    await json('charlie', 'request-image', 'bob', '1');
    const sent = await json(
      'bob',
      'send-image',
      'charlie',
      '1',
      '--views',
      '1',
      '--cover',
      photo('sunset.jpg'),
    );
    expect(sent).toMatchObject({ profile: 'balanced', state: 'delivered' });
    const carrier = newestCarrier('charlie');
    await json('bob', 'extend', sent.grant, '--views', '2');
    const seen = await json('charlie', 'view-image', carrier, '--save', sandbox.path('seeding.jpg'));
    expect(seen).toMatchObject({ n: 1, views: 2, left: 1 });
    expect(
      Buffer.compare(readFileSync(sandbox.path('seeding.jpg')), readFileSync(photo('seeding.jpg'))),
    ).toBe(0);
    expect((await client('bob', 'revoke', sent.grant, '--yes')).code).toBe(0);
    const refused = await client('charlie', 'view-image', carrier, '--save', sandbox.path('again.jpg'));
    expect(refused.code).toBe(7);
    expect((await client('bob', 'extend', sent.grant, '--views', '5')).code).toBe(6);
  });

  it('say goodbye when they leave', async () => {
    expect(await peers['charlie']?.end('SIGTERM')).toBe(0);
    const online = await json('alice', 'list-online');
    expect(online.users.map(({ username }: { username: string }) => username)).not.toContain('charlie');
  });
});
