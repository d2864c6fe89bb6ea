/** Who led when, and why: what a node remembers of elections, for those who look. Decides nothing. */

import { ELECTIONS_REMEMBERED_MAX } from '@cloud-steg/protocol';
import type { NodeId } from './config.ts';
import type { ElectionCause } from './message.ts';

export interface PastElection {
  readonly term: number;
  readonly leader: NodeId;
  readonly cause: ElectionCause;
  /** How long ago the leader was elected, milliseconds. */
  readonly ageMs: number;
}

/** The last elections this node learnt of, oldest first. Terms without a leader are not among them. */
export class PastElections {
  readonly #known: (Omit<PastElection, 'ageMs'> & { readonly at: number })[] = [];

  /** Takes note of the leader of a term later than all before; of an earlier one or the same, nothing. */
  add(at: number, election: Omit<PastElection, 'ageMs'>): void {
    const newest = this.#known.at(-1);
    if (newest && newest.term >= election.term) return;
    this.#known.push({ ...election, at });
    if (this.#known.length > ELECTIONS_REMEMBERED_MAX) this.#known.shift();
  }

  report(now: number): PastElection[] {
    return this.#known.map(({ at, ...election }) => ({ ...election, ageMs: Math.max(0, now - at) }));
  }
}
