/** The store as leaders see it: claims of terms, writes under a term, and one grant's views. */

import { hold, nameOf } from './checker.ts';

/** What the surroundings of the election must do for it; each may be taken away, to see that it is missed. */
export interface Surroundings {
  /** A commit of another term than the one claimed last is refused. */
  readonly fence: boolean;
  /** A leader waits for its claim to be granted before it serves. */
  readonly claim: boolean;
  /** A commit is refused when what it was decided on has changed. */
  readonly revisions: boolean;
  /** A view that was counted already is not counted again. */
  readonly viewIds: boolean;
  /** A view is shown after it was counted, not before. */
  readonly countFirst: boolean;
  /** A conflict means to look again, not that the views are used up. */
  readonly lookAgain: boolean;
  /** A client that heard nothing asks again with the same id. */
  readonly sameId: boolean;
}

export const SOUND: Surroundings = {
  fence: true,
  claim: true,
  revisions: true,
  viewIds: true,
  countFirst: true,
  lookAgain: true,
  sameId: true,
};

/** What a leader reads before it decides on a view. */
export interface GrantSeen {
  readonly revision: number;
  readonly used: number;
  /** The view in question was counted already. */
  readonly counted: boolean;
}

export type CommitResult = 'ok' | 'fenced' | 'conflict';

/** Every call takes effect at once and is durable. Throws `BrokenRule` on I5, V1 and V2. */
export class FencedStore {
  readonly viewsMax: number;
  /** Claims get no answer. */
  unreachable = false;
  /** Longest time that a call takes, milliseconds. */
  callMsMax = CALL_MS_MAX;
  claimsRefused = 0;
  commitsFenced = 0;
  writes = 0;
  readonly #rules: Surroundings;
  #term = 0;
  #leader = -1;
  #writtenTerm = 0;
  #revision = 0;
  #used = 0;
  readonly #counted = new Set<string>();

  constructor(viewsMax: number, rules: Surroundings) {
    this.viewsMax = viewsMax;
    this.#rules = rules;
  }

  /** Highest term claimed; 0 before the first. */
  get term(): number {
    return this.#term;
  }

  get used(): number {
    return this.#used;
  }

  get counted(): ReadonlySet<string> {
    return this.#counted;
  }

  /** Rule 8. Claiming again what one holds is granted, as a reply may have been lost. */
  claim(term: number, leader: number): boolean {
    const granted = term > this.#term || (term === this.#term && leader === this.#leader);
    if (granted) {
      this.#term = term;
      this.#leader = leader;
    } else this.claimsRefused++;
    return granted;
  }

  see(viewId: string): GrantSeen {
    const counted = this.#rules.viewIds && this.#counted.has(viewId);
    return { revision: this.#revision, used: this.#used, counted };
  }

  write(term: number, leader: number): CommitResult {
    if (this.#isStale(term)) return 'fenced';
    this.#written(term, leader);
    return 'ok';
  }

  countView(term: number, leader: number, viewId: string, seen: GrantSeen): CommitResult {
    if (this.#isStale(term)) return 'fenced';
    if (this.#rules.revisions && seen.revision !== this.#revision) return 'conflict';
    if (this.#rules.viewIds && this.#counted.has(viewId)) return 'conflict';
    this.#written(term, leader);
    this.#revision++;
    this.#used++;
    hold('V2', !this.#counted.has(viewId), () => `${nameOf(leader)} counts view ${viewId} a second time`);
    this.#counted.add(viewId);
    hold('V1', this.#used <= this.viewsMax, () => `${this.#used} of ${this.viewsMax} views were counted`);
    return 'ok';
  }

  #isStale(term: number): boolean {
    // Without claims, nobody knows of a later leader before it wrote.
    const stale = this.#rules.fence && (this.#rules.claim ? term !== this.#term : term < this.#term);
    if (stale) this.commitsFenced++;
    return stale;
  }

  #written(term: number, leader: number): void {
    hold('I5', term >= this.#writtenTerm, () => {
      return `${nameOf(leader)} writes under term ${term}, after a write under ${this.#writtenTerm}`;
    });
    this.#writtenTerm = term;
    this.writes++;
  }
}

export const CALL_MS_MAX = 2;
