/** Something of which there is only so much: connections, bytes in memory. */

import type { Client } from './client-address.ts';

export class Shares {
  readonly #totalMax: number;
  readonly #perClientMax: number;
  readonly #held = new Map<string, number>();
  #total = 0;

  constructor(totalMax: number, perClientMax: number) {
    this.#totalMax = totalMax;
    this.#perClientMax = perClientMax;
  }

  /** Held by all together. */
  get total(): number {
    return this.#total;
  }

  /** Hands out `amount`, or returns false and hands out nothing. To be given back, once. */
  take(client: Client, amount: number): boolean {
    if (this.#total + amount > this.#totalMax) return false;
    if (client !== undefined) {
      const held = (this.#held.get(client) ?? 0) + amount;
      if (held > this.#perClientMax) return false;
      this.#held.set(client, held);
    }
    this.#total += amount;
    return true;
  }

  giveBack(client: Client, amount: number): void {
    this.#total -= amount;
    if (client === undefined) return;
    const held = (this.#held.get(client) ?? 0) - amount;
    if (held > 0) this.#held.set(client, held);
    else this.#held.delete(client);
  }
}
