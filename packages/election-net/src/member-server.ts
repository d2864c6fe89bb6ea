import { createServer, type Server, type Socket } from 'node:net';
import {
  type ElectionConfig,
  type Message,
  type NodeId,
  readFrame,
  splitAddress,
} from '@cloud-steg/election';
import {
  AppError,
  ELECTION_LINE_BYTES_MAX,
  ELECTION_SOCKETS_MAX,
  HANDSHAKE_TIMEOUT_MS,
  toAppError,
} from '@cloud-steg/protocol';
import type { Clock } from './clock.ts';
import { LineReader } from './line-reader.ts';

export interface MemberServerOptions {
  readonly config: ElectionConfig;
  readonly clock: Clock;
  onMessage(from: NodeId, message: Message): void;
  /** The last connection of a member broke. */
  onLost(from: NodeId): void;
  /** A connection was closed for what came in on it. */
  onRefused(error: AppError): void;
}

/** Where the other members connect to. Whoever sends anything else than their lines is hung up on. */
export class MemberServer {
  readonly #options: MemberServerOptions;
  readonly #server: Server;
  readonly #senders = new Map<Socket, NodeId | undefined>();

  constructor(options: MemberServerOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = ELECTION_SOCKETS_MAX;
  }

  /** @throws AppError `server/address-in-use`, or `usage/bad-config` where this address can't be had at all. */
  async listen(): Promise<void> {
    const { thisNode } = this.#options.config;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => reject(asListenError(thisNode, error)));
      this.#server.listen(splitAddress(thisNode), () => {
        this.#server.removeAllListeners('error');
        this.#server.on('error', (error) => this.#options.onRefused(toAppError(error)));
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#senders.keys()) socket.destroy();
    this.#senders.clear();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    const reader = new LineReader(ELECTION_LINE_BYTES_MAX);
    this.#senders.set(socket, undefined);
    const cancelDeadline = this.#options.clock.after(HANDSHAKE_TIMEOUT_MS, () => {
      if (this.#senders.get(socket) === undefined) socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      cancelDeadline();
      this.#forget(socket);
    });
    socket.on('data', (bytes) => {
      for (const message of this.#read(socket, reader, bytes)) {
        const from = this.#senders.get(socket);
        if (from !== undefined) this.#options.onMessage(from, message);
      }
    });
  }

  /** The messages that `bytes` complete: all of them, or none and the connection is closed. */
  #read(socket: Socket, reader: LineReader, bytes: Uint8Array): Message[] {
    try {
      return reader.push(bytes).map((line) => this.#parse(socket, line));
    } catch (error) {
      socket.destroy();
      this.#options.onRefused(toAppError(error));
      return [];
    }
  }

  /** A connection belongs to whoever sends its first line. */
  #parse(socket: Socket, line: string): Message {
    const { from, message } = readFrame(this.#options.config, line);
    const sender = this.#senders.get(socket) ?? from;
    if (sender !== from) {
      throw new AppError('input/invalid', `connection of ${sender} sends in the name of ${from}`);
    }
    this.#senders.set(socket, from);
    return message;
  }

  #forget(socket: Socket): void {
    const sender = this.#senders.get(socket);
    this.#senders.delete(socket);
    if (sender === undefined || [...this.#senders.values()].includes(sender)) return;
    this.#options.onLost(sender);
  }
}

function asListenError(address: NodeId, error: Error): AppError {
  const code = 'code' in error ? String(error.code) : error.message;
  if (code === 'EADDRINUSE') {
    return new AppError('server/address-in-use', `election address ${address} is in use`, {
      hint: `stop the server that runs there (perhaps this very one), or change ${address} in the configuration`,
      data: { address },
      cause: error,
    });
  }
  return new AppError('usage/bad-config', `this_node: cannot listen on ${address} (${code})`, {
    data: { key: 'this_node' },
    cause: error,
  });
}
