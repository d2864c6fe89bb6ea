/** The table of `docs/election.md`: crash of the leader to a valid lease. */

import { Election } from '@cloud-steg/election';
import { type Failover, type FailoverOptions, measureFailover, type Told } from './failover.ts';
import { loadElection } from './mutant-build.ts';
import { PLAIN_TIMERS } from './mutants.ts';
import { percentile } from './summary.ts';
import type { TimingsName } from './timings.ts';

export interface TableOptions {
  readonly timings: readonly TimingsName[];
  readonly crashes: number;
  readonly size: number;
}

const TOLD: Record<Told, string> = { nothing: 'silent host', links: 'links closed', ended: 'process ended' };
const LOSS_SHARE = 0.02;

/** One line at a time, as the figures come. */
export async function* failoverTable({ timings, crashes, size }: TableOptions): AsyncGenerator<string> {
  const PlainTimers = await loadElection('plain-timers', PLAIN_TIMERS);
  yield `crash of the leader, ${crashes.toLocaleString('en-US')} times, ${size} nodes; milliseconds to another's valid lease`;
  yield row('timings', 'the others see', 'p50', 'p99', 'max', 'serves p50', 'idlest won');
  for (const name of timings) {
    const usual = { timings: name, size, lossShare: 0, Election };
    for (const told of ['nothing', 'links', 'ended'] as const) {
      yield measured(name, TOLD[told], crashes, { ...usual, told });
    }
    const lossy = { ...usual, lossShare: LOSS_SHARE };
    yield measured(`${name}, 2 % loss`, TOLD.nothing, crashes, { ...lossy, told: 'nothing' });
    const plain = { ...usual, Election: PlainTimers };
    yield measured(`${name}, random timers`, TOLD.nothing, crashes, { ...plain, told: 'nothing' });
  }
}

function measured(name: string, told: string, crashes: number, options: FailoverOptions): string {
  const all: Failover[] = [];
  for (let seed = 1; seed <= crashes; seed++) {
    const failover = measureFailover(seed, options);
    if (failover) all.push(failover);
  }
  const lease = all.map(({ leaseMs }) => leaseMs);
  const serves = all.map(({ servesMs }) => servesMs);
  const idlest = all.filter(({ idlest }) => idlest).length;
  const none = all.length === crashes ? '' : `  ${crashes - all.length} without a leader`;
  const figures = [0.5, 0.99, 1].map((share) => rounded(percentile(lease, share)));
  const [p50 = '', p99 = '', max = ''] = figures;
  return (
    row(
      name,
      told,
      p50,
      p99,
      max,
      rounded(percentile(serves, 0.5)),
      `${Math.round((100 * idlest) / all.length)} %`,
    ) + none
  );
}

function rounded(ms: number): string {
  return ms < 100 ? ms.toFixed(1) : ms.toFixed(0);
}

function row(...cells: readonly string[]): string {
  const [name = '', told = '', ...figures] = cells;
  return [name.padEnd(24), told.padEnd(14), ...figures.map((cell) => cell.padStart(11))].join(' ').trimEnd();
}
