/** Requests that wait for a leader to be known, rather than be refused during an election. */

import { HELD_REQUESTS_MAX, HELD_REQUESTS_PER_ADDRESS_MAX } from '@cloud-steg/protocol';
import type { Client } from './client-address.ts';
import type { After, Leadership } from './ports.ts';
import { Shares } from './shares.ts';

export interface HeldRequestsOptions {
  readonly leadership: Pick<Leadership, 'onChange'>;
  readonly after: After;
  /** How long each waits at most. */
  readonly holdMs: number;
  readonly max?: number;
  readonly perClientMax?: number;
}

/** Nothing is polled: a request is looked at again when leadership has changed, and only then. */
export class HeldRequests {
  readonly #options: HeldRequestsOptions;
  readonly #places: Shares;
  readonly #waiting = new Set<Wait>();
  #unsubscribe: (() => void) | undefined;
  #ended = false;
  #inVain = 0;
  #turnedAway = 0;

  constructor(options: HeldRequestsOptions) {
    this.#options = options;
    const { max = HELD_REQUESTS_MAX, perClientMax = HELD_REQUESTS_PER_ADDRESS_MAX } = options;
    this.#places = new Shares(max, perClientMax);
  }

  /** How many wait now. */
  get count(): number {
    return this.#waiting.size;
  }

  /** How many have waited for `holdMs` and learnt nothing. */
  get inVain(): number {
    return this.#inVain;
  }

  /** How many found all places taken. */
  get turnedAway(): number {
    return this.#turnedAway;
  }

  /**
   * What `ask` finds, as soon as it finds anything: now, or after some change of leadership. Undefined when `holdMs`
   * have passed without, there is no place to wait at, `signal` says that nobody waits for the answer any more,
   * or {@link end} was called. Throws what `ask` throws.
   */
  async until<T>(
    client: Client,
    signal: AbortSignal,
    ask: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const found = await ask();
    if (found !== undefined || this.#ended || signal.aborted) return found;
    if (!this.#places.take(client, 1)) {
      this.#turnedAway += 1;
      return undefined;
    }
    const wait = new Wait();
    this.#join(wait);
    const leave = () => wait.end();
    signal.addEventListener('abort', leave, { once: true });
    let ranOut = false;
    const cancel = this.#options.after(this.#options.holdMs, () => {
      ranOut = true;
      wait.end();
    });
    try {
      // Asked before the first wait too: leadership may have changed since it was asked above.
      do {
        const found = await ask();
        if (found !== undefined) return found;
      } while (await wait.forChange());
      if (ranOut) this.#inVain += 1;
      return undefined;
    } finally {
      cancel();
      signal.removeEventListener('abort', leave);
      this.#part(wait);
      this.#places.giveBack(client, 1);
    }
  }

  /** Lets everybody go who waits, and holds nobody any more: this server will learn of no other leader. */
  end(): void {
    this.#ended = true;
    for (const wait of this.#waiting) wait.end();
  }

  #join(wait: Wait): void {
    this.#waiting.add(wait);
    this.#unsubscribe ??= this.#options.leadership.onChange(() => {
      for (const wait of this.#waiting) wait.wake();
    });
  }

  #part(wait: Wait): void {
    this.#waiting.delete(wait);
    if (this.#waiting.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }
}

/** One request's wait. A change that comes while nobody waits is kept for the next to ask. */
class Wait {
  #changed = false;
  #over = false;
  #wake: (() => void) | undefined;

  wake(): void {
    this.#changed = true;
    this.#wake?.();
  }

  end(): void {
    this.#over = true;
    this.#wake?.();
  }

  /** Resolves true once there was a change since the last time, false once the wait is over. */
  async forChange(): Promise<boolean> {
    if (!this.#changed && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    this.#changed = false;
    return !this.#over;
  }
}
