import { connect, type Socket } from 'node:net';
import { type NodeId, splitAddress } from '@cloud-steg/election';
import { ELECTION_UNSENT_BYTES_MAX } from '@cloud-steg/protocol';
import type { Clock } from './clock.ts';

const RECONNECT_MS_MIN = 20;
const RECONNECT_MS_MAX = 500;
/** What was written just before closing has this long to leave. */
const FLUSH_MS_MAX = 200;

export interface MemberLinkOptions {
  readonly to: NodeId;
  readonly clock: Clock;
  readonly connectTimeoutMs: number;
  /** The line to begin each connection with. */
  readonly greeting: () => string;
  /** An established connection broke. */
  readonly onLost: () => void;
}

/**
 * The way to one other member: a connection that is made again whenever it breaks. Lines may be lost, for the
 * election expects no better.
 */
export class MemberLink {
  readonly #options: MemberLinkOptions;
  #socket: Socket | undefined;
  #retryMs = RECONNECT_MS_MIN;
  #closed = false;
  #cancelTimer: () => void = () => {};

  constructor(options: MemberLinkOptions) {
    this.#options = options;
    this.#connect();
  }

  /** Sends `line` if the member can be reached and keeps up reading. */
  send(line: string): void {
    const socket = this.#socket;
    if (!socket?.writable || socket.writableLength > ELECTION_UNSENT_BYTES_MAX) return;
    socket.write(`${line}\n`);
  }

  /** Ends the connection once all was sent, and makes no other. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer();
    const socket = this.#socket;
    if (!socket || socket.destroyed) return;
    if (socket.connecting) {
      socket.destroy();
      return;
    }
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(FLUSH_MS_MAX, resolve);
      socket.end(() => {
        cancel();
        resolve();
      });
    });
    socket.destroy();
  }

  #connect(): void {
    const { to, clock, connectTimeoutMs, greeting, onLost } = this.#options;
    const socket = connect({ ...splitAddress(to), noDelay: true });
    this.#socket = socket;
    let established = false;
    this.#cancelTimer = clock.after(connectTimeoutMs, () => socket.destroy());
    socket.on('connect', () => {
      this.#cancelTimer();
      established = true;
      this.#retryMs = RECONNECT_MS_MIN;
      this.send(greeting());
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#cancelTimer();
      if (this.#closed) return;
      this.#cancelTimer = clock.after(this.#retryMs, () => this.#connect());
      this.#retryMs = Math.min(RECONNECT_MS_MAX, this.#retryMs * 2);
      if (established) onLost();
    });
    // Nothing is ever said on this side; reading it is how its end is noticed.
    socket.resume();
  }
}
