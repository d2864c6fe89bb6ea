/** One at a time per key, first come, first served. */

import { AppError, CHANGES_QUEUED_PER_KEY_MAX } from '@cloud-steg/protocol';

interface Lane {
  tail: Promise<unknown>;
  queued: number;
}

/**
 * Changes of one grant wait for each other here rather than conflict in the store. That saves work
 * and no more: what makes a change atomic is its commit.
 */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();

  /** Runs `task` after those before it in `key`. Throws `rate/limited` when too many wait already. */
  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const lane = this.#lanes.get(key) ?? { tail: Promise.resolve(), queued: 0 };
    if (lane.queued >= CHANGES_QUEUED_PER_KEY_MAX) {
      throw new AppError('rate/limited', `${lane.queued} changes of ${key} wait already, the most allowed`);
    }
    this.#lanes.set(key, lane);
    lane.queued += 1;
    const mine = lane.tail.then(task);
    lane.tail = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      lane.queued -= 1;
      if (lane.queued === 0) this.#lanes.delete(key);
    }
  }
}
