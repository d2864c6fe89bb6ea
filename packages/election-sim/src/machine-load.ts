import type { Random } from './random.ts';

const NOISE_POINTS = 6;
const REVERSION = 0.2;

/** What a machine's processor is busy with: wanders about a level that others set. */
export class MachineLoad {
  /** What runs on this machine besides, points of CPU. */
  percent = 30;
  #now = 30;

  /** As measured now, with `leadingPoints` on top where this node leads. */
  sample(random: Random, leadingPoints: number): number {
    this.#now += REVERSION * (this.percent - this.#now) + random.uniform(-NOISE_POINTS, NOISE_POINTS);
    return Math.min(100, Math.max(0, this.#now + leadingPoints));
  }
}
