/** Injects lost replies, the fault that every caller of a store must survive. For tests and simulations. */

import type { Term } from '@cloud-steg/protocol';
import type { Key } from './key.ts';
import {
  type Commit,
  type CommitResult,
  type ListOptions,
  type Page,
  type Store,
  type StoreEvent,
  unknownOutcome,
  type Versioned,
} from './store.ts';

/** What becomes of one claim or commit: answered; or not, and it has or hasn't taken place. */
export type Fate = 'answered' | 'lost-after' | 'lost-before';

/**
 * `inner`, except that `fate` decides for each claim and commit, in the order of the calls, whether its
 * caller hears the answer. One that does not gets `store/unknown-outcome`. Everything else passes through.
 */
export class LossyStore implements Store {
  readonly #inner: Store;
  readonly #fate: () => Fate;

  constructor(inner: Store, fate: () => Fate) {
    this.#inner = inner;
    this.#fate = fate;
  }

  get(key: Key): Promise<Versioned | undefined> {
    return this.#inner.get(key);
  }

  list(prefix: string, options: ListOptions): Promise<Page> {
    return this.#inner.list(prefix, options);
  }

  claimTerm(term: Term, leader: string): Promise<boolean> {
    return this.#lose('the claim', () => this.#inner.claimTerm(term, leader));
  }

  commit(commit: Commit): Promise<CommitResult> {
    return this.#lose('the commit', () => this.#inner.commit(commit));
  }

  watch(
    prefix: string,
    fromRev: number,
    onEvent: (event: StoreEvent) => void,
    onCompacted: () => void,
  ): () => void {
    return this.#inner.watch(prefix, fromRev, onEvent, onCompacted);
  }

  async eraseRemnants(): Promise<void> {
    await this.#inner.eraseRemnants?.();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #lose<T>(what: string, act: () => Promise<T>): Promise<T> {
    const fate = this.#fate();
    if (fate === 'lost-before') throw unknownOutcome(what);
    const answer = await act();
    if (fate === 'lost-after') throw unknownOutcome(what);
    return answer;
  }
}
