import { CORE_MUTANTS } from './core-mutants.ts';
import type { Edit, Mutant } from './mutant.ts';
import { SURROUNDINGS_MUTANTS } from './surroundings-mutants.ts';

export const MUTANTS: readonly Mutant[] = [...CORE_MUTANTS, ...SURROUNDINGS_MUTANTS];

/** For comparison, not a fault: waits are drawn by dice, as in plain Raft, and not by rank (rule 2). */
export const PLAIN_TIMERS: readonly Edit[] = [
  {
    file: 'patience.ts',
    find: 'return rank(m) * slotMs(m) + jitterMs(m);',
    replace: 'return m.random() * slotMs(m) * m.config.members.length;',
  },
];
