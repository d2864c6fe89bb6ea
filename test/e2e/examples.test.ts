/** The shipped examples, run as they are. */

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, example, programFile, Sandbox, until } from './sandbox.ts';

const sandbox = new Sandbox();
let cluster: Cluster;

beforeAll(async () => {
  cluster = await sandbox.startCluster();
});
afterAll(() => sandbox.close());

const script = (name: string) =>
  sandbox.runCommand('sh', [example(name), '--server', cluster.urls], {
    P2P_CLIENT: `${process.execPath} ${programFile('p2p-client')}`,
  });

describe('the example scripts', () => {
  it('register three clients, and register them again with the same keys', async () => {
    expect(await script('register-3-clients.sh')).toMatchObject({ code: 0 });
    const identities = () =>
      ['alice', 'bob', 'charlie'].map((user) => {
        const file = JSON.parse(readFileSync(sandbox.path('peers', 'peers', user, 'identity.json'), 'utf8'));
        return [file.signingSeed, file.seq];
      });
    const before = identities();
    expect(await script('re-register-clients.sh')).toMatchObject({ code: 0 });
    expect(identities().map(([seed]) => seed)).toEqual(before.map(([seed]) => seed));
    for (const [i, [, seq]] of identities().entries()) expect(seq).toBeGreaterThan(before[i]?.[1]);
  });
});

describe('the example configurations', () => {
  it('are accepted: one node leads at once, one of three waits for a majority', async () => {
    const alone = sandbox.start('p2p-discovery-server', ['--config', example('config.toml')], {
      PORT: '0',
      DATA_DIR: sandbox.path('alone', 'x'),
    });
    await alone.says(/leader/i);
    const three = readFileSync(example('config_3servers.toml'), 'utf8');
    expect(three).toMatch(/this_node = "127\.0\.0\.1:5001"/);
    expect(three).toMatch(/127\.0\.0\.1:5002/);
    expect(three).toMatch(/127\.0\.0\.1:5003/);
  });

  it('need not exist: without one a server leads by itself', async () => {
    const server = sandbox.start('p2p-discovery-server', [], {
      PORT: '0',
      DATA_DIR: sandbox.path('none', 'x'),
    });
    await server.says(/http:\/\/[\d.]+:\d+/);
    const [url] = /http:\/\/[\d.]+:\d+/.exec(server.output) ?? [''];
    await until('it to lead', async () => {
      const status = await fetch(`${url}/status`).then(
        (answer) => answer.json() as Promise<{ is_leader: boolean }>,
      );
      return status.is_leader;
    });
  });
});
