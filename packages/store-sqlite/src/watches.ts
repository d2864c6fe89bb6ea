/** Watches over a file that other processes write: look now and then whether it has changed. */

import type { StoreEvent } from '@cloud-steg/store';
import type { SqliteReader } from './sqlite-reader.ts';

/** Calls `tick` every `intervalMs` until the returned function is called. */
export type Every = (intervalMs: number, tick: () => void) => () => void;

/** {@link Every} by the process's own timer, which doesn't keep the process alive. */
export const everyByTimer: Every = (intervalMs, tick) => {
  const timer = setInterval(tick, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
};

interface Watch {
  prefix: string;
  nextRev: number;
  onEvent: (event: StoreEvent) => void;
  onCompacted: () => void;
}

/** All watches of one store. Looks at the file's version every `intervalMs`, and for changes only when it differs. */
export class Watches {
  readonly #reader: SqliteReader;
  readonly #every: Every;
  readonly #intervalMs: number;
  readonly #watches = new Set<Watch>();
  #stopTimer: (() => void) | undefined;
  #version: number | undefined;

  constructor(reader: SqliteReader, every: Every, intervalMs: number) {
    this.#reader = reader;
    this.#every = every;
    this.#intervalMs = intervalMs;
  }

  /** See `Store.watch`. */
  add(
    prefix: string,
    fromRev: number,
    onEvent: (event: StoreEvent) => void,
    onCompacted: () => void,
  ): () => void {
    const watch: Watch = { prefix, nextRev: fromRev, onEvent, onCompacted };
    this.#watches.add(watch);
    this.#stopTimer ??= this.#every(this.#intervalMs, () => this.look());
    this.#version = undefined;
    queueMicrotask(() => this.look());
    return () => this.#remove(watch);
  }

  /** Reports what has changed since the last look. What can't be read is left to the next. */
  look(): void {
    if (this.#watches.size === 0) return;
    try {
      const version = this.#reader.version();
      if (version === this.#version) return;
      this.#version = version;
    } catch {
      return;
    }
    for (const watch of this.#watches) this.#report(watch);
  }

  stop(): void {
    for (const watch of this.#watches) this.#remove(watch);
  }

  #report(watch: Watch): void {
    for (let more = true; more && this.#watches.has(watch); ) {
      const changes = this.#changes(watch);
      if (changes === 'unreadable') return;
      if (changes === undefined) {
        this.#remove(watch);
        watch.onCompacted();
        return;
      }
      watch.nextRev = changes.nextRev;
      more = changes.more;
      for (const event of changes.events) if (this.#watches.has(watch)) watch.onEvent(event);
    }
  }

  #changes(watch: Watch) {
    try {
      return this.#reader.changes(watch.prefix, watch.nextRev);
    } catch {
      this.#version = undefined;
      return 'unreadable';
    }
  }

  #remove(watch: Watch): void {
    this.#watches.delete(watch);
    if (this.#watches.size > 0) return;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }
}
