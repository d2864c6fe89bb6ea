import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Username } from '@cloud-steg/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataDirectory } from '../src/data-directory.ts';
import { loadProfile } from '../src/identity-file.ts';
import { openPeer } from '../src/peer.ts';
import { register } from '../src/registration.ts';
import { photo, World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await World.start();
});
afterEach(() => world.close());

const dora = 'dora' as Username;
const options = (folder: string, more: object = {}) => ({
  dataDir: join(world.folder, folder),
  username: dora,
  address: { host: '127.0.0.1', port: 6000 },
  imagePaths: [photo('umang.jpg')],
  servers: [world.url],
  ...more,
});
const profileIn = (folder: string) => loadProfile(new DataDirectory(join(world.folder, folder)), dora);

describe('registering', () => {
  it('twice at once on one machine makes one identity, and both succeed with it', async () => {
    const both = await Promise.all([1, 2, 3].map(() => register(world.ports, options('one'))));
    const fingerprints = new Set(both.map(({ fingerprint }) => fingerprint));
    expect(fingerprints.size).toBe(1);
    const peer = await openPeer(world.ports, { dataDir: join(world.folder, 'one'), username: dora });
    expect(peer.profile.identity.signing.publicKey).toBeDefined();
    peer.close();
  });

  it('on two machines at once gives the name to one, and leaves nothing on the other', async () => {
    const results = await Promise.allSettled(
      ['one', 'two'].map((folder) => register(world.ports, options(folder))),
    );
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const profiles = [await profileIn('one'), await profileIn('two')];
    expect(profiles.filter((profile) => profile !== undefined)).toHaveLength(1);
  });

  it('again in vain changes nothing', async () => {
    await register(world.ports, options('one'));
    const before = await profileIn('one');
    const elsewhere = { servers: ['http://127.0.0.1:1'], address: { host: '127.0.0.1', port: 7000 } };
    await expect(register(world.ports, options('one', elsewhere))).rejects.toMatchObject({
      code: 'cluster/unreachable',
    });
    expect(await profileIn('one')).toEqual(before);
  });

  it('again adds pictures and keeps the index of those that were there', async () => {
    const first = await register(world.ports, options('one'));
    const both = [photo('friends.jpg'), photo('umang.jpg')];
    const second = await register(world.ports, options('one', { imagePaths: both }));
    expect(second.created).toBe(false);
    expect(second.images.map(({ name }) => name)).toEqual(['umang.jpg', 'friends.jpg']);
    expect(second.images[0]?.id).toBe(first.images[0]?.id);
  });

  it('keeps keys where only their owner can read them', async () => {
    await register(world.ports, options('one'));
    const file = new DataDirectory(join(world.folder, 'one')).identityFile(dora);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readFile(file, 'utf8')).includes('signingSeed')).toBe(true);
  });
});

describe('an identity file that is damaged', () => {
  it('is an error that says so, never a new identity', async () => {
    await register(world.ports, options('one'));
    const file = new DataDirectory(join(world.folder, 'one')).identityFile(dora);
    await writeFile(file, '{"v":1');
    await expect(register(world.ports, options('one'))).rejects.toMatchObject({ code: 'store/damaged' });
    expect(await readFile(file, 'utf8')).toBe('{"v":1');
  });
});
