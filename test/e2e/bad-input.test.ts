/** What goes wrong on purpose: a clear typed error, the promised exit code, and nothing lost. */

import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, freePorts, type Outcome, photo, Sandbox, until } from './sandbox.ts';

const sandbox = new Sandbox();
let cluster: Cluster;
let ports: number[];
let carrier: string;

const client = (user: string, ...args: string[]) =>
  sandbox.run('p2p-client', [...args, '--username', user, '--server', cluster.urls]);
/** For what asks no server. */
const local = (user: string, ...args: string[]) => sandbox.run('p2p-client', [...args, '--username', user]);
const register = (user: string, images: string, more: string[] = []) =>
  client(user, 'register', '--ip', '127.0.0.1', '--port', String(ports[0]), '--image-paths', images, ...more);
const used = async (): Promise<number[]> => {
  const { stdout } = await client('bob', 'grants', '--json');
  return JSON.parse(stdout).given.map((grant: { used: number }) => grant.used);
};

/** Refused: the exit code, what it says, a hint, and neither a stack nor a word of success. */
function expectRefusal(outcome: Outcome, code: number, says: RegExp): void {
  expect({ code: outcome.code, says: outcome.stderr }).toEqual({ code, says: expect.stringMatching(says) });
  expect(outcome.stderr).toMatch(/^error: /m);
  expect(outcome.stderr).not.toMatch(/^\s+at /m);
  expect(outcome.stdout).toBe('');
}

beforeAll(async () => {
  cluster = await sandbox.startCluster(1);
  ports = await freePorts(3);
  for (const [i, user] of ['alice', 'bob', 'mallory'].entries()) {
    const args = ['--ip', '127.0.0.1', '--port', String(ports[i]), '--image-paths', photo('friends.jpg')];
    expect(await client(user, 'register', ...args)).toMatchObject({ code: 0 });
    sandbox.start('p2p-client', ['up', '--username', user, '--interval', '1']);
  }
  await until('the first request to arrive', async () => {
    return (await client('alice', 'request-image', 'bob', '0', '--no-queue')).code === 0;
  });
  expect(await client('bob', 'send-image', 'alice', '0', '--views', '3')).toMatchObject({ code: 0 });
  expect(await client('alice', 'request-image', 'bob', '0')).toMatchObject({ code: 0 });
  const folder = join(sandbox.folder, 'peers', 'encrypted_images', 'alice');
  carrier = join(folder, readdirSync(folder)[0] ?? '');
});
afterAll(() => sandbox.close());

describe('pictures that are none', () => {
  it('are refused at registration, and the user is not made', async () => {
    const png = await sharp(photo('friends.jpg')).resize(400).png().toBuffer();
    const cases: [string, Uint8Array | string, number, RegExp][] = [
      ['notes.jpg', 'just words\n', 1, /not a picture/],
      ['empty.png', '', 1, /is empty/],
      ['cut.png', png.subarray(0, png.length / 2), 1, /cut short or broken/],
      ['huge.png', hugeHeader(png), 1, /40000x40000 pixels/],
    ];
    for (const [name, bytes, code, says] of cases) {
      expectRefusal(await register('newbie', sandbox.write(name, bytes)), code, says);
    }
    expectRefusal(await register('newbie', sandbox.path('nowhere.jpg')), 1, /cannot read .*nowhere\.jpg/);
    expect(existsSync(join(sandbox.folder, 'peers', 'peers', 'newbie'))).toBe(false);
  });
});

describe('names', () => {
  it('that are paths, too long or of other letters are refused', async () => {
    for (const name of ['../../etc', 'Alice', 'a b', 'ä', '', 'x'.repeat(33), '.hidden']) {
      expectRefusal(await register(name, photo('friends.jpg')), 2, /not a username/);
    }
  });

  it('that are taken stay whose they are', async () => {
    const elsewhere = { CLOUD_STEG_DATA_DIR: sandbox.path('another-machine', 'x') };
    const args = [
      'register',
      '--username',
      'bob',
      '--ip',
      '127.0.0.1',
      '--port',
      '6000',
      '--image-paths',
      photo('umang.jpg'),
    ];
    const outcome = await sandbox.run('p2p-client', [...args, '--server', cluster.urls], elsewhere);
    expectRefusal(outcome, 1, /the name bob belongs to somebody else's key/);
    expect((await client('alice', 'list-online')).stdout).toMatch(/bob @ 127\.0\.0\.1/);
  });

  it('that nobody has are unknown', async () => {
    expectRefusal(await client('alice', 'request-image', 'nobody', '0'), 1, /nobody/);
    expectRefusal(await client('bob', 'send-image', 'nobody', '0', '--views', '1'), 1, /nobody/);
    expectRefusal(await local('nobody', 'list-requests'), 1, /nobody has no identity/);
  });
});

describe('numbers', () => {
  it('out of range are refused by name', async () => {
    for (const views of ['0', '-1', '1e9', '10001', 'two', '1.5']) {
      expectRefusal(
        await client('bob', 'send-image', 'alice', '0', `--views=${views}`),
        2,
        /1 to 10000|--views/,
      );
    }
    expectRefusal(
      await client('bob', 'send-image', 'alice', '5', '--views', '1'),
      2,
      /no picture 5: there are 1|there is 1/,
    );
    expectRefusal(await client('alice', 'request-image', 'bob', '7'), 2, /bob has no picture 7/);
    expectRefusal(await client('alice', 'request-image', 'bob', 'x'), 2, /index/);
    expectRefusal(
      await client(
        'bob',
        'register',
        '--ip',
        '127.0.0.1',
        '--port',
        '70000',
        '--image-paths',
        photo('umang.jpg'),
      ),
      2,
      /port/,
    );
  });

  it('never cost the request that waits', async () => {
    expect((await client('bob', 'list-requests')).stdout).toMatch(/alice requests image \[0\]/);
  });
});

describe('a picture of more than 14 MiB', () => {
  it('can be offered, and is refused when it is to be hidden, naming the limit', async () => {
    const noise = randomBytes(2400 * 2200 * 3);
    const large = sandbox.path('large.png');
    await sharp(noise, { raw: { width: 2400, height: 2200, channels: 3 } })
      .png()
      .toFile(large);
    const again = ['--ip', '127.0.0.1', '--port', String(ports[1])];
    expect(await client('bob', 'register', ...again, '--image-paths', large)).toMatchObject({ code: 0 });
    expect(await client('alice', 'request-image', 'bob', '1')).toMatchObject({ code: 0 });
    expectRefusal(
      await client('bob', 'send-image', 'alice', '1', '--views', '1'),
      1,
      /15\.1 MiB.*at most 14 MiB/,
    );
    expect((await client('bob', 'list-requests')).stdout).toMatch(/alice requests image \[1\]/);
  });
});

describe('a clock that is off', () => {
  it('by five minutes is named as such, with the difference and its direction', async () => {
    const shift = (ms: number) => ({
      NODE_OPTIONS: `--import=data:text/javascript,const_now=Date.now;Date.now=()=>now()+${ms}`.replace(
        'const_',
        'const%20',
      ),
    });
    const args = ['grants', '--username', 'bob', '--server', cluster.urls];
    expectRefusal(
      await sandbox.run('p2p-client', args, shift(300_000)),
      1,
      /clock is (299|300) s ahead of the server's/,
    );
    expectRefusal(
      await sandbox.run('p2p-client', args, shift(-300_000)),
      1,
      /clock is (300|301) s behind the server's/,
    );
  });
});

describe('a cover', () => {
  it('that is too small names the size that would do', async () => {
    const cover = sandbox.path('tiny.png');
    await sharp({ create: { width: 300, height: 200, channels: 3, background: '#678' } })
      .png()
      .toFile(cover);
    const outcome = await client('bob', 'send-image', 'alice', '0', '--views', '1', '--cover', cover);
    expectRefusal(outcome, 8, /cover too small: needs \d+x\d+ pixels/);
    expect(outcome.stderr).toMatch(/hint: use a picture of at least \d+x\d+/);
    expect((await client('bob', 'list-requests')).stdout).toMatch(/alice requests/);
  });
});

describe('the cluster', () => {
  it('that is not running is exit 3, and says what was tried', async () => {
    const [free] = await freePorts(1);
    const outcome = await sandbox.run('p2p-client', ['list-online', '--server', `http://127.0.0.1:${free}`]);
    expectRefusal(outcome, 3, new RegExp(`tried http://127\\.0\\.0\\.1:${free} \\(refused\\)`));
    expect(outcome.stderr).toMatch(/hint: /);
  });
});

describe('a carrier', () => {
  const view = (user: string, path: string) =>
    client(user, 'view-image', path, '--save', sandbox.path(`out-${Date.now()}.jpg`));

  it('recompressed, cropped or cut short is 9 as received, 5 from elsewhere, and costs nothing', async () => {
    const received = readFileSync(carrier);
    const { width, height } = await sharp(received).metadata();
    const variants = {
      'recompressed.jpg': [await sharp(received).jpeg().toBuffer(), 9],
      'again.png': [
        await sharp(await sharp(received).jpeg().toBuffer())
          .png()
          .toBuffer(),
        5,
      ],
      'cropped.png': [
        await sharp(received)
          .extract({ left: 0, top: 0, width: width - 1, height })
          .png()
          .toBuffer(),
        5,
      ],
      'cut.png': [received.subarray(0, received.length / 2), 9],
      'words.png': [Buffer.from('no picture'), 9],
    } as const;
    for (const [name, [bytes, code]] of Object.entries(variants)) {
      expectRefusal(await view('alice', sandbox.write(name, bytes)), code, /./);
    }
    // The very file that arrived, changed in place.
    try {
      writeFileSync(carrier, variants['again.png'][0]);
      expectRefusal(await view('alice', carrier), 9, /no longer opens/);
    } finally {
      writeFileSync(carrier, received);
    }
    expect(Math.max(...(await used()))).toBe(0);
  });

  it('of somebody else is 5, and costs its recipient nothing', async () => {
    const stolen = sandbox.path('stolen.png');
    copyFileSync(carrier, stolen);
    expectRefusal(await view('mallory', stolen), 5, /not for you/);
    expectRefusal(await view('bob', stolen), 5, /is for alice/);
    expect(Math.max(...(await used()))).toBe(0);
  });

  it('with nowhere to show it is refused before a view is spent', async () => {
    expectRefusal(await client('alice', 'view-image', carrier), 2, /no desktop here.*no view was spent/s);
    const save = (path: string) => client('alice', 'view-image', carrier, '--save', path);
    expectRefusal(await save(join(sandbox.folder, 'no', 'such', 'folder', 'x.jpg')), 2, /folder|write/);
    expectRefusal(await save(sandbox.write('already-there.jpg', 'mine')), 2, /already-there\.jpg.*exists/);
    expect(readFileSync(sandbox.path('already-there.jpg'), 'utf8')).toBe('mine');
    expect(Math.max(...(await used()))).toBe(0);
  });

  it('that is not there says so', async () => {
    expectRefusal(await view('alice', 'data/encrypted_images/alice/received_image_1.png'), 1, /no file/);
  });
});

describe('a server', () => {
  const start = (config: string, more: string[] = []) =>
    sandbox.run('p2p-discovery-server', ['--config', sandbox.write('bad.toml', config), ...more], {
      PORT: '0',
      DATA_DIR: sandbox.path('bad-servers', 'x'),
    });

  it('stops at a bad configuration, naming the key', async () => {
    const peers = 'peers = ["127.0.0.1:5002", "127.0.0.1:5003"]';
    for (const [config, says] of [
      ['this_node = "127.0.0.1:5001"\npeers = [', /bad\.toml/],
      [`this_node = "nowhere"\n${peers}`, /this_node/],
      [`this_node = "127.0.0.1:5001"\npeers = "127.0.0.1:5002"`, /peers/],
      [`this_node = "127.0.0.1:5001"\n${peers}\nelection_timeout_min_ms = -5`, /election_timeout_min_ms/],
      [
        `this_node = "127.0.0.1:5001"\n${peers}\nheartbeat_intervall_ms = 5`,
        /heartbeat_intervall_ms.*heartbeat_interval_ms/s,
      ],
    ] as const) {
      const outcome = await start(config);
      expect({ code: outcome.code, says: outcome.stderr }).toEqual({
        code: 2,
        says: expect.stringMatching(says),
      });
    }
  });

  it('refuses to be a node that is not in its cluster, or one at an address of another machine', async () => {
    const config = 'this_node = "127.0.0.1:5001"\npeers = ["127.0.0.1:5002", "127.0.0.1:5003"]';
    const stranger = await start(config, ['--this-node', '127.0.0.1:5009']);
    expect(stranger).toMatchObject({ code: 2, stderr: expect.stringContaining('127.0.0.1:5009') });
    // Of a block that is nobody's (RFC 5737).
    const far = await start('this_node = "192.0.2.1:5001"\npeers = ["127.0.0.1:5002"]');
    expect(far).toMatchObject({ code: 2, stderr: expect.stringMatching(/this machine has no such address/) });
    const missing = await sandbox.run('p2p-discovery-server', ['--config', 'nowhere.toml'], { PORT: '0' });
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('nowhere.toml') });
  });

  it('stops at a state file that is cut, garbled, of another node or cannot be replaced, and says what to do', async () => {
    const environment = { PORT: '0', DATA_DIR: sandbox.path('voter', 'data') };
    const server = sandbox.start('p2p-discovery-server', [], environment);
    await server.says(/leader since term/);
    await server.end();
    const path = sandbox.path('voter', 'data', 'nodes', '127.0.0.1_5001', 'state.json');
    const whole = readFileSync(path, 'utf8');
    for (const [text, how] of [
      ['', 'is cut off or garbled'],
      [whole.slice(0, -20), 'is cut off or garbled'],
      [whole.replace('"term":1', '"term":0'), 'is garbled'],
      [whole + ' '.repeat(8192), 'is too large'],
    ] as const) {
      writeFileSync(path, text);
      const outcome = await sandbox.run('p2p-discovery-server', [], environment);
      expectRefusal(outcome, 1, new RegExp(`error: ${path} ${how}\nhint: .*delete this file`));
    }
    writeFileSync(path, whole);
    const elsewhere = sandbox.write('elsewhere.toml', 'this_node = "127.0.0.1:5009"');
    copyFileSync(path, sandbox.path('voter', 'data', 'nodes', '127.0.0.1_5009', 'state.json'));
    const other = await sandbox.run('p2p-discovery-server', ['--config', elsewhere], environment);
    expectRefusal(other, 1, /belongs to 127\.0\.0\.1:5001, not to 127\.0\.0\.1:5009/);
    mkdirSync(`${path}.tmp`);
    const stuck = await sandbox.run('p2p-discovery-server', [], environment);
    expectRefusal(stuck, 1, /state\.json cannot be written \(EISDIR\)\nhint: make room on the disk/);
    expect(readFileSync(path, 'utf8')).toBe(whole);
  });

  it('says whose port it wanted', async () => {
    const port = new URL(cluster.urls).port;
    const outcome = await sandbox.run('p2p-discovery-server', [], {
      PORT: port,
      DATA_DIR: sandbox.path('other', 'x'),
    });
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain(port);
  });
});

/** A PNG whose header claims 40000x40000 pixels, checksum and all. */
function hugeHeader(png: Uint8Array): Uint8Array {
  const out = new Uint8Array(png);
  const view = new DataView(out.buffer);
  view.setUint32(16, 40_000);
  view.setUint32(20, 40_000);
  let crc = ~0;
  for (const byte of out.subarray(12, 29)) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  view.setUint32(29, ~crc >>> 0);
  return out;
}
