import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clusterSecret } from '../src/cluster-secret.ts';
import { serveHttp } from '../src/http-server.ts';
import { lineLog } from '../src/log-lines.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'discovery-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('the cluster’s secret', () => {
  it('is made once, for the owner’s eyes, however many servers start at the same moment', async () => {
    const data = join(dir, 'data');
    const secrets = await Promise.all(Array.from({ length: 20 }, () => clusterSecret(data, randomBytes)));
    expect(new Set(secrets.map((secret) => Buffer.from(secret).toString('hex'))).size).toBe(1);
    expect(secrets[0]).toHaveLength(32);
    expect((await stat(join(data, 'cluster.secret'))).mode & 0o777).toBe(0o600);
    expect(await clusterSecret(data, randomBytes)).toEqual(secrets[0]);
  });

  it('is that of whoever was first, even by a moment', async () => {
    const path = join(dir, 'cluster.secret');
    const winner = new Uint8Array(32).fill(1);
    const secret = await clusterSecret(dir, (bytes) => {
      if (bytes === 32) writeFileSync(path, winner);
      return randomBytes(bytes);
    });
    expect(secret).toEqual(winner);
    expect(await readdir(dir)).toEqual(['cluster.secret']);
  });

  it('is never replaced, only complained about', async () => {
    await writeFile(join(dir, 'cluster.secret'), 'short');
    await expect(clusterSecret(dir, randomBytes)).rejects.toMatchObject({ code: 'server/state-damaged' });
    expect(await readFile(join(dir, 'cluster.secret'), 'utf8')).toBe('short');
  });

  it('names a data directory that is none', async () => {
    const file = join(dir, 'file');
    await writeFile(file, '');
    await chmod(file, 0o600);
    await expect(clusterSecret(join(file, 'data'), randomBytes)).rejects.toMatchObject({
      code: 'usage/bad-config',
      message: expect.stringContaining('DATA_DIR'),
    });
  });
});

describe('the HTTP server', () => {
  it('takes any free port, and finishes what it was asked before it closes', async () => {
    let arrived = () => {};
    const asked = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const server = await serveHttp('127.0.0.1', 0, async () => {
      arrived();
      await held;
      return new Response('done');
    });
    const answer = fetch(`http://127.0.0.1:${server.port}/`);
    await asked;
    const closed = server.close();
    release();
    expect(await (await answer).text()).toBe('done');
    await closed;
    await expect(fetch(`http://127.0.0.1:${server.port}/`)).rejects.toThrow('fetch failed');
  });

  it('names a port that is taken, and what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    await expect(serveHttp('127.0.0.1', port, async () => new Response())).rejects.toMatchObject({
      code: 'server/address-in-use',
      message: expect.stringContaining(String(port)),
      hint: expect.stringContaining('PORT='),
    });
    other.close();
  });
});

describe('log lines', () => {
  const logged = (json: boolean) => {
    const lines: string[] = [];
    const log = lineLog({ json, level: 'info', now: () => 0, write: (line) => lines.push(line) });
    log('info', 'listening', { url: 'http://127.0.0.1:8000', node: '127.0.0.1:5001' });
    log('debug', 'chatter', {});
    log('warn', 'odd', { n: 1, error: new Error('broken', { cause: new Error('disk full') }) });
    return lines;
  };

  it('are sentences for people', () => {
    const [first, second, ...rest] = logged(false);
    expect(first).toBe('listening on http://127.0.0.1:8000, node 127.0.0.1:5001');
    expect(second).toMatch(/^warn: odd n=1 error=Error: broken[^]*because Error: disk full/);
    expect(rest).toEqual([]);
  });

  it('are JSON for programs', () => {
    const [first, second] = logged(true).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      level: 'info',
      event: 'listening',
      url: 'http://127.0.0.1:8000',
      node: '127.0.0.1:5001',
    });
    expect(second).toMatchObject({ level: 'warn', error: { message: 'broken' } });
  });
});
