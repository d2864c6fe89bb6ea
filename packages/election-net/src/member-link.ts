import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { type ElectionConfig, type NodeId, splitAddress } from '@cloud-steg/election';
import {
  AppError,
  ELECTION_HANDSHAKE_BYTES_MAX,
  ELECTION_HANDSHAKE_TIMEOUT_MS,
  ELECTION_HELD_MESSAGES_MAX,
  ELECTION_UNSENT_BYTES_MAX,
  KEY_BYTES,
  toAppError,
} from '@cloud-steg/protocol';
import type { Clock } from './clock.ts';
import { DialerHandshake } from './handshake.ts';
import { LineReader } from './line-reader.ts';
import type { FrameSealer } from './link-proof.ts';

const RECONNECT_MS_MIN = 20;
const RECONNECT_MS_MAX = 500;
/** What was written just before closing has this long to leave. */
const FLUSH_MS_MAX = 200;

export interface MemberLinkOptions {
  readonly config: ElectionConfig;
  readonly to: NodeId;
  /** As `linkKey` returns it. */
  readonly key: Uint8Array;
  readonly clock: Clock;
  /** The frame to begin each connection with. */
  readonly greeting: () => string;
  /** An established connection broke. */
  readonly onLost: () => void;
  /** A connection was closed because whoever listens there is no member, or not in time. */
  readonly onRefused: (error: AppError) => void;
}

/**
 * The way to one other member: a connection that is made again whenever it breaks, and carries frames once the
 * listener has proven itself. Frames may be lost, for the election expects no better.
 */
export class MemberLink {
  readonly #options: MemberLinkOptions;
  #socket: Socket | undefined;
  /** Seals for `#socket`, once that is established. */
  #frames: FrameSealer | undefined;
  /** Said while `#socket` was not yet established. */
  #held: string[] = [];
  #retryMs = RECONNECT_MS_MIN;
  #closed = false;
  #cancelTimer: () => void = () => {};

  constructor(options: MemberLinkOptions) {
    this.#options = options;
    this.#connect();
  }

  /** Sends `frame` if the member can be reached and keeps up reading. */
  send(frame: string): void {
    const socket = this.#socket;
    if (!socket?.writable || socket.writableLength > ELECTION_UNSENT_BYTES_MAX) return;
    if (this.#frames) socket.write(`${this.#frames.seal(frame)}\n`);
    else if (this.#held.length < ELECTION_HELD_MESSAGES_MAX) this.#held.push(frame);
  }

  /** Ends the connection once all was sent, and makes no other. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer();
    const socket = this.#socket;
    if (!socket || socket.destroyed) return;
    if (!this.#frames) {
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
    const { config, to, key, clock, onLost, onRefused } = this.#options;
    const { netTimeoutMs } = config.timings;
    const nonce = randomBytes(KEY_BYTES).toString('base64url');
    const handshake = new DialerHandshake({ config, key, nonce }, to);
    const reader = new LineReader(ELECTION_HANDSHAKE_BYTES_MAX);
    const socket = connect({ ...splitAddress(to), noDelay: true });
    this.#socket = socket;
    const refuse = (error: AppError) => {
      socket.destroy();
      onRefused(error);
    };
    this.#cancelTimer = clock.after(netTimeoutMs, () => socket.destroy());
    socket.on('connect', () => {
      this.#cancelTimer();
      this.#cancelTimer = clock.after(ELECTION_HANDSHAKE_TIMEOUT_MS, () => refuse(tooSlow(to)));
    });
    socket.on('data', (bytes) => {
      try {
        for (const line of reader.push(bytes)) this.#take(socket, handshake.take(line));
      } catch (error) {
        refuse(toAppError(error));
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#cancelTimer();
      const established = this.#frames !== undefined;
      this.#frames = undefined;
      this.#held = [];
      if (this.#closed) return;
      this.#cancelTimer = clock.after(this.#retryMs, () => this.#connect());
      this.#retryMs = Math.min(RECONNECT_MS_MAX, this.#retryMs * 2);
      if (established) onLost();
    });
  }

  #take(socket: Socket, next: string | FrameSealer): void {
    if (typeof next === 'string') {
      socket.write(`${next}\n`);
      return;
    }
    this.#cancelTimer();
    this.#frames = next;
    this.#retryMs = RECONNECT_MS_MIN;
    for (const frame of [this.#options.greeting(), ...this.#held.splice(0)]) this.send(frame);
  }
}

function tooSlow(to: NodeId): AppError {
  return new AppError(
    'program/timeout',
    `${to} did not prove itself within ${ELECTION_HANDSHAKE_TIMEOUT_MS} ms of being connected to`,
  );
}
