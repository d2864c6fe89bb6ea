/**
 * Reaching a peer by any of its addresses. Addresses are hints: the first connection whose *key* is the one
 * expected wins, so a wrong host can't pretend.
 */

import { connect as connectTcp, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type CertificatePair, certificateKey } from '@cloud-steg/envelope';
import {
  type Address,
  AppError,
  DIAL_STAGGER_MS,
  DIAL_TIMEOUT_MS,
  HANDSHAKE_TIMEOUT_MS,
  type PublicKey,
  type Username,
} from '@cloud-steg/protocol';
import { isLoopback } from './addresses.ts';
import { reasonOf } from './http-call.ts';

/** TLS application protocol of everything between peers. */
export const PEER_ALPN = 'p2p-http/1';

export interface DialTarget {
  readonly username: Username;
  readonly key: PublicKey;
  readonly addresses: readonly Address[];
}

/**
 * A verified connection to `target`. Loopback addresses go first; the others join when those have failed,
 * or none has connected within `DIAL_STAGGER_MS`. Throws `peer/unreachable`, naming each address and why.
 */
export async function dialPeer(certificate: CertificatePair, target: DialTarget): Promise<TLSSocket> {
  const losers = new AbortController();
  const failures: string[] = [];
  let winner: TLSSocket | undefined;

  const attempt = async ({ host, port }: Address, onConnected?: () => void): Promise<TLSSocket> => {
    try {
      const raw = await connectRaw(host, port, losers.signal);
      onConnected?.();
      const secure = await proveKey(raw, certificate, target.key);
      if (winner) {
        secure.destroy();
        throw new Error('another address was quicker');
      }
      winner = secure;
      losers.abort();
      return secure;
    } catch (error) {
      failures.push(`${host}:${port} (${reasonOf(error)})`);
      throw error;
    }
  };

  const near = target.addresses.filter(({ host }) => isLoopback(host));
  const far = target.addresses.filter(({ host }) => !isLoopback(host));
  let connected = () => {};
  const nearConnected = new Promise<void>((resolve) => {
    connected = resolve;
  });
  const nearAttempts = near.map((address) => attempt(address, connected));
  const nearResult = Promise.any(nearAttempts);
  const nearSettled = nearResult.then(
    () => {},
    () => {},
  );
  try {
    // The turn after the timer, so that a connection that was made while this process was busy counts.
    const silent = sleep(DIAL_STAGGER_MS, undefined, { ref: false }).then(() => nextTurn('silent'));
    if ((await Promise.race([nearSettled, nearConnected, silent])) !== 'silent') {
      await nearSettled;
      if (winner) return winner;
    }
    return await Promise.any([...nearAttempts, ...far.map((address) => attempt(address))]);
  } catch (cause) {
    const tried = failures.length > 0 ? `tried ${failures.join(', ')}` : 'no address is known';
    throw new AppError('peer/unreachable', `cannot reach ${target.username}: ${tried}`, {
      cause,
      hint: `${target.username} must be running: p2p-client up, or start-p2p-server`,
      data: { username: target.username, failures },
    });
  }
}

function connectRaw(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port, noDelay: true });
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    const lose = () => fail(new Error('another address was quicker'));
    socket.setTimeout(DIAL_TIMEOUT_MS, () => fail(new Error('timed out')));
    socket.once('error', fail);
    signal.addEventListener('abort', lose, { once: true });
    socket.once('connect', () => {
      signal.removeEventListener('abort', lose);
      socket.removeListener('error', fail);
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      resolve(socket);
    });
  });
}

/** TLS over `raw`, kept only if the other end holds `key`. */
function proveKey(raw: Socket, certificate: CertificatePair, key: PublicKey): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = connectTls({
      socket: raw,
      cert: certificate.certPem,
      key: certificate.keyPem,
      minVersion: 'TLSv1.3',
      ALPNProtocols: [PEER_ALPN],
      // Self-signed on both sides: the comparison of keys below is what authenticates.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    const fail = (error: Error) => {
      secure.destroy();
      raw.destroy();
      reject(error);
    };
    secure.setTimeout(HANDSHAKE_TIMEOUT_MS, () => fail(new Error('timed out')));
    secure.once('error', fail);
    secure.once('close', () => fail(new Error('connection lost')));
    secure.once('secureConnect', () => {
      if (certificateKey(secure.getPeerCertificate().raw) !== key)
        return fail(new Error('somebody else answers there'));
      secure.removeAllListeners('close');
      secure.removeListener('error', fail);
      secure.setTimeout(0);
      secure.removeAllListeners('timeout');
      resolve(secure);
    });
  });
}
