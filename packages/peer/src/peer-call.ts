/** One HTTP call to another peer, over a connection whose key has been verified. */

import { request } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TLSSocket } from 'node:tls';
import {
  type Address,
  AppError,
  JSON_BODY_BYTES_MAX,
  parseJson,
  STALL_TIMEOUT_MS,
  UPLOAD_TIMEOUT_MS,
} from '@cloud-steg/protocol';
import type * as z from 'zod';
import type { Contact } from './contacts.ts';
import { dialPeer } from './dialer.ts';
import { collect, type HttpAnswer } from './http-call.ts';
import type { Peer } from './peer.ts';
import { problemOf } from './server-answers.ts';

export interface PeerCall<S extends z.ZodType> {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, or a stream of exactly `bytes` bytes, opened once there is a connection. */
  readonly body?: { readonly json: object } | { readonly stream: () => Readable; readonly bytes: number };
  readonly answer: S;
  /** Breaks the call off. */
  readonly signal?: AbortSignal;
}

/** Throws `peer/unreachable`, or what the peer answered. */
export async function callPeer<S extends z.ZodType>(
  peer: Peer,
  contact: Contact,
  addresses: readonly Address[],
  call: PeerCall<S>,
): Promise<z.infer<S>> {
  const socket = await dialPeer(await peer.certificate(), {
    username: contact.username,
    key: contact.ed25519,
    addresses,
  });
  const breakOff = () => socket.destroy();
  call.signal?.addEventListener('abort', breakOff, { once: true });
  try {
    call.signal?.throwIfAborted();
    const answer = await exchange(socket, call);
    if (answer.status >= 300) throw problemOf(answer, contact.username);
    return parseJson(call.answer, Buffer.from(answer.body).toString(), `answer of ${contact.username}`);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('peer/unreachable', `the connection to ${contact.username} broke: ${String(error)}`, {
      cause: error,
      hint: 'try again, or leave it to the outbox',
    });
  } finally {
    call.signal?.removeEventListener('abort', breakOff);
    socket.destroy();
  }
}

function exchange(socket: TLSSocket, call: PeerCall<z.ZodType>): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const json = call.body && 'json' in call.body ? Buffer.from(JSON.stringify(call.body.json)) : undefined;
    const length = call.body && 'stream' in call.body ? call.body.bytes : (json?.length ?? 0);
    const sending = request({
      createConnection: () => socket,
      method: call.method,
      path: call.path,
      headers: {
        host: 'p2p',
        connection: 'close',
        ...(json && { 'content-type': 'application/json' }),
        ...call.headers,
        ...(call.body && { 'content-length': String(length) }),
      },
    });
    let answered = false;
    sending.setTimeout(STALL_TIMEOUT_MS, () => sending.destroy(new Error('no byte for 30 s')));
    const wholeMs = call.body && 'stream' in call.body ? UPLOAD_TIMEOUT_MS : STALL_TIMEOUT_MS;
    const whole = setTimeout(() => socket.destroy(new Error(`not done after ${wholeMs / 1000} s`)), wholeMs);
    socket.once('close', () => clearTimeout(whole));
    sending.on('error', (error) => {
      // A refusal may arrive before the body is through; its answer counts, not the broken pipe.
      if (!answered) reject(error);
    });
    sending.on('response', (response) => {
      answered = true;
      collect(response, JSON_BODY_BYTES_MAX).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        reject,
      );
    });
    if (call.body && 'stream' in call.body) pipeline(call.body.stream(), sending).catch(() => {});
    else sending.end(json);
  });
}
