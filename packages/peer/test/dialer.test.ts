import { once } from 'node:events';
import { createServer, type Server } from 'node:tls';
import { generateIdentity, makeCertificate } from '@cloud-steg/envelope';
import type { Username } from '@cloud-steg/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { advertisedAddresses } from '../src/addresses.ts';
import { secureRandom } from '../src/carrier-engine.ts';
import { dialPeer } from '../src/dialer.ts';

const alice = generateIdentity(secureRandom);
const bob = generateIdentity(secureRandom);
const certificateOf = (who: typeof alice) => makeCertificate(who.signing, secureRandom(8), Date.now());
const open: Server[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

async function listenAs(who: typeof alice): Promise<number> {
  const { certPem, keyPem } = await certificateOf(who);
  const server = createServer(
    { cert: certPem, key: keyPem, requestCert: true, rejectUnauthorized: false },
    (socket) => socket.on('error', () => {}).resume(),
  );
  open.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

const target = (...ports: number[]) => ({
  username: 'bob' as Username,
  key: bob.signing.publicKey,
  addresses: ports.map((port) => ({ host: '127.0.0.1', port })),
});

describe('dialing', () => {
  it('takes whichever address holds the right key', async () => {
    const [imposter, real] = [await listenAs(alice), await listenAs(bob)];
    const socket = await dialPeer(await certificateOf(alice), target(1, imposter, real));
    expect(socket.remotePort).toBe(real);
    socket.destroy();
  });

  it('says of each address why it would not do', async () => {
    const imposter = await listenAs(alice);
    await expect(dialPeer(await certificateOf(alice), target(1, imposter))).rejects.toMatchObject({
      code: 'peer/unreachable',
      message: expect.stringMatching(
        new RegExp(`127.0.0.1:1 \\(refused\\).*:${imposter} \\(somebody else answers there\\)`),
      ),
      hint: expect.stringContaining('bob must be running'),
    });
  });

  it('says so when it knows no address at all', async () => {
    await expect(dialPeer(await certificateOf(alice), target())).rejects.toThrow('no address is known');
  });
});

describe('advertised addresses', () => {
  it('add loopback to an address of a network, so that users on one machine find each other', () => {
    expect(advertisedAddresses({ host: '192.168.1.10', port: 6000 })).toEqual([
      { host: '192.168.1.10', port: 6000 },
      { host: '127.0.0.1', port: 6000 },
    ]);
    expect(advertisedAddresses({ host: '127.0.0.1', port: 6000 })).toHaveLength(1);
  });
});
