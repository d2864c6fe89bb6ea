import type { NodeId } from '@cloud-steg/election';
import { ELECTION_PROCESS_CHECK_MS, ELECTION_PROCESS_CHECKS_MAX } from '@cloud-steg/protocol';
import type { Clock } from './clock.ts';
import type { ProcessTable } from './process-name.ts';

/**
 * The processes that the other members last said they are, as far as they run on this machine. Tells of each when it has
 * certainly ended, once.
 */
export class PeerProcesses {
  readonly #table: ProcessTable;
  readonly #clock: Clock;
  readonly #onEnded: (peer: NodeId, process: string) => void;
  readonly #running = new Map<NodeId, string>();
  /** The last one of each that was told of: it may still be heard of in messages that were under way. */
  readonly #ended = new Map<NodeId, string>();
  /** Stops looking for the end of a member's process. */
  readonly #looking = new Map<NodeId, () => void>();

  constructor(table: ProcessTable, clock: Clock, onEnded: (peer: NodeId, process: string) => void) {
    this.#table = table;
    this.#clock = clock;
    this.#onEnded = onEnded;
  }

  /** `peer` says that it is `process`, over a connection from `address`. */
  meet(peer: NodeId, process: string, address: string): void {
    this.#stopLooking(peer);
    if (process !== this.#running.get(peer)) this.#check(peer);
    // A copy of this machine, made while it ran, has the same boot and may have the same ids.
    if (this.#table.isHere(address) && process !== this.#ended.get(peer)) this.#running.set(peer, process);
    else this.#running.delete(peer);
  }

  /**
   * A connection with `peer` broke, or could not be made: has its process ended? Looks now and, as a dying process closes
   * its sockets a moment before it is gone, for a while after.
   */
  look(peer: NodeId): void {
    this.#stopLooking(peer);
    this.#lookAgain(peer, ELECTION_PROCESS_CHECKS_MAX);
  }

  close(): void {
    for (const peer of this.#looking.keys()) this.#stopLooking(peer);
    this.#running.clear();
  }

  #lookAgain(peer: NodeId, checksLeft: number): void {
    this.#looking.delete(peer);
    if (!this.#running.has(peer) || this.#check(peer) || checksLeft <= 1) return;
    const cancel = this.#clock.after(ELECTION_PROCESS_CHECK_MS, () => this.#lookAgain(peer, checksLeft - 1));
    this.#looking.set(peer, cancel);
  }

  #check(peer: NodeId): boolean {
    const process = this.#running.get(peer);
    if (process === undefined || !this.#table.hasEnded(process)) return false;
    this.#running.delete(peer);
    this.#ended.set(peer, process);
    this.#onEnded(peer, process);
    return true;
  }

  #stopLooking(peer: NodeId): void {
    this.#looking.get(peer)?.();
    this.#looking.delete(peer);
  }
}
