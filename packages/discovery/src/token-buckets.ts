/** Token buckets: how often each of many may do something. Pure; the time of every call is passed in. */

export interface Rate {
  /** What a bucket holds when full, as it is at first. */
  readonly burst: number;
  /** What flows back into it. */
  readonly perSecond: number;
}

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

export class TokenBuckets {
  readonly #rate: Rate;
  readonly #capacity: number;
  /** The one used longest ago comes first. */
  readonly #buckets = new Map<string, Bucket>();

  /** Of more than `capacity` buckets, the one used longest ago is forgotten, and so full again. */
  constructor(rate: Rate, capacity: number) {
    this.#rate = rate;
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Takes a token out of `key`'s bucket. Returns 0 if there was one, else the milliseconds until there will be.
   * `now` is in milliseconds; a clock set back costs nobody a token.
   */
  take(key: string, now: number): number {
    const { burst, perSecond } = this.#rate;
    const { tokens, at } = this.#buckets.get(key) ?? { tokens: burst, at: now };
    const filled = Math.min(burst, tokens + (Math.max(0, now - at) / 1000) * perSecond);
    const taken = filled >= 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: taken ? filled - 1 : filled, at: now });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > this.#capacity && oldest !== undefined) this.#buckets.delete(oldest);
    return taken ? 0 : Math.ceil(((1 - filled) / perSecond) * 1000);
  }
}
