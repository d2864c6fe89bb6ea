/**
 * Builds of the core, or of what is around it, with one rule removed. The simulator must notice each of them by the
 * rule that it is said to break, or it sees nothing when that rule is broken by mistake.
 */

import type { Rule } from './checker.ts';
import type { FaultName } from './faults/faults.ts';
import type { Surroundings } from './fenced-store.ts';

/** `find` stands exactly once in `packages/election/src/<file>`. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  /** What is taken away. */
  readonly without: string;
  readonly edits: readonly Edit[];
  readonly surroundings?: Partial<Surroundings>;
  readonly breaks: Rule;
  /** Where it shows soon; a run of any kind may show it too. */
  readonly under: { readonly faults: readonly FaultName[]; readonly size?: number; readonly every?: number };
}
