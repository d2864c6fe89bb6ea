/** What must hold at every moment, and the record needed to tell. */

/** The invariants, as `docs/election.md` numbers them; the three of liveness; and the core's own assertions. */
export const RULES = {
  I1: 'one leader a term',
  I2: 'leases never overlap',
  I3: 'a persisted term never falls',
  I4: 'one vote a term',
  I5: 'no write of an older term after a newer one',
  V1: 'views are never overspent',
  V2: 'a view is never counted twice',
  V3: 'a counted view is never lost',
  V4: 'a view shown is never left uncounted',
  V5: 'a view is never refused early',
  L0: 'a run comes to its end',
  L1: 'once healed, a leader serves within 2 E_max',
  L2: 'and is left undisturbed',
  L3: 'and clients get what they wait for',
  A: 'the core finds nothing wrong with itself',
} as const;
export type Rule = keyof typeof RULES;

/** Ends the run that it happens in: what comes after a broken rule proves nothing. */
export class BrokenRule extends Error {
  readonly rule: Rule;

  constructor(rule: Rule, what: string) {
    super(what);
    this.name = 'BrokenRule';
    this.rule = rule;
  }
}

export function hold(rule: Rule, holds: boolean, what: () => string): asserts holds {
  if (!holds) throw new BrokenRule(rule, what());
}

export interface Leaseholder {
  readonly name: string;
  /** Whether its process lives, running or not, and its lease is valid by its own clock at true time `now`. */
  holdsLease(now: number): boolean;
}

/** Keys of the record of votes hold term and voter in one number. */
const VOTERS_PER_TERM = 8;

/** I1 to I4. Nodes are told apart by index. Throws {@link BrokenRule}. */
export class Checker {
  readonly #leaders = new Map<number, number>();
  readonly #votes = new Map<number, number>();
  readonly #durableTerms: number[] = [];

  /** Terms that had a leader. */
  get ledTerms(): number {
    return this.#leaders.size;
  }

  elected(node: number, term: number): void {
    const other = this.#leaders.get(term);
    hold('I1', other === undefined || other === node, () => {
      return `term ${term} is led by ${nameOf(node)} and by ${nameOf(other)}`;
    });
    this.#leaders.set(term, node);
  }

  /** `holder` holds a valid lease at true time `now`. */
  leased(now: number, holder: number, all: readonly Leaseholder[]): void {
    for (const [node, other] of all.entries()) {
      hold('I2', node === holder || !other.holdsLease(now), () => {
        return `leases of ${other.name} and ${nameOf(holder)} overlap`;
      });
    }
  }

  /** A write of `term` has begun, or a process starts with it. */
  persists(node: number, term: number): void {
    const durable = this.#durableTerms[node] ?? 0;
    hold('I3', term >= durable, () => `${nameOf(node)} falls from term ${durable} to ${term}`);
  }

  /** A write of `term` is done. */
  persisted(node: number, term: number): void {
    this.#durableTerms[node] = term;
  }

  /** A message that bears `term` leaves, where a crash now would leave the node with `recoverable`. */
  speaks(node: number, term: number, recoverable: number): void {
    hold('I3', term <= recoverable, () => {
      return `${nameOf(node)} speaks of term ${term}, but would remember ${recoverable} only`;
    });
  }

  /** The vote leaves its voter; `kept` is whether it would remember that after a crash now. */
  votes(voter: number, term: number, candidate: number, kept: boolean): void {
    const key = term * VOTERS_PER_TERM + voter;
    const before = this.#votes.get(key);
    hold('I4', before === undefined || before === candidate, () => {
      return `${nameOf(voter)} votes for ${nameOf(before)} and for ${nameOf(candidate)} in term ${term}`;
    });
    hold('I4', kept, () => {
      return `${nameOf(voter)} votes for ${nameOf(candidate)} in term ${term}, but would not remember it`;
    });
    this.#votes.set(key, candidate);
  }

  /**
   * A disk was lost. Campaigns of that node died with its process, so that votes for it count no more; nobody may
   * remember them.
   */
  forgets(node: number): void {
    this.#durableTerms[node] = 0;
    for (const [key, candidate] of this.#votes) if (candidate === node) this.#votes.delete(key);
  }
}

/** Names in traces and reports: n1, n2, and so on. */
export function nameOf(node: number | undefined): string {
  return `n${(node ?? -1) + 1}`;
}
