import { createServer, type Server, type Socket } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import {
  type ElectionConfig,
  type Message,
  type NodeId,
  readFrame,
  refuseMember,
  splitAddress,
} from '@cloud-steg/election';
import {
  AppError,
  ELECTION_HANDSHAKE_BYTES_MAX,
  ELECTION_HANDSHAKE_TIMEOUT_MS,
  ELECTION_LINE_BYTES_MAX,
  ELECTION_LISTEN_BACKLOG,
  ELECTION_SOCKETS_UNPROVEN_MAX,
  toAppError,
} from '@cloud-steg/protocol';
import type { Clock } from './clock.ts';
import { ConnectionPace } from './connection-pace.ts';
import { answerDialer } from './handshake.ts';
import { LineReader } from './line-reader.ts';
import {
  acceptChannel,
  asChannelRefusal,
  keyingOf,
  type LinkCertificate,
  listenerContext,
  TCP_OPTIONS,
} from './tls-channel.ts';

export interface MemberServerOptions {
  readonly config: ElectionConfig;
  /** As `linkKey` returns it. */
  readonly key: Uint8Array;
  readonly certificate: LinkCertificate;
  readonly clock: Clock;
  /** `address` is the one that the message's connection comes from, without a port. */
  onMessage(from: NodeId, message: Message, address: string): void;
  /** The connection of a member broke. */
  onLost(from: NodeId): void;
  /** A connection was closed for what came in on it, or did not. */
  onRefused(error: AppError): void;
}

/** An accepted connection. */
interface Incoming {
  readonly socket: TLSSocket;
  readonly address: string;
  readonly reader: LineReader;
  /** Closes it in a while, unless it has proven itself. */
  readonly cancelDeadline: () => void;
  /** Whose it has proven to be. */
  member: NodeId | undefined;
}

/** Where the other members connect to. Whoever can't prove to be one is hung up on, unheard. */
export class MemberServer {
  readonly #options: MemberServerOptions;
  readonly #context: SecureContext;
  readonly #server: Server;
  readonly #pace = new ConnectionPace();
  /** Oldest first; no more than `ELECTION_SOCKETS_UNPROVEN_MAX`. */
  readonly #unproven = new Set<Incoming>();
  /** The newest of each member. */
  readonly #proven = new Map<NodeId, Incoming>();

  constructor(options: MemberServerOptions) {
    this.#options = options;
    this.#context = listenerContext(options.certificate);
    this.#server = createServer(TCP_OPTIONS, (raw) => this.#accept(raw));
  }

  /** @throws AppError `server/address-in-use`, or `usage/bad-config` where this address can't be had at all. */
  async listen(): Promise<void> {
    const { thisNode } = this.#options.config;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => reject(asListenError(thisNode, error)));
      this.#server.listen({ ...splitAddress(thisNode), backlog: ELECTION_LISTEN_BACKLOG }, () => {
        this.#server.removeAllListeners('error');
        this.#server.on('error', (error) => this.#options.onRefused(toAppError(error)));
        resolve();
      });
    });
  }

  /** Takes nothing more in from the connection of `id`, not even what has arrived already. */
  hangUp(id: NodeId): void {
    this.#proven.get(id)?.socket.destroy();
  }

  async close(): Promise<void> {
    for (const { socket } of [...this.#unproven, ...this.#proven.values()]) socket.destroy();
    this.#unproven.clear();
    this.#proven.clear();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(raw: Socket): void {
    const options = this.#options;
    const { clock } = options;
    const address = raw.remoteAddress ?? '';
    if (!this.#pace.admits(clock.now(), address)) {
      raw.destroy();
      options.onRefused(
        new AppError('rate/limited', `connections come in too fast, the last one from ${address}`),
      );
      return;
    }
    const socket = acceptChannel(raw, this.#context);
    const incoming: Incoming = {
      socket,
      address,
      reader: new LineReader(ELECTION_HANDSHAKE_BYTES_MAX),
      cancelDeadline: clock.after(ELECTION_HANDSHAKE_TIMEOUT_MS, () =>
        this.#refuse(incoming, unproven(address, `within ${ELECTION_HANDSHAKE_TIMEOUT_MS} ms`)),
      ),
      member: undefined,
    };
    this.#makeRoom();
    this.#unproven.add(incoming);
    socket.on('error', (error) => {
      socket.destroy();
      const refusal = asChannelRefusal(error, `a connection from ${address}`);
      if (refusal) options.onRefused(refusal);
    });
    socket.on('close', () => this.#forget(incoming));
    socket.on('data', (bytes) => {
      for (const { from, message } of this.#read(incoming, bytes)) options.onMessage(from, message, address);
    });
  }

  /**
   * Strangers can't keep members out: they are closed at the expense of the address that has most of them, and a member
   * proves itself sooner than others of its address can push it out.
   */
  #makeRoom(): void {
    if (this.#unproven.size < ELECTION_SOCKETS_UNPROVEN_MAX) return;
    const byAddress = new Map<string, Incoming[]>();
    for (const each of this.#unproven) {
      byAddress.set(each.address, [...(byAddress.get(each.address) ?? []), each]);
    }
    const [most] = [...byAddress.values()].sort((a, b) => b.length - a.length);
    const oldest = most?.[0];
    if (!oldest) return;
    this.#unproven.delete(oldest);
    this.#refuse(oldest, unproven(oldest.address, `before ${ELECTION_SOCKETS_UNPROVEN_MAX} others came`));
  }

  /** The messages that `bytes` complete: all of them, or none and the connection is closed. */
  #read(incoming: Incoming, bytes: Uint8Array): { from: NodeId; message: Message }[] {
    try {
      return incoming.reader.push(bytes).flatMap((line) => this.#take(incoming, line));
    } catch (error) {
      this.#refuse(incoming, toAppError(error));
      return [];
    }
  }

  #take(incoming: Incoming, line: string): { from: NodeId; message: Message }[] {
    if (incoming.member !== undefined) return [{ from: incoming.member, message: readFrame(line) }];
    this.#prove(incoming, line);
    return [];
  }

  /** A member that connects again has lost the connection before, whether or not that has shown here yet. */
  #prove(incoming: Incoming, line: string): void {
    const { socket } = incoming;
    const { from, config, answer } = answerDialer(this.#options, keyingOf(socket), line);
    const refusal = refuseMember(this.#options.config, from, config);
    if (refusal) {
      // It knows the secret, and is told why; the deadline closes what doesn't close by itself.
      socket.end(`${answer}\n`, () => socket.destroy());
      this.#options.onRefused(refusal);
      return;
    }
    socket.write(`${answer}\n`);
    incoming.member = from;
    incoming.reader.allow(ELECTION_LINE_BYTES_MAX);
    incoming.cancelDeadline();
    this.#unproven.delete(incoming);
    const before = this.#proven.get(from);
    this.#proven.set(from, incoming);
    before?.socket.destroy();
  }

  #refuse({ socket }: Incoming, error: AppError): void {
    socket.destroy();
    this.#options.onRefused(error);
  }

  #forget(incoming: Incoming): void {
    const { member, cancelDeadline } = incoming;
    cancelDeadline();
    this.#unproven.delete(incoming);
    if (member === undefined || this.#proven.get(member) !== incoming) return;
    this.#proven.delete(member);
    this.#options.onLost(member);
  }
}

function unproven(address: string, byWhen: string): AppError {
  return new AppError('program/timeout', `a connection from ${address} did not prove itself ${byWhen}`);
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
    hint: LISTEN_HINTS[code] ?? 'use an address of this machine at which the other servers reach it',
    data: { key: 'this_node' },
    cause: error,
  });
}

const LISTEN_HINTS: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL:
    'this machine has no such address; use one of its own at which the other servers reach it, and --this-node to say which',
  ENOTFOUND: 'nothing is known by that name; use an IP address, or add the name to /etc/hosts',
  EACCES: 'ports below 1024 are reserved; use a higher one',
};
