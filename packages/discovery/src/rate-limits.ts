/** How often a client, or a user, may ask: before that is known who asks, and after. */

import {
  AppError,
  CHANGES_PER_USER_BURST,
  CHANGES_PER_USER_PER_SECOND,
  NEW_NAMES_PER_ADDRESS_PER_HOUR,
  type PublicKey,
  RATE_BUCKETS_MAX,
  REQUESTS_PER_ADDRESS_BURST,
  REQUESTS_PER_ADDRESS_PER_SECOND,
} from '@cloud-steg/protocol';
import type { Client } from './client-address.ts';
import { type Rate, TokenBuckets } from './token-buckets.ts';

const REQUESTS: Rate = { burst: REQUESTS_PER_ADDRESS_BURST, perSecond: REQUESTS_PER_ADDRESS_PER_SECOND };
const NEW_NAMES: Rate = {
  burst: NEW_NAMES_PER_ADDRESS_PER_HOUR,
  perSecond: NEW_NAMES_PER_ADDRESS_PER_HOUR / 3600,
};
const CHANGES: Rate = { burst: CHANGES_PER_USER_BURST, perSecond: CHANGES_PER_USER_PER_SECOND };

/** Each method counts one more and throws `rate/limited` (`data.retryAfterSeconds`) where that is one too many. */
export class RateLimits {
  readonly #requests = new TokenBuckets(REQUESTS, RATE_BUCKETS_MAX);
  readonly #newNames = new TokenBuckets(NEW_NAMES, RATE_BUCKETS_MAX);
  readonly #changes = new TokenBuckets(CHANGES, RATE_BUCKETS_MAX);
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  request(client: Client): void {
    if (client === undefined) return;
    this.#take(
      this.#requests,
      client,
      `more than ${REQUESTS.perSecond} requests a second come from ${client}`,
    );
  }

  newName(client: Client): void {
    if (client === undefined) return;
    this.#take(
      this.#newNames,
      client,
      `more than ${NEW_NAMES.burst} names an hour were taken from ${client}`,
    );
  }

  /** `key`: of a user who is registered; anybody else has no lack of keys. */
  change(key: PublicKey): void {
    this.#take(this.#changes, key, `more than ${CHANGES.perSecond} changes a second are signed by this key`);
  }

  #take(buckets: TokenBuckets, key: string, tooMany: string): void {
    const waitMs = buckets.take(key, this.#now());
    if (waitMs === 0) return;
    const retryAfterSeconds = Math.ceil(waitMs / 1000);
    throw new AppError('rate/limited', tooMany, {
      hint: `try again in ${retryAfterSeconds} s`,
      data: { retryAfterSeconds },
    });
  }
}
