import type { Timeline } from './timeline.ts';

/** A process's one thread: does one thing after the other, and nothing while it writes to disk or is paused. */
export class Thread {
  readonly #timeline: Timeline;
  /** Work that came while the thread was busy, oldest first. */
  #waiting: (() => void)[] = [];
  #blockedUntil = 0;
  #pausedUntil = 0;
  #ended = false;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  get busy(): boolean {
    return Math.max(this.#blockedUntil, this.#pausedUntil) > this.#timeline.now;
  }

  /** Whether {@link do} would do at once what it is given. */
  get free(): boolean {
    return !this.#ended && !this.busy && this.#waiting.length === 0;
  }

  /** Does `work` once the thread is free, in the order it came; never, if the process ends before. */
  do(work: () => void): void {
    if (this.free) work();
    else if (!this.#ended) this.#waiting.push(work);
  }

  /** The thread waits for `ms`, as for a disk, and then does `work` before anything else. */
  block(ms: number, work: () => void): void {
    this.#blockedUntil = this.#timeline.now + ms;
    this.#timeline.after(ms, () => {
      this.#waiting.unshift(work);
      this.#drain();
    });
  }

  /** The thread does nothing at all for `ms`. */
  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#timeline.now + ms);
    this.#timeline.after(ms, () => this.#drain());
  }

  /** Ends a pause before its time. */
  resume(): void {
    this.#pausedUntil = this.#timeline.now;
    this.#drain();
  }

  /** What waits is never done. */
  end(): void {
    this.#ended = true;
    this.#waiting = [];
  }

  #drain(): void {
    while (!this.#ended && !this.busy) {
      const work = this.#waiting.shift();
      if (!work) return;
      work();
    }
  }
}
