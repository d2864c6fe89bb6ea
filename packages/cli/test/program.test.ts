import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, temporaryFolder } from './shell.ts';

/** A data directory with identity files that are enough to be counted. */
function dataDirOf(...users: string[]): string {
  const root = temporaryFolder();
  for (const user of users) {
    mkdirSync(join(root, 'peers', user), { recursive: true });
    writeFileSync(join(root, 'peers', user, 'identity.json'), '{}');
  }
  return root;
}

/** A port of this machine at which nobody answers. */
async function silentPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

describe('usage', () => {
  it('helps on stdout with exit 0', async () => {
    const { exit, stdout, stderr } = await run(['--help']);
    expect(exit).toBe(0);
    expect(stdout).toContain('list-online');
    expect(stdout).toContain('Views are counted by the servers');
    expect(stderr).toBe('');
  });

  it.each([
    [['bogus'], "unknown command 'bogus'"],
    [['list-online', '--bogus'], "unknown option '--bogus'"],
    [['inspect'], "missing required argument 'file'"],
    [['list-online', 'extra'], 'too many arguments'],
    [['send-image', 'alice', '0'], "required option '--views <number>' not specified"],
    [['send-image', 'alice', '0', '--views'], 'argument missing'],
    [['send-image', 'alice', '0', '--views', '0'], '--views "0": expected a whole number from 1 to 10000'],
    [['send-image', 'alice', '0', '--views', '2', '--expires', 'soon'], '--expires "soon"'],
    [['send-image', '--views', '2'], 'missing: to whom (--requester-username)'],
    [['request-image', 'Bob!', '0'], '"Bob!" is not a username'],
    [['request-image', 'bob', '-1'], '--image-index "-1"'],
    [['request-image', 'bob', '1.5'], '--image-index "1.5"'],
    [['request-image', 'bob', '0', '--image-index', '1'], 'given twice'],
    [['request-image', 'bob', '0', '--target-ip', '127.0.0.1'], 'go together'],
    [['start-heartbeat', '--interval', '0'], '--interval "0"'],
    [['up', '--port', '70000'], '--port "70000"'],
    [['list-online', '--timeout', 'x'], '--timeout "x"'],
    [['register'], 'missing: your name'],
    [['extend', '3f'], 'nothing to change'],
    [['extend', '3f', '--views', '2', '--more', '1'], 'say the same in two ways'],
    [['revoke', 'xyz'], '"xyz" is no grant'],
    [['view-image'], 'missing: which carrier'],
    [['demo'], "unknown command 'demo'"],
  ])('%j ends with exit 2 and says why', async (argv, message) => {
    const { exit, stdout, stderr } = await run(argv);
    expect(stderr).toContain(`error: `);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
    expect(exit).toBe(2);
  });

  it('says how to get help for the command that was meant', async () => {
    expect((await run(['list-online', '--bogus'])).stderr).toContain(
      'hint: see: p2p-client list-online --help',
    );
    expect((await run(['list-onlin'])).stderr).toContain('Did you mean list-online?');
  });

  it('ends with exit 2 when no command is given', async () => {
    const { exit, stderr } = await run([]);
    expect(exit).toBe(2);
    expect(stderr).toContain('Usage: p2p-client');
  });

  it('tells a usage error as one JSON object with --json, wherever the flag stands', async () => {
    for (const argv of [
      ['--json', 'bogus'],
      ['send-image', 'alice', '0', '--views', '0', '--json'],
    ]) {
      const { exit, stdout, stderr } = await run(argv);
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'usage/bad-argument', exit: 2 } });
      expect(stderr).toBe('');
      expect(exit).toBe(2);
    }
  });
});

describe('who acts', () => {
  it('is told to register when nobody has', async () => {
    const { exit, stderr } = await run(['list-requests']);
    expect(exit).toBe(1);
    expect(stderr).toContain('nobody is registered in');
    expect(stderr).toContain('hint: run: p2p-client register');
  });

  it('must be named when several have', async () => {
    const { exit, stderr } = await run(['list-requests', '--data-dir', dataDirOf('alice', 'bob')]);
    expect(exit).toBe(2);
    expect(stderr).toContain('2 users are registered here: alice, bob');
    expect(stderr).toContain('--username alice');
  });

  it('is the one in the environment, unless a flag says otherwise', async () => {
    const env = { CLOUD_STEG_USERNAME: 'carol' };
    expect((await run(['outbox'], { env })).stderr).toContain('carol has no identity in');
    expect((await run(['outbox', '--username', 'dave'], { env })).stderr).toContain(
      'dave has no identity in',
    );
  });

  it('hears of an environment that makes no sense', async () => {
    expect((await run(['outbox'], { env: { CLOUD_STEG_USERNAME: 'No One' } })).exit).toBe(2);
    expect((await run(['list-online'], { env: { CLOUD_STEG_SERVER: 'ftp://x' } })).exit).toBe(2);
    expect((await run(['list-online'], { env: { CLOUD_STEG_TIMEOUT: 'soon' } })).exit).toBe(2);
  });
});

describe('the cluster', () => {
  it('out of reach is exit 3, naming each server tried', async () => {
    const port = await silentPort();
    const { exit, stderr } = await run(['list-online', '--server', `http://127.0.0.1:${port}`]);
    expect(exit).toBe(3);
    expect(stderr).toContain(`http://127.0.0.1:${port} (refused)`);
  });

  it('is asked at the servers of the environment, unless a flag names others', async () => {
    const [one, other] = [await silentPort(), await silentPort()];
    const env = { CLOUD_STEG_SERVER: `http://127.0.0.1:${one}` };
    expect((await run(['cluster', 'status'], { env })).stderr).toContain(`:${one} `);
    const flagged = await run(['cluster', 'status', '--server', `http://127.0.0.1:${other}`, '--json'], {
      env,
    });
    expect(flagged.stdout).toContain(`:${other}`);
    expect(flagged.stdout).not.toContain(`:${one}`);
  });
});

describe('Ctrl-C', () => {
  it('ends a command in the middle with exit 130', async () => {
    // Takes connections and answers nothing.
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    let interrupt = () => {};
    server.on('connection', () => interrupt());
    const { exit, stderr } = await run(['list-online', '--server', `http://127.0.0.1:${address.port}`], {
      onInterrupt: (listener) => {
        interrupt = listener;
      },
    });
    server.close();
    expect(exit).toBe(130);
    expect(stderr).toContain('error: cancelled');
  });
});

describe('cloud-steg', () => {
  it('knows the demo and the server besides', async () => {
    const { stdout } = await run(['--help'], { program: 'cloud-steg' });
    expect(stdout).toContain('Usage: cloud-steg');
    expect(stdout).toContain('demo');
    expect(stdout).toContain('server');
  });
});
