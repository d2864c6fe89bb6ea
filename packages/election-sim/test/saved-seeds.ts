import type { ScenarioOptions } from '../src/scenario.ts';

/** Runs that once went wrong, and what was wrong. What a seed means changes when a fault is added: keep the sentence. */
export const SAVED_SEEDS: readonly (ScenarioOptions & { readonly was: string })[] = [
  {
    seed: 176,
    timings: 'default',
    was: 'the simulator kept a node down for good while another, its disk lost, had to hear from every node (rule 9)',
  },
  {
    seed: 182,
    timings: 'default',
    was: 'as seed 176, with a node that stayed deaf',
  },
  {
    seed: 103,
    timings: 'default',
    was: 'the simulator took a handover to an idler node for a disturbance',
  },
  {
    seed: 192,
    timings: 'default',
    was: 'as seed 103',
  },
];
