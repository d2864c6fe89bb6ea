/** True time, which no node can see, and what is to happen in it. */

import { SIM_RUN_EVENTS_MAX } from '@cloud-steg/protocol';
import { hold } from './checker.ts';

export interface Happening {
  happen(): void;
}

const QUEUED_FIRST = 256;

/** Happenings in order of time; those of one time in the order they came. A binary heap in flat arrays. */
export class Timeline {
  /** Milliseconds since the start of the world. */
  now = 0;
  /** How much has happened. */
  count = 0;
  #at = new Float64Array(QUEUED_FIRST);
  #order = new Float64Array(QUEUED_FIRST);
  readonly #happenings: Happening[] = [];
  #issued = 0;

  /** Lets `happening` happen in `ms`. */
  schedule(ms: number, happening: Happening): void {
    const size = this.#happenings.length;
    if (size === this.#at.length) this.#grow();
    this.#happenings.push(happening);
    this.#siftUp(size, this.now + ms, this.#issued++, happening);
  }

  /** As {@link schedule}, for what is rare. */
  after(ms: number, happen: () => void): void {
    this.schedule(ms, { happen });
  }

  /** Lets `ms` pass, or less once `until` holds; it is asked after each happening. */
  pass(ms: number, until?: () => boolean): void {
    const end = this.now + ms;
    while (this.#happenings.length > 0 && (this.#at[0] ?? end) <= end) {
      this.now = this.#at[0] ?? end;
      this.count++;
      hold('L0', this.count <= SIM_RUN_EVENTS_MAX, () => `${SIM_RUN_EVENTS_MAX} events, and no end`);
      this.#pop().happen();
      if (until?.()) return;
    }
    this.now = end;
  }

  #pop(): Happening {
    const first = this.#happenings[0];
    const last = this.#happenings.pop();
    if (first === undefined || last === undefined) throw new RangeError('nothing left to happen');
    const size = this.#happenings.length;
    if (size > 0) this.#siftDown(this.#at[size] ?? 0, this.#order[size] ?? 0, last);
    return first;
  }

  #siftUp(from: number, at: number, order: number, happening: Happening): void {
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (!this.#isLater(above, at, order)) break;
      this.#move(above, index);
      index = above;
    }
    this.#set(index, at, order, happening);
  }

  #siftDown(at: number, order: number, happening: Happening): void {
    const size = this.#happenings.length;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      const right = child + 1;
      if (right < size && this.#isLater(child, this.#at[right] ?? 0, this.#order[right] ?? 0)) child = right;
      if (this.#isLater(child, at, order)) break;
      this.#move(child, index);
      index = child;
    }
    this.#set(index, at, order, happening);
  }

  /** Whether what stands at `index` comes after (`at`, `order`). */
  #isLater(index: number, at: number, order: number): boolean {
    const other = this.#at[index] ?? 0;
    return other > at || (other === at && (this.#order[index] ?? 0) > order);
  }

  #move(from: number, to: number): void {
    const happening = this.#happenings[from];
    if (happening) this.#set(to, this.#at[from] ?? 0, this.#order[from] ?? 0, happening);
  }

  #set(index: number, at: number, order: number, happening: Happening): void {
    this.#at[index] = at;
    this.#order[index] = order;
    this.#happenings[index] = happening;
  }

  #grow(): void {
    const [at, order] = [this.#at, this.#order];
    this.#at = new Float64Array(2 * at.length);
    this.#order = new Float64Array(2 * order.length);
    this.#at.set(at);
    this.#order.set(order);
  }
}
