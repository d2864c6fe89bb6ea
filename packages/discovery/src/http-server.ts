/** HTTP on a socket, with its bounds. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  AppError,
  DRAIN_TIMEOUT_MS,
  HEADERS_TIMEOUT_MS,
  HTTP_REQUEST_TIMEOUT_MS,
  HTTP_SOCKETS_MAX,
  HTTP_SOCKETS_PER_ADDRESS_MAX,
  LEADER_HOLD_MS_MAX,
} from '@cloud-steg/protocol';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { type Client, clientOf } from './client-address.ts';
import { Shares } from './shares.ts';

export interface HttpServer {
  readonly port: number;
  /** Takes no more connections, finishes what was asked within `DRAIN_TIMEOUT_MS`, closes. */
  close(): Promise<void>;
}

/**
 * Serves until closed. `fetch` is told which client each request came from; connections beyond a client's share
 * are closed unheard.
 *
 * Throws `server/address-in-use`, or `usage/bad-config` where the address isn't this machine's.
 */
export async function serveHttp(
  host: string,
  port: number,
  fetch: (request: Request, client: Client) => Promise<Response>,
  identify: (remoteAddress: string | undefined) => Client = clientOf,
): Promise<HttpServer> {
  const listener = getRequestListener(
    (request, env) => fetch(request, identify((env as HttpBindings).incoming.socket.remoteAddress)),
    { overrideGlobalObjects: false },
  );
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      // A body is not read while its request is held.
      requestTimeout: HTTP_REQUEST_TIMEOUT_MS + LEADER_HOLD_MS_MAX,
    },
    (request, response) => {
      // A connection that was busy when the server began to close must not linger for another request.
      response.once('finish', () => {
        if (!server.listening) setImmediate(() => server.closeIdleConnections());
      });
      void listener(request, response);
    },
  );
  server.maxConnections = HTTP_SOCKETS_MAX;
  const sockets = new Shares(HTTP_SOCKETS_MAX, HTTP_SOCKETS_PER_ADDRESS_MAX);
  server.on('connection', (socket) => {
    const client = identify(socket.remoteAddress);
    if (sockets.take(client, 1)) socket.once('close', () => sockets.giveBack(client, 1));
    else socket.destroy();
  });
  await listen(server, host, port);
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    server.listen(port, host, resolve);
  });
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): AppError {
  switch (error.code ?? '') {
    case 'EADDRINUSE':
      return new AppError('server/address-in-use', `port ${port} on ${host} is taken by another program`, {
        hint: `stop it, or choose another port: PORT=${port + 1}`,
        cause: error,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new AppError('usage/bad-config', `HOST: ${host} is no address of this machine`, {
        cause: error,
      });
    case 'EACCES':
      return new AppError('usage/bad-config', `PORT: this user may not serve at port ${port}`, {
        hint: 'use a port of 1024 or higher',
        cause: error,
      });
    default:
      return new AppError('program/failed', `cannot listen at ${host}:${port}: ${error.message}`, {
        cause: error,
      });
  }
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const forced = setTimeout(() => server.closeAllConnections(), DRAIN_TIMEOUT_MS);
  await closed;
  clearTimeout(forced);
}
