/** Everything that can go wrong, by name. A new fault is a function and a line here. */

import type { Fault } from './fault.ts';
import {
  clockRate,
  falseHint,
  hog,
  killVoter,
  leadingCost,
  loadShift,
  lostClaims,
  slowDisk,
  slowStore,
  tornWrite,
  wipe,
} from './machines.ts';
import { delay, duplication, loss, reorder } from './messages.ts';
import { deaf, flapping, hub, isolate, link, links, mute, oneWay, split } from './partitions.ts';
import {
  bounce,
  crash,
  crashAll,
  killCandidate,
  killLeader,
  killWriter,
  pause,
  stall,
  stop,
} from './processes.ts';

export const FAULTS = {
  loss: loss,
  duplication: duplication,
  delay: delay,
  reorder: reorder,
  split: split,
  isolate: isolate,
  deaf: deaf,
  mute: mute,
  hub: hub,
  'one-way': oneWay,
  link: link,
  links: links,
  flapping: flapping,
  crash: crash,
  bounce: bounce,
  'crash-all': crashAll,
  pause: pause,
  stall: stall,
  stop: stop,
  'kill-candidate': killCandidate,
  'kill-leader': killLeader,
  'kill-writer': killWriter,
  'kill-voter': killVoter,
  wipe: wipe,
  'torn-write': tornWrite,
  'slow-disk': slowDisk,
  'clock-rate': clockRate,
  'load-shift': loadShift,
  hog: hog,
  'leading-cost': leadingCost,
  'false-hint': falseHint,
  'slow-store': slowStore,
  'lost-claims': lostClaims,
} satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];
