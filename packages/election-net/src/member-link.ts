import type { TLSSocket } from 'node:tls';
import type { ElectionConfig, NodeId } from '@cloud-steg/election';
import {
  AppError,
  ELECTION_ANSWER_PATIENCE_MS_MIN,
  ELECTION_HANDSHAKE_BYTES_MAX,
  ELECTION_HANDSHAKE_TIMEOUT_MS,
  ELECTION_HELD_MESSAGES_MAX,
  ELECTION_UNSENT_BYTES_MAX,
  toAppError,
} from '@cloud-steg/protocol';
import type { Clock } from './clock.ts';
import { checkListener, introduce } from './handshake.ts';
import { LineReader } from './line-reader.ts';
import { asChannelRefusal, dialChannel, keyingOf } from './tls-channel.ts';

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
  /** An attempt to connect failed. */
  readonly onUnreachable: () => void;
  /** A connection was closed because whoever listens there is no member, or not in time. */
  readonly onRefused: (error: AppError) => void;
}

/**
 * The way to one other member: a connection that is made again whenever it breaks, and carries frames once the
 * listener has proven itself. Frames may be lost, for the election expects no better.
 */
export class MemberLink {
  readonly #options: MemberLinkOptions;
  #socket: TLSSocket | undefined;
  /** The listener at the other end of `#socket` has proven itself. */
  #established = false;
  /** Said while `#socket` was not yet established. */
  #held: string[] = [];
  /** Stops waiting for an answer of the member; undefined when none is owed. */
  #stopWaiting: (() => void) | undefined;
  #retryMs = RECONNECT_MS_MIN;
  #closed = false;
  #cancelTimer: () => void = () => {};

  constructor(options: MemberLinkOptions) {
    this.#options = options;
    this.#connect();
  }

  /** Sends `frame` if the member can be reached. Whoever reads nothing is not buffered for: its connection is given up. */
  send(frame: string): void {
    const socket = this.#socket;
    if (!socket?.writable) return;
    if (!this.#established) {
      if (this.#held.length < ELECTION_HELD_MESSAGES_MAX) this.#held.push(frame);
      return;
    }
    if (socket.writableLength > ELECTION_UNSENT_BYTES_MAX) socket.destroy();
    else socket.write(`${frame}\n`);
  }

  /**
   * The member owes an answer to what was just sent. Without any for as long as a leader may be silent (or
   * `ELECTION_ANSWER_PATIENCE_MS_MIN`, if that is longer) the connection is made anew: TCP repeats what gets lost at ever
   * longer intervals, up to minutes, and once the network is whole again a new connection is there sooner.
   */
  expectAnswer(): void {
    if (!this.#established) return;
    const { clock, config } = this.#options;
    const patienceMs = Math.max(config.timings.electionTimeoutMsMin, ELECTION_ANSWER_PATIENCE_MS_MIN);
    this.#stopWaiting ??= clock.after(patienceMs, () => this.#socket?.destroy());
  }

  /** Something came from the member, on its own connection. */
  heard(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
  }

  /** Ends the connection once all was sent, and makes no other. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer();
    this.heard();
    const socket = this.#socket;
    if (!socket || socket.destroyed) return;
    if (!this.#established) {
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
    const { config, to, clock, onRefused } = this.#options;
    const socket = dialChannel(to, () => {
      this.#cancelTimer();
      this.#cancelTimer = clock.after(ELECTION_HANDSHAKE_TIMEOUT_MS, () => refuse(tooSlow(to)));
    });
    this.#socket = socket;
    const refuse = (error: AppError) => {
      socket.destroy();
      onRefused(error);
    };
    this.#cancelTimer = clock.after(config.timings.netTimeoutMs, () => socket.destroy());
    socket.on('secureConnect', () => socket.write(`${introduce(this.#options, to, keyingOf(socket))}\n`));
    const reader = new LineReader(ELECTION_HANDSHAKE_BYTES_MAX);
    socket.on('data', (bytes) => {
      try {
        for (const line of reader.push(bytes)) this.#take(socket, line);
      } catch (error) {
        refuse(toAppError(error));
      }
    });
    socket.on('error', (error) => {
      socket.destroy();
      const refusal = asChannelRefusal(error, to);
      if (refusal) onRefused(refusal);
    });
    socket.on('close', () => this.#lose());
  }

  /** The listener's proof, which is all that it ever has to say. */
  #take(socket: TLSSocket, line: string): void {
    const { to, greeting } = this.#options;
    if (this.#established) throw new AppError('input/invalid', `${to} has more to say than its proof`);
    checkListener(this.#options, to, keyingOf(socket), line);
    this.#cancelTimer();
    this.#established = true;
    this.#retryMs = RECONNECT_MS_MIN;
    for (const frame of [greeting(), ...this.#held.splice(0)]) this.send(frame);
  }

  #lose(): void {
    const { clock, onLost, onUnreachable } = this.#options;
    this.#cancelTimer();
    this.heard();
    const established = this.#established;
    this.#established = false;
    this.#held = [];
    if (this.#closed) return;
    this.#cancelTimer = clock.after(this.#retryMs, () => this.#connect());
    this.#retryMs = Math.min(RECONNECT_MS_MAX, this.#retryMs * 2);
    if (established) onLost();
    else onUnreachable();
  }
}

function tooSlow(to: NodeId): AppError {
  return new AppError(
    'program/timeout',
    `${to} did not prove itself within ${ELECTION_HANDSHAKE_TIMEOUT_MS} ms of being connected to`,
  );
}
