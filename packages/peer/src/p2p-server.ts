/**
 * Where other peers knock: HTTPS with mutual, pinned TLS. Handlers are thin; what they do stands in `requests.ts`,
 * `receiving.ts` and `sending.ts`.
 */

import { constants } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { certificateKey, toHex } from '@cloud-steg/envelope';
import {
  AppError,
  type CosignedIdentity,
  DeliveryId,
  HANDSHAKE_TIMEOUT_MS,
  HEADERS_TIMEOUT_MS,
  ImageRequest,
  JSON_BODY_BYTES_MAX,
  MANIFEST_HEADER,
  PEER_BODY_TIMEOUT_MS,
  PEER_DEADLINE_CHECK_MS,
  PEER_READ_OUT_MS,
  PEER_SOCKETS_MAX,
  type PendingRequest,
  type Problem,
  type PublicKey,
  parse,
  parseJson,
  RequestImageBody,
  SendImageBody,
  STALL_TIMEOUT_MS,
  toAppError,
  traitsOf,
  UPLOAD_TIMEOUT_MS,
  type Username,
} from '@cloud-steg/protocol';
import type { Contact } from './contacts.ts';
import { PEER_ALPN } from './dialer.ts';
import { Doors } from './doors.ts';
import { collect } from './http-call.ts';
import type { Peer } from './peer.ts';
import { lookUp } from './people.ts';
import { receiveDelivery, sweepUnfinished } from './receiving.ts';
import { acceptRequest, pendingRequests } from './requests.ts';
import { sendImage } from './sending.ts';

export type PeerEvent =
  | { readonly kind: 'request'; readonly from: Username; readonly imageIndex: number }
  | { readonly kind: 'delivery'; readonly from: Username; readonly file: string; readonly bytes: number };

export interface P2pServerOptions {
  /** 0 takes a free one. */
  readonly port: number;
  readonly host?: string;
  readonly onEvent?: (event: PeerEvent) => void;
}

export interface P2pServer {
  readonly port: number;
  /** Stops accepting, lets nothing linger. */
  close(): Promise<void>;
}

/** Listens until closed; begins by deleting what unfinished deliveries left behind. Throws `server/address-in-use`. */
export async function startP2pServer(peer: Peer, options: P2pServerOptions): Promise<P2pServer> {
  const { certPem, keyPem } = await peer.certificate();
  const doors = new Doors();
  const server = createServer(
    {
      cert: certPem,
      key: keyPem,
      minVersion: 'TLSv1.3',
      requestCert: true,
      // Self-signed on both sides: `admit` compares keys, and handlers ask whose they are.
      rejectUnauthorized: false,
      // A resumed session would show no certificate.
      secureOptions: constants.SSL_OP_NO_TICKET,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      // For uploads, which only contacts may begin; `text` has a deadline of its own.
      requestTimeout: UPLOAD_TIMEOUT_MS,
      connectionsCheckingInterval: PEER_DEADLINE_CHECK_MS,
      ALPNProtocols: [PEER_ALPN],
    },
    (request, response) => {
      void answer(peer, doors, options, request, response);
    },
  );
  server.maxConnections = PEER_SOCKETS_MAX;
  server.timeout = STALL_TIMEOUT_MS;
  server.prependListener('connection', (socket: Socket) => doors.greet(socket));
  server.prependListener('secureConnection', (socket: TLSSocket) => admit(peer, doors, socket));
  server.on('tlsClientError', (error) => peer.ports.log('debug', 'tls-refused', { error: error.message }));
  await listen(server, options);
  sweepUnfinished(peer);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        doors.close();
      }),
  };
}

function listen(server: Server, { port, host = '0.0.0.0' }: P2pServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        new AppError(
          'server/address-in-use',
          `cannot listen on ${host}:${port}: ${cause.code ?? cause.message}`,
          {
            cause,
            hint:
              cause.code === 'EADDRINUSE'
                ? 'another program uses this port, perhaps an earlier p2p-client: stop it or choose another --port'
                : 'choose another --port',
          },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
}

/** Lets a connection in whose key, by itself and among others, has room; closes any other. */
function admit(peer: Peer, doors: Doors, socket: TLSSocket): void {
  doors.handshaken(socket.remoteAddress, socket.remotePort);
  const key = keyOf(socket);
  const visitor = key && { key, address: socket.remoteAddress ?? '', known: isKnown(peer, key) };
  if (!visitor || !doors.enter(visitor)) {
    socket.destroy();
    return;
  }
  socket.once('close', () => doors.leave(visitor));
}

function isKnown(peer: Peer, key: PublicKey): boolean {
  return key === peer.profile.identity.signing.publicKey || peer.contacts.byKey(key) !== undefined;
}

function keyOf(socket: TLSSocket): PublicKey | undefined {
  const certificate = socket.getPeerCertificate();
  return certificate.raw ? certificateKey(certificate.raw) : undefined;
}

async function answer(
  peer: Peer,
  doors: Doors,
  options: P2pServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const requestId = toHex(peer.ports.random(8));
  const { socket } = request;
  try {
    const json = await route(peer, doors, options, request);
    await readOut(request);
    respond(response, 200, 'application/json', json);
  } catch (thrown) {
    const error = toAppError(thrown);
    const { status, title } = traitsOf(error.code);
    peer.ports.log(status >= 500 ? 'error' : 'info', 'p2p-refused', {
      requestId,
      path: request.url,
      code: error.code,
      error: error.message,
    });
    const problem: Problem = {
      type: 'about:blank',
      title,
      status,
      detail: error.code === 'program/bug' ? 'the peer failed; its log says why' : error.message,
      code: error.code,
      requestId,
      ...(error.hint !== undefined && { hint: error.hint }),
    };
    if (error.code !== 'input/too-slow') await readOut(request);
    respond(response, status, 'application/problem+json', problem);
    // What was not read of the body would be taken for the next request.
    response.once('finish', () => socket.destroySoon());
  }
}

/**
 * Reads on, for a while, to the end of a body that nobody wants: a sender in the middle of it would meet a closed
 * connection instead of the answer.
 */
async function readOut(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return;
  request.resume();
  const done = new AbortController();
  await Promise.race([
    once(request, 'close', { signal: done.signal }),
    once(request, 'end', { signal: done.signal }),
    sleep(PEER_READ_OUT_MS, undefined, { ref: false, signal: done.signal }),
  ]).catch(() => {});
  done.abort();
}

function respond(response: ServerResponse, status: number, type: string, json: object): void {
  if (response.headersSent || response.destroyed) return;
  const body = Buffer.from(JSON.stringify(json));
  response.writeHead(status, { 'content-type': type, 'content-length': body.length }).end(body);
}

async function route(
  peer: Peer,
  doors: Doors,
  options: P2pServerOptions,
  request: IncomingMessage,
): Promise<object> {
  const key = keyOf(request.socket as TLSSocket);
  if (!key) throw new AppError('peer/stranger', 'no certificate');
  const path = request.url ?? '/';
  const delivery = /^\/p2p\/receive-image\/([0-9a-f]+)$/.exec(path)?.[1];
  if (delivery !== undefined) {
    requireMethod(request, 'PUT');
    const sender = knownContact(peer, key);
    const manifest = request.headers[MANIFEST_HEADER];
    if (typeof manifest !== 'string')
      throw new AppError('input/invalid', `header ${MANIFEST_HEADER} is missing`);
    const id = parse(DeliveryId, delivery, 'delivery id');
    const { receipt, stored } = await doors.delivering(key, id, () =>
      receiveDelivery(peer, id, manifest, sender, request),
    );
    if (stored)
      options.onEvent?.({ kind: 'delivery', from: sender.username, file: stored.file, bytes: stored.bytes });
    return { receipt };
  }
  switch (path) {
    case '/p2p/request-image': {
      requireMethod(request, 'POST');
      const { request: signed } = parseJson(RequestImageBody, await text(request), 'request');
      const { from, imageIndex } = parseJson(ImageRequest, signed.text, 'request');
      const sender = await identify(peer, key, from);
      // A contact is who has asked for something, not whoever knocks.
      const { fresh, ...accepted } = peer.database.transaction(() => {
        const request = acceptRequest(peer, signed, sender.contact);
        if (sender.identity) peer.contacts.remember(from, sender.identity);
        return request;
      });
      if (fresh) options.onEvent?.({ kind: 'request', from, imageIndex });
      return accepted;
    }
    case '/p2p/list-requests':
      requireMethod(request, 'GET');
      requireOwner(peer, key);
      return { requests: fittingOneAnswer(pendingRequests(peer)) };
    case '/p2p/send-image': {
      requireMethod(request, 'POST');
      requireOwner(peer, key);
      const sent = await sendImage(peer, parseJson(SendImageBody, await text(request), 'send-image'));
      return {
        grant: sent.grant,
        deliveryId: sent.deliveryId,
        delivered: sent.state === 'delivered',
        carrierBytes: sent.carrierBytes,
      };
    }
    default:
      throw new AppError('input/not-found', `nothing at ${path}`);
  }
}

/** A JSON request's body. Throws `input/too-large`, `input/too-slow`. */
async function text(request: IncomingMessage): Promise<string> {
  let deadline: NodeJS.Timeout | undefined;
  const tooSlow = new Promise<never>((_, reject) => {
    const seconds = PEER_BODY_TIMEOUT_MS / 1000;
    const error = new AppError('input/too-slow', `the body was not here after ${seconds} s`);
    deadline = setTimeout(() => reject(error), PEER_BODY_TIMEOUT_MS);
  });
  try {
    return Buffer.from(await Promise.race([collect(request, JSON_BODY_BYTES_MAX), tooSlow])).toString();
  } finally {
    clearTimeout(deadline);
  }
}

/** As many from the front as `callPeer` takes in one answer. */
function fittingOneAnswer(requests: readonly PendingRequest[]): PendingRequest[] {
  let bytes = Buffer.byteLength(JSON.stringify({ requests: [] }));
  return requests.filter((request) => {
    bytes += Buffer.byteLength(`${JSON.stringify(request)},`);
    return bytes <= JSON_BODY_BYTES_MAX;
  });
}

function requireMethod(request: IncomingMessage, method: string): void {
  if (request.method !== method) throw new AppError('input/wrong-method', `${request.url} takes ${method}`);
}

function requireOwner(peer: Peer, key: PublicKey): void {
  if (key !== peer.profile.identity.signing.publicKey) {
    throw new AppError('auth/forbidden', 'only this peer’s own user may do that');
  }
}

function knownContact(peer: Peer, key: PublicKey): Contact {
  const contact = peer.contacts.byKey(key);
  if (!contact) throw new AppError('peer/stranger', 'this key belongs to nobody this peer has met');
  return contact;
}

/**
 * Who holds `key`: a contact, or the user they say they are if the cluster gave that name to that key. The latter is not
 * pinned yet, and comes with the identity to pin.
 */
async function identify(
  peer: Peer,
  key: PublicKey,
  claimed: Username,
): Promise<{ contact: Contact; identity?: CosignedIdentity }> {
  const known = peer.contacts.byKey(key);
  if (known) return { contact: known };
  const { contact, identity } = await lookUp(peer, claimed);
  if (contact.ed25519 !== key) throw new AppError('peer/stranger', `this key is not that of ${claimed}`);
  return { contact, identity };
}
