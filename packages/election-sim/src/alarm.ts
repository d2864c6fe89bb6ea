import type { Happening, Timeline } from './timeline.ts';

/** It rings so much late, never early, so that one look at the clock is enough. */
const LATE_MS = 1e-6;

/**
 * Rings at the earliest time it was set to, once. It may have been set later since: whoever hears it looks whether it
 * is time, and sets it again, which is cheaper than one alarm for each change.
 */
export class Alarm {
  readonly #timeline: Timeline;
  readonly #ring: () => void;
  #at = Number.POSITIVE_INFINITY;
  #next: Ringing | undefined;

  constructor(timeline: Timeline, ring: () => void) {
    this.#timeline = timeline;
    this.#ring = ring;
  }

  /** To true time `at`, or to now if that is past. */
  set(at: number): void {
    if (at >= this.#at || at === Number.POSITIVE_INFINITY) return;
    this.#at = at;
    this.#next = new Ringing(this);
    this.#timeline.schedule(Math.max(0, at - this.#timeline.now) + LATE_MS, this.#next);
  }

  clear(): void {
    this.#at = Number.POSITIVE_INFINITY;
    this.#next = undefined;
  }

  ring(ringing: Ringing): void {
    if (ringing !== this.#next) return;
    this.clear();
    this.#ring();
  }
}

class Ringing implements Happening {
  readonly #alarm: Alarm;

  constructor(alarm: Alarm) {
    this.#alarm = alarm;
  }

  happen(): void {
    this.#alarm.ring(this);
  }
}
