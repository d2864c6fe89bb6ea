import { toAppError } from '@cloud-steg/protocol';
import type { ElectionNodeOptions } from './election-node.ts';

/** A leader that can't reach the store so many times makes room for one that can. */
const CLAIM_ATTEMPTS_MAX = 3;

export interface TermClaimEvents {
  /** Whether this node still leads `term`, or stands for it. */
  standsOrLeads(term: number): boolean;
  granted(): void;
  refused(term: number): void;
}

/** Rule 8: what a leader needs from the store before it serves. One claim for each term. */
export class TermClaim {
  readonly #options: ElectionNodeOptions;
  readonly #events: TermClaimEvents;
  #begunTerm = 0;
  #grantedTerm = 0;

  constructor(options: ElectionNodeOptions, events: TermClaimEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** The last term that the store granted to this node; 0 before the first. */
  get grantedTerm(): number {
    return this.#grantedTerm;
  }

  /** Claims `term`, unless that has begun already. */
  begin(term: number): void {
    if (term === this.#begunTerm) return;
    this.#begunTerm = term;
    void this.#claim(term);
  }

  async #claim(term: number): Promise<void> {
    for (let attempt = 1; attempt <= CLAIM_ATTEMPTS_MAX && this.#events.standsOrLeads(term); attempt++) {
      const granted = await this.#ask(term, attempt);
      if (granted) {
        this.#grantedTerm = term;
        return this.#events.granted();
      }
      if (granted === false) break;
      await this.#pause();
    }
    this.#events.refused(term);
  }

  /** What the store says; `undefined` if it can't be reached. */
  async #ask(term: number, attempt: number): Promise<boolean | undefined> {
    try {
      return await this.#options.claimTerm(term, this.#options.config.thisNode);
    } catch (error) {
      const { code, message, hint } = toAppError(error);
      this.#options.log('warn', 'election.claim-failed', { term, attempt, code, message, hint });
      return undefined;
    }
  }

  async #pause(): Promise<void> {
    const { clock, config } = this.#options;
    await new Promise<void>((resolve) => {
      clock.after(config.timings.electionRetryMs, resolve);
    });
  }
}
