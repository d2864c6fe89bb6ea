import type { World } from './world.ts';

/** A leader whose claim gets no answer so many times makes room for another. */
const CLAIM_ATTEMPTS_MAX = 3;

export interface Claimant {
  readonly index: number;
  readonly retryMs: number;
  /** Whether this run of the process still leads `term`, or stands for it. */
  standsOrLeads(term: number): boolean;
  /** Does `work` once the process's one thread is free; never, if the process ends before. */
  whenFree(work: () => void): void;
  refused(term: number): void;
}

/** Rule 8: what a leader needs from the store before it serves. One claim for each term. */
export class TermClaim {
  /** The last term that the store granted; 0 before the first. */
  grantedTerm = 0;
  readonly #world: World;
  readonly #claimant: Claimant;
  #begunTerm = 0;

  constructor(world: World, claimant: Claimant) {
    this.#world = world;
    this.#claimant = claimant;
  }

  begin(term: number): void {
    if (term === this.#begunTerm) return;
    this.#begunTerm = term;
    if (!this.#world.surroundings.claim) this.grantedTerm = term;
    this.#ask(term, 1);
  }

  #ask(term: number, attempt: number): void {
    const { timeline, store } = this.#world;
    timeline.after(this.#callMs(), () => {
      // The call may get there although the answer never comes back.
      const arrives = !store.unreachable || this.#world.random.chance(0.5);
      const granted = arrives && store.claim(term, this.#claimant.index);
      if (store.unreachable) return this.#again(term, attempt);
      timeline.after(this.#callMs(), () => {
        this.#claimant.whenFree(() => {
          if (granted) this.grantedTerm = term;
          else if (this.#claimant.standsOrLeads(term)) this.#claimant.refused(term);
        });
      });
    });
  }

  #again(term: number, attempt: number): void {
    this.#world.timeline.after(this.#claimant.retryMs, () => {
      this.#claimant.whenFree(() => {
        if (!this.#claimant.standsOrLeads(term)) return;
        if (attempt < CLAIM_ATTEMPTS_MAX) this.#ask(term, attempt + 1);
        else this.#claimant.refused(term);
      });
    });
  }

  #callMs(): number {
    return this.#world.random.uniform(0.2, this.#world.store.callMsMax);
  }
}
