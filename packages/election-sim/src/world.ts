/** What all nodes of one simulated cluster share. */

import type { Election, ElectionStart } from '@cloud-steg/election';
import type { Checker, Leaseholder } from './checker.ts';
import type { FencedStore, Surroundings } from './fenced-store.ts';
import type { Journal } from './journal.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

/** What of the machine the simulator uses. */
export type SimulatedElection = Pick<Election, 'step' | 'nextDeadline' | 'leaseEnd' | 'term' | 'greeting'>;

/** The machine under test: the real one, or a mutant of it. */
export type ElectionClass = new (start: ElectionStart) => SimulatedElection;

/** A moment that a fault may lie in wait for. Nodes are named by index. */
export type Moment =
  /** The candidate has heard that the voter votes for it. */
  | { readonly kind: 'voted'; readonly voter: number; readonly candidate: number }
  | { readonly kind: 'became'; readonly node: number; readonly role: 'candidate' | 'leader' }
  /** A write to disk has begun, and takes so long. */
  | { readonly kind: 'writes'; readonly node: number; readonly ms: number }
  /** A leader's write is on its way to the store. */
  | { readonly kind: 'commits'; readonly node: number };

export interface World {
  readonly Election: ElectionClass;
  readonly surroundings: Surroundings;
  readonly timeline: Timeline;
  /** For what happens inside processes: disks, clocks, the machine's own dice. */
  readonly random: Random;
  readonly network: Network;
  readonly store: FencedStore;
  readonly checker: Checker;
  readonly journal: Journal;
  readonly leaseholders: readonly Leaseholder[];
  /** Longest time that a write to disk takes, milliseconds. */
  fsyncMsMax: number;
  /** Share of requests whose leader is held up between looking at its lease and writing. */
  heldUpShare: number;
  /** What leading adds to a node's load, points of CPU. */
  leadingCostPoints: number;
  /** Told of every moment, if set. What it does about it, it schedules. */
  trap: ((moment: Moment) => void) | undefined;
}

export const FSYNC_MS_MIN = 0.2;
export const FSYNC_MS_MAX = 4;
