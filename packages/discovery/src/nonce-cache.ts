/** Remembers signed requests, so that none is accepted twice. */

import { AppError, NONCES_REMEMBERED_MAX, SIGNATURE_WINDOW_MS } from '@cloud-steg/protocol';

/** A signature made a window ahead of this clock is accepted until a window after. */
const REMEMBERED_MS = 2 * SIGNATURE_WINDOW_MS;

export class NonceCache {
  /** When each was seen; oldest first. */
  readonly #seen = new Map<string, number>();
  readonly #capacity: number;

  constructor(capacity: number = NONCES_REMEMBERED_MAX) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#seen.size;
  }

  /**
   * Throws `auth/replayed` if this user's `nonce` was spent within the window. Where more arrive than it can hold,
   * the oldest are forgotten: a replay then meets the idempotency of the call itself.
   */
  spend(username: string, nonce: string, now: number): void {
    for (const [key, at] of this.#seen) {
      if (now - at < REMEMBERED_MS && this.#seen.size < this.#capacity) break;
      this.#seen.delete(key);
    }
    const key = `${username} ${nonce}`;
    if (this.#seen.has(key)) {
      throw new AppError('auth/replayed', 'this very request was answered before', {
        hint: 'sign it anew, with another nonce',
      });
    }
    this.#seen.set(key, now);
  }
}
