import { type Mutant, SimulatedCluster } from './cluster.ts';
import { FAULTS, type FaultName, heal } from './faults.ts';
import { seededRandom } from './seeded-random.ts';

const SIZES = [3, 3, 3, 5, 5, 7, 4, 2, 1];
const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];

export interface RunOptions {
  readonly seed: number;
  readonly mutant?: Mutant;
  readonly size?: number;
  /** Without it, a random half of all faults. */
  readonly faults?: readonly FaultName[];
  /** Mean time from one fault to the next, as a share of the longest election timeout. */
  readonly every?: number;
}

export interface RunReport {
  readonly violations: readonly string[];
  /** From the end of all faults to a valid lease, milliseconds; Infinity if none came. */
  readonly healedMs: number;
  /** Once healed and settled, no further term began. */
  readonly undisturbed: boolean;
  readonly terms: number;
  readonly steps: number;
}

/** Faults first, then peace: safety is checked throughout, progress at the end. */
export function runScenario({ seed, mutant, size, faults, every }: RunOptions): RunReport {
  const random = seededRandom(seed ^ 0x5eed);
  const cluster = new SimulatedCluster({
    seed,
    size: size ?? SIZES[Math.floor(random() * SIZES.length)] ?? 3,
    ...(mutant ? { mutant } : {}),
  });
  const longest = cluster.electionTimeoutMsMax;
  const names = faults ?? FAULT_NAMES.filter(() => random() < 0.5);
  for (const node of cluster.nodes) node.loadPercent = random() * 100;
  cluster.advance(2 * longest);

  const endAt = cluster.now + 14 * longest;
  while (cluster.now < endAt && names.length > 0) {
    FAULTS[cluster.pick(names)](cluster);
    cluster.advance(-Math.log(1 - random()) * (every ?? 0.3 + random()) * longest);
  }
  heal(cluster);
  const healedAt = cluster.now;
  cluster.advance(20 * longest, () => cluster.leaseHolder() !== undefined);
  const healedMs = cluster.leaseHolder() ? cluster.now - healedAt : Number.POSITIVE_INFINITY;
  cluster.advance(6 * longest);
  const settledTerm = cluster.termsBegun;
  cluster.advance(4 * longest);
  return {
    violations: cluster.violations,
    healedMs,
    undisturbed: cluster.termsBegun === settledTerm && cluster.leaseHolder() !== undefined,
    terms: settledTerm,
    steps: cluster.steps,
  };
}
