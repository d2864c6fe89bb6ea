import type { DurableState } from '@cloud-steg/election';

/** One node's file. A write that a crash cuts short leaves either the old state or the new one. */
export class SimulatedDisk {
  #state: DurableState | undefined;
  #before: DurableState | undefined;
  #durableAt = Number.NEGATIVE_INFINITY;

  /** What a process that starts now would read. */
  get state(): DurableState | undefined {
    return this.#state;
  }

  /** Begins to write at true time `now`; it is done `ms` later, unless a crash comes first. */
  write(now: number, state: DurableState, ms: number): void {
    if (now >= this.#durableAt) this.#before = this.#state;
    this.#state = state;
    this.#durableAt = now + ms;
  }

  /** The process ends; `keepNew` decides what becomes of a write under way. */
  crash(now: number, keepNew: boolean): void {
    if (now < this.#durableAt && !keepNew) this.#state = this.#before;
    this.#durableAt = now;
  }

  wipe(): void {
    this.#state = undefined;
    this.#before = undefined;
  }
}
