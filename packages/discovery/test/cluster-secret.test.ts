import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, type Term } from '@cloud-steg/protocol';
import { openSqliteStore } from '@cloud-steg/store-sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clusterSecret } from '../src/cluster-secret.ts';
import { readSettings } from '../src/config.ts';
import { startServer } from '../src/main.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'discovery-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const noTerm = async () => 0;

describe('the cluster’s secret', () => {
  it('is made once, for the owner’s eyes, however many servers start at the same moment', async () => {
    const data = join(dir, 'data');
    const secrets = await Promise.all(
      Array.from({ length: 20 }, () => clusterSecret(data, randomBytes, noTerm)),
    );
    expect(new Set(secrets.map((secret) => Buffer.from(secret).toString('hex'))).size).toBe(1);
    expect(secrets[0]).toHaveLength(32);
    expect((await stat(join(data, 'cluster.secret'))).mode & 0o777).toBe(0o600);
    expect(await clusterSecret(data, randomBytes, noTerm)).toEqual(secrets[0]);
  });

  it('is that of whoever was first, even by a moment', async () => {
    const path = join(dir, 'cluster.secret');
    const winner = new Uint8Array(32).fill(1);
    const random = (bytes: number) => {
      if (bytes === 32) writeFileSync(path, winner);
      return randomBytes(bytes);
    };
    const secret = await clusterSecret(dir, random, noTerm);
    expect(secret).toEqual(winner);
    expect(await readdir(dir)).toEqual(['cluster.secret']);
  });

  it('is never replaced, only complained about', async () => {
    await writeFile(join(dir, 'cluster.secret'), 'short');
    await expect(clusterSecret(dir, randomBytes, noTerm)).rejects.toMatchObject({
      code: 'server/state-damaged',
    });
    expect(await readFile(join(dir, 'cluster.secret'), 'utf8')).toBe('short');
  });

  it('names a data directory that is none', async () => {
    const file = join(dir, 'file');
    await writeFile(file, '');
    await chmod(file, 0o600);
    await expect(clusterSecret(join(file, 'data'), randomBytes, noTerm)).rejects.toMatchObject({
      code: 'usage/bad-config',
      message: expect.stringContaining('DATA_DIR'),
    });
  });

  it('is not made anew once the store has seen a term, and the server says what to do', async () => {
    const store = openSqliteStore(join(dir, 'cluster.db'), { writer: 'inline' });
    await store.claimTerm(7 as Term, '127.0.0.1:5001');
    await store.close();
    const settings = readSettings({ argv: [], env: { DATA_DIR: dir, PORT: '0' }, readFile: () => '' });
    const fail = (error: AppError) => expect.unreachable(error.message);
    await expect(startServer(settings, () => undefined, fail)).rejects.toMatchObject({
      code: 'server/state-damaged',
      message: expect.stringContaining('cluster.secret is missing, though the store has seen term 7'),
      hint: expect.stringContaining('restore cluster.secret from a backup'),
    });
    expect(existsSync(join(dir, 'cluster.secret'))).toBe(false);
  });

  it('is that of a server which made it and led while this one looked into the store', async () => {
    const winner = new Uint8Array(32).fill(1);
    const secret = await clusterSecret(dir, randomBytes, async () => {
      await writeFile(join(dir, 'cluster.secret'), winner);
      return 1;
    });
    expect(secret).toEqual(winner);
  });

  it('is asked of the store only where it is missing', async () => {
    const made = await clusterSecret(dir, randomBytes, noTerm);
    const asked = () => Promise.reject(new Error('asked'));
    expect(await clusterSecret(dir, randomBytes, asked)).toEqual(made);
  });

  it('leaves a store that cannot be read to the store to complain about', async () => {
    const damaged = new AppError('store/damaged', 'no store');
    await expect(clusterSecret(dir, randomBytes, () => Promise.reject(damaged))).rejects.toBe(damaged);
    expect(await readdir(dir)).toEqual([]);
  });
});
