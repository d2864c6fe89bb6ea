/** The core as it is, and one rule removed from what is around it, which is the simulator's own. */

import type { Mutant } from './mutant.ts';

export const SURROUNDINGS_MUTANTS: readonly Mutant[] = [
  {
    name: 'no-fence',
    without: 'rule 8: every commit checks the term',
    edits: [],
    surroundings: { fence: false },
    breaks: 'I5',
    under: { faults: ['stop', 'hog', 'isolate'], every: 0.3 },
  },
  {
    name: 'no-claim',
    without: 'rule 8: a leader serves only once its claim was granted',
    edits: [],
    surroundings: { claim: false },
    breaks: 'I5',
    under: { faults: ['stop', 'lost-claims', 'slow-store', 'kill-writer'], size: 3, every: 0.2 },
  },
  {
    name: 'no-revisions',
    without: 'a commit fails if what it was decided on has changed',
    edits: [],
    surroundings: { revisions: false },
    breaks: 'V1',
    under: { faults: ['slow-store'], every: 0.1 },
  },
  {
    name: 'no-view-ids',
    without: 'a view that was counted is not counted again',
    edits: [],
    surroundings: { viewIds: false },
    breaks: 'V2',
    under: { faults: ['loss', 'kill-writer', 'stop'], every: 0.3 },
  },
  {
    name: 'new-id-on-retry',
    without: 'a client asks again with the same id',
    edits: [],
    surroundings: { sameId: false },
    breaks: 'V3',
    under: { faults: ['loss', 'kill-writer', 'stop'], every: 0.3 },
  },
  {
    name: 'shown-before-counted',
    without: 'a view is shown only after it was counted',
    edits: [],
    surroundings: { countFirst: false },
    breaks: 'V4',
    under: { faults: ['kill-writer', 'slow-store', 'stop'], every: 0.3 },
  },
  {
    name: 'conflict-refuses',
    without: 'a conflict means to look again',
    edits: [],
    surroundings: { lookAgain: false },
    breaks: 'V5',
    under: { faults: ['slow-store', 'loss'], every: 0.3 },
  },
];
