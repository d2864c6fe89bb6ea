import type { Message } from '@cloud-steg/election';
import type { Random } from './random.ts';
import type { Happening, Timeline } from './timeline.ts';

export interface Receiver {
  receive(from: number, message: Message): void;
}

const LATENCY_MS_MIN = 0.15;
export const LATENCY_MS_MAX = 0.6;

/**
 * Loses, doubles, delays and thereby reorders. Nodes are named by index. What was sent arrives even if its sender
 * died, or its receiver was restarted since.
 */
export class Network {
  lossShare = 0;
  doubleShare = 0;
  /** Share of messages that come late, and by how much at most. */
  lateShare = 0;
  lateMsMax = 0;
  latencyMsMax = LATENCY_MS_MAX;
  lost = 0;
  doubled = 0;
  late = 0;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #receivers: readonly Receiver[];
  /** By how many cuts each way from one node to another is closed. */
  readonly #cuts: Uint8Array;

  constructor(timeline: Timeline, random: Random, receivers: readonly Receiver[]) {
    this.#timeline = timeline;
    this.#random = random;
    this.#receivers = receivers;
    this.#cuts = new Uint8Array(receivers.length ** 2);
  }

  send(from: number, to: number, message: Message): void {
    const size = this.#receivers.length;
    if (this.#cuts[from * size + to] !== 0) return;
    if (this.lossShare > 0 && this.#random.chance(this.lossShare)) {
      this.lost++;
      return;
    }
    this.#carry(from, to, message);
    if (this.doubleShare > 0 && this.#random.chance(this.doubleShare)) {
      this.doubled++;
      this.#carry(from, to, message);
    }
  }

  /** Closes every way that `open` denies, on top of all other cuts. Returns how to undo that, once. */
  cut(open: (from: number, to: number) => boolean): () => void {
    const size = this.#receivers.length;
    const closed: number[] = [];
    for (let from = 0; from < size; from++) {
      for (let to = 0; to < size; to++) if (from !== to && !open(from, to)) closed.push(from * size + to);
    }
    for (const way of closed) this.#cuts[way] = (this.#cuts[way] ?? 0) + 1;
    return () => {
      for (const way of closed.splice(0)) this.#cuts[way] = Math.max(0, (this.#cuts[way] ?? 0) - 1);
    };
  }

  /** Every way is open, and nothing more goes wrong; what is under way stays so. */
  heal(): void {
    this.#cuts.fill(0);
    this.lossShare = 0;
    this.doubleShare = 0;
    this.lateShare = 0;
    this.latencyMsMax = LATENCY_MS_MAX;
  }

  #carry(from: number, to: number, message: Message): void {
    const receiver = this.#receivers[to];
    if (!receiver) return;
    let ms = this.#random.uniform(LATENCY_MS_MIN, this.latencyMsMax);
    if (this.lateShare > 0 && this.#random.chance(this.lateShare)) {
      this.late++;
      ms += this.#random.next() * this.lateMsMax;
    }
    this.#timeline.schedule(ms, new Arrival(receiver, from, message));
  }
}

class Arrival implements Happening {
  readonly #receiver: Receiver;
  readonly #from: number;
  readonly #message: Message;

  constructor(receiver: Receiver, from: number, message: Message) {
    this.#receiver = receiver;
    this.#from = from;
    this.#message = message;
  }

  happen(): void {
    this.#receiver.receive(this.#from, this.#message);
  }
}
