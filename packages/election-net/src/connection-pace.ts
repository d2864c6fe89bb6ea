import {
  ELECTION_CONNECTIONS_PER_ADDRESS_PER_SECOND,
  ELECTION_CONNECTIONS_PER_SECOND,
} from '@cloud-steg/protocol';

const SECOND_MS = 1000;

/**
 * How fast connections are let in, at all and from any one address. Each costs a handshake, and whoever opens them by the
 * thousand must not keep a leader from its heartbeats. Counted in whole seconds.
 */
export class ConnectionPace {
  #secondBeganAt = Number.NEGATIVE_INFINITY;
  #count = 0;
  readonly #countOf = new Map<string, number>();

  /** Whether a connection from `address` at `now` (monotonic milliseconds) is to be let in; counts it if so. */
  admits(now: number, address: string): boolean {
    if (now - this.#secondBeganAt >= SECOND_MS) {
      this.#secondBeganAt = now;
      this.#count = 0;
      this.#countOf.clear();
    }
    const ofAddress = this.#countOf.get(address) ?? 0;
    if (this.#count >= ELECTION_CONNECTIONS_PER_SECOND) return false;
    if (ofAddress >= ELECTION_CONNECTIONS_PER_ADDRESS_PER_SECOND) return false;
    this.#count++;
    this.#countOf.set(address, ofAddress + 1);
    return true;
  }
}
