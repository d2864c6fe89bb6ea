import { randomBytes } from 'node:crypto';
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
  ELECTION_HANDSHAKE_BYTES_MAX,
  ELECTION_HANDSHAKE_TIMEOUT_MS,
  ELECTION_LINE_BYTES_MAX,
  ELECTION_SOCKETS_UNPROVEN_MAX,
  KEY_BYTES,
  toAppError,
} from '@cloud-steg/protocol';
import type { Clock } from './clock.ts';
import { answerDialer, challenge } from './handshake.ts';
import { LineReader } from './line-reader.ts';
import type { FrameOpener } from './link-proof.ts';

export interface MemberServerOptions {
  readonly config: ElectionConfig;
  /** As `linkKey` returns it. */
  readonly key: Uint8Array;
  readonly clock: Clock;
  onMessage(from: NodeId, message: Message): void;
  /** The connection of a member broke. */
  onLost(from: NodeId): void;
  /** A connection was closed for what came in on it, or did not. */
  onRefused(error: AppError): void;
}

/** An accepted connection. */
interface Incoming {
  readonly socket: Socket;
  readonly reader: LineReader;
  /** What it was challenged with. */
  readonly nonce: string;
  /** Closes it in a while, unless it has proven itself. */
  readonly cancelDeadline: () => void;
  /** Whose it has proven to be. */
  member: { readonly from: NodeId; readonly frames: FrameOpener } | undefined;
}

/** Where the other members connect to. Whoever can't prove to be one is hung up on, unheard. */
export class MemberServer {
  readonly #options: MemberServerOptions;
  readonly #server: Server;
  /** Oldest first; no more than `ELECTION_SOCKETS_UNPROVEN_MAX`. */
  readonly #unproven = new Set<Incoming>();
  /** The newest of each member. */
  readonly #proven = new Map<NodeId, Incoming>();

  constructor(options: MemberServerOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
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
    for (const { socket } of [...this.#unproven, ...this.#proven.values()]) socket.destroy();
    this.#unproven.clear();
    this.#proven.clear();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    const incoming: Incoming = {
      socket,
      reader: new LineReader(ELECTION_HANDSHAKE_BYTES_MAX),
      nonce: randomBytes(KEY_BYTES).toString('base64url'),
      cancelDeadline: this.#options.clock.after(ELECTION_HANDSHAKE_TIMEOUT_MS, () =>
        this.#refuse(incoming, unproven(`within ${ELECTION_HANDSHAKE_TIMEOUT_MS} ms`)),
      ),
      member: undefined,
    };
    this.#makeRoom();
    this.#unproven.add(incoming);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#forget(incoming));
    socket.on('data', (bytes) => {
      for (const { from, message } of this.#read(incoming, bytes)) this.#options.onMessage(from, message);
    });
    socket.write(`${challenge(incoming.nonce)}\n`);
  }

  /** Strangers can't keep members out: a member proves itself sooner than others can push it out. */
  #makeRoom(): void {
    const [oldest] = this.#unproven;
    if (oldest === undefined || this.#unproven.size < ELECTION_SOCKETS_UNPROVEN_MAX) return;
    this.#unproven.delete(oldest);
    this.#refuse(oldest, unproven(`before ${ELECTION_SOCKETS_UNPROVEN_MAX} others came`));
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
    const { member } = incoming;
    if (!member) {
      this.#prove(incoming, line);
      return [];
    }
    const frame = readFrame(this.#options.config, member.frames.open(line));
    if (frame.from !== member.from) {
      throw new AppError('input/invalid', `connection of ${member.from} sends in the name of ${frame.from}`);
    }
    return [frame];
  }

  /** A member that connects again has lost the connection before, whether or not that has shown here yet. */
  #prove(incoming: Incoming, line: string): void {
    const { from, answer, frames } = answerDialer({ ...this.#options, nonce: incoming.nonce }, line);
    incoming.member = { from, frames };
    incoming.reader.allow(ELECTION_LINE_BYTES_MAX);
    incoming.cancelDeadline();
    this.#unproven.delete(incoming);
    const before = this.#proven.get(from);
    this.#proven.set(from, incoming);
    before?.socket.destroy();
    incoming.socket.write(`${answer}\n`);
  }

  #refuse({ socket }: Incoming, error: AppError): void {
    socket.destroy();
    this.#options.onRefused(error);
  }

  #forget(incoming: Incoming): void {
    const { member, cancelDeadline } = incoming;
    cancelDeadline();
    this.#unproven.delete(incoming);
    if (!member || this.#proven.get(member.from) !== incoming) return;
    this.#proven.delete(member.from);
    this.#options.onLost(member.from);
  }
}

function unproven(byWhen: string): AppError {
  return new AppError('program/timeout', `a connection did not prove itself ${byWhen}`);
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
