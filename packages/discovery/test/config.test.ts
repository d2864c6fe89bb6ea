import { AppError } from '@cloud-steg/protocol';
import { describe, expect, it } from 'vitest';
import { readSettings, type Settings } from '../src/config.ts';

const THREE = `
this_node = "127.0.0.1:5001"
peers = ["127.0.0.1:5002", "127.0.0.1:5003"]
heartbeat_interval_ms = 100
election_timeout_min_ms = 300
election_timeout_max_ms = 600
`;

function settings(argv: string[] = [], env: Record<string, string> = {}, file = THREE): Settings {
  const readFile = (path: string) => {
    if (path === 'cluster.toml') return file;
    throw new Error(`ENOENT: no such file or directory, open '${path}'`);
  };
  return readSettings({ argv, env, readFile });
}

function refusalOf(run: () => unknown): { code: string; message: string; hint: string | undefined } {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return { code: error.code, message: error.message, hint: error.hint };
    throw error;
  }
  throw new Error('it was not refused');
}

describe('without a configuration file', () => {
  it('a server stands alone, at the usual places', () => {
    const { election, ...rest } = settings();
    expect(election).toMatchObject({ thisNode: '127.0.0.1:5001', members: ['127.0.0.1:5001'], peers: [] });
    expect(rest).toEqual({
      host: '127.0.0.1',
      port: 8000,
      publicUrl: undefined,
      dataDir: 'data',
      heartbeatTtlMs: 10_000,
      json: false,
      verbose: false,
    });
  });

  it('takes its name from the command line', () => {
    expect(settings(['--this-node', '127.0.0.1:7001']).election.members).toEqual(['127.0.0.1:7001']);
    const refusal = refusalOf(() => settings(['--this-node', 'nonsense']));
    expect(refusal).toMatchObject({
      code: 'usage/bad-config',
      message: expect.stringContaining('host:port'),
    });
  });
});

describe('the configuration file', () => {
  it('lists the other servers; --this-node says which of all of them this one is', () => {
    const first = settings(['--config', 'cluster.toml']).election;
    expect(first.thisNode).toBe('127.0.0.1:5001');
    expect(first.peers).toEqual(['127.0.0.1:5002', '127.0.0.1:5003']);
    const second = settings(['--config=cluster.toml', '--this-node=127.0.0.1:5002']).election;
    expect(second.thisNode).toBe('127.0.0.1:5002');
    expect(second.peers).toEqual(['127.0.0.1:5001', '127.0.0.1:5003']);
    expect(second.hash).toBe(first.hash);
    expect(second.timings.electionTimeoutMsMax).toBe(600);
  });

  it.each([
    ['this_node = ', /^cluster\.toml: line 1, column \d+: /],
    ['peers = []', /^cluster\.toml: this_node: missing/],
    ['this_node = "nonsense"', /^cluster\.toml: this_node: not an address/],
    ['this_node = "127.0.0.1:1"\npears = []', /^cluster\.toml: pears: unknown key/],
    ['this_node = "127.0.0.1:1"\npeers = "127.0.0.1:2"', /^cluster\.toml: peers: not a list/],
    ['this_node = "127.0.0.1:1"\nleader_term_ms = "long"', /^cluster\.toml: leader_term_ms: /],
  ])('%j is refused, naming file and key', (file, message) => {
    const refusal = refusalOf(() => settings(['--config', 'cluster.toml'], {}, file));
    expect(refusal.code).toBe('usage/bad-config');
    expect(refusal.message).toMatch(message);
  });

  it('names its own server, also where --this-node names this one', () => {
    const argv = ['--config', 'cluster.toml', '--this-node', '127.0.0.1:5002'];
    const refusal = refusalOf(() => settings(argv, {}, 'peers = ["127.0.0.1:5002"]'));
    expect(refusal.message).toMatch(/^cluster\.toml: this_node: missing/);
  });

  it('must exist', () => {
    const refusal = refusalOf(() => settings(['--config', 'missing.toml']));
    expect(refusal.code).toBe('usage/bad-config');
    expect(refusal.message).toMatch(/^missing\.toml: cannot be read: ENOENT/);
  });

  it('must have this node among its members: it never leads alone by mistake', () => {
    const refusal = refusalOf(() => settings(['--config', 'cluster.toml', '--this-node', '127.0.0.1:5009']));
    expect(refusal.code).toBe('usage/bad-config');
    expect(refusal.message).toMatch(/^cluster\.toml: --this-node: 127\.0\.0\.1:5009 is none of its members/);
    expect(refusal.hint).toContain('127.0.0.1:5002');
  });
});

describe('the environment', () => {
  it('says where to serve, where to keep files, and how long a heartbeat lasts', () => {
    const env = {
      PORT: '0',
      HOST: '0.0.0.0',
      DATA_DIR: '/srv/steg',
      HEARTBEAT_TTL_SECONDS: '30',
      PUBLIC_URL: 'http://192.168.1.10:8000/',
    };
    expect(settings(['--json', '--verbose'], env)).toMatchObject({
      port: 0,
      host: '0.0.0.0',
      dataDir: '/srv/steg',
      heartbeatTtlMs: 30_000,
      publicUrl: 'http://192.168.1.10:8000',
      json: true,
      verbose: true,
    });
  });

  it.each([
    ['PORT', '65536'],
    ['PORT', '80x'],
    ['PORT', '-1'],
    ['HEARTBEAT_TTL_SECONDS', '0'],
    ['HEARTBEAT_TTL_SECONDS', '1.5'],
    ['PUBLIC_URL', '192.168.1.10:8000'],
    ['PUBLIC_URL', 'http://host/path'],
  ])('%s=%s is refused by name', (name, value) => {
    const refusal = refusalOf(() => settings([], { [name]: value }));
    expect(refusal.code).toBe('usage/bad-config');
    expect(refusal.message).toMatch(new RegExp(`^${name}: `));
  });
});

describe('the command line', () => {
  it.each([['--confg'], ['serve'], ['--config'], ['--json=yes']])('%s is refused', (word) => {
    expect(refusalOf(() => settings([word]))).toMatchObject({
      code: 'usage/bad-argument',
      hint: expect.stringContaining('usage:'),
    });
  });
});
