/**
 * The encrypted channel under a link: TLS 1.3 and nothing older, one full handshake for each connection. It says nothing
 * about who is at the other end; that is what the proofs bound to {@link keyingOf} it are for.
 */

import { constants } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { type NodeId, splitAddress } from '@cloud-steg/election';
import { AppError, ELECTION_KEEP_ALIVE_MS, KEY_BYTES } from '@cloud-steg/protocol';

/** A self-signed certificate and its key, both PEM: any will do, since nobody looks at it. */
export interface LinkCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

/** Of RFC 5705's labels for private use. */
const EXPORTER_LABEL = 'EXPERIMENTAL cloud-steg election-link';
const VERSIONS = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;

/** What both kinds of TCP sockets are made with: small messages leave at once, and a host that is gone is missed. */
export const TCP_OPTIONS = { noDelay: true, keepAlive: true, keepAliveInitialDelay: ELECTION_KEEP_ALIVE_MS };

/** For {@link acceptChannel}. Without tickets: every connection has keys of its own from the start. */
export function listenerContext({ certPem, keyPem }: LinkCertificate): SecureContext {
  return createSecureContext({
    ...VERSIONS,
    cert: certPem,
    key: keyPem,
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
}

/** The listener's end over an accepted connection. Its first `data` comes after the handshake. */
export function acceptChannel(raw: Socket, secureContext: SecureContext): TLSSocket {
  return new TLSSocket(raw, { isServer: true, secureContext, requestCert: false });
}

/** The dialer's end: emits `secureConnect` once it can be used. `onConnect` is called when TCP has connected. */
export function dialChannel(to: NodeId, onConnect: () => void): TLSSocket {
  const raw = connect({ ...splitAddress(to), ...TCP_OPTIONS });
  raw.once('connect', onConnect);
  return connectTls({
    ...VERSIONS,
    socket: raw,
    // Certificates prove nothing here. Whoever stands in between has two channels, and the proofs bound to them differ.
    rejectUnauthorized: false,
  });
}

/** What only the two ends of this very channel can derive. Only after the handshake. */
export function keyingOf(channel: TLSSocket): Uint8Array {
  return channel.exportKeyingMaterial(KEY_BYTES, EXPORTER_LABEL, Buffer.alloc(0));
}

/** What to tell of a channel's failure; undefined for a mere loss of connection. */
export function asChannelRefusal(error: Error, who: string): AppError | undefined {
  const code = 'code' in error ? String(error.code) : '';
  if (!/^(ERR_SSL|EPROTO)/.test(code)) return undefined;
  return new AppError('input/invalid', `${who} does not speak TLS 1.3 (${code})`, {
    hint: 'if it is a server of yours, run the same version of it everywhere',
    cause: error,
  });
}
