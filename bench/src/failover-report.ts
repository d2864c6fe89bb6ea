/** Figures of many trials as a table. */

import type { Fault, Trial } from './failover-trial.ts';
import type { Tally } from './failover-writer.ts';

interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** By nearest rank: up to a hundred values, the 99th percentile is the largest. */
function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** All trials of one fault on one cluster. */
export interface Series {
  readonly timings: string;
  readonly fault: Fault;
  readonly trials: readonly Trial[];
  readonly tally: Tally;
}

export function printSeries(series: readonly Series[]): void {
  const rows = series.map(({ timings, fault, trials }) => [
    timings,
    fault,
    `${trials.filter(({ successor }) => successor !== undefined).length} of ${trials.length}`,
    spread(trials.flatMap(({ leadsMs }) => leadsMs ?? [])),
    spread(trials.flatMap(({ ackMs }) => ackMs ?? [])),
    spread(trials.map(({ pauseMs }) => pauseMs)),
  ]);
  console.log(
    '\nmilliseconds since the signal, p50 / p99 / max; the pause is the longest between two answers',
  );
  printTable(['timings', 'leader', 'taken over', 'next leader', 'next write', "client's pause"], rows);

  console.log('\nwhere the time goes: medians, milliseconds since the signal');
  printTable(
    ['timings', 'leader', 'noticed', 'elected', 'claimed', 'answered'],
    series.map(({ timings, fault, trials }) => [
      timings,
      fault,
      ...(['noticedMs', 'electedMs', 'leadsMs', 'ackMs'] as const).map((phase) => median(trials, phase)),
    ]),
  );

  console.log('\nwrites, each listed afterwards');
  printTable(
    ['timings', 'leader', 'acknowledged', 'lost', 'doubled', 'strange', 'failed'],
    series.map(({ timings, fault, tally: { written, lost, doubled, strange, failed } }) => [
      timings,
      fault,
      ...[written, lost, doubled, strange, failed].map(String),
    ]),
  );
}

/** Whether another server always took over, every acknowledged write was there once, and none failed. */
export function isClean({ trials, tally: { lost, doubled, strange, failed } }: Series): boolean {
  return trials.every(({ successor }) => successor !== undefined) && lost + doubled + strange + failed === 0;
}

export function spread(values: readonly number[]): string {
  if (values.length === 0) return '-';
  const { p50, p99, max } = spreadOf(values);
  return [p50, p99, max].map((ms) => ms.toFixed(0)).join(' / ');
}

export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of [head, ...rows]) {
    console.log(`  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
  }
}

function median(trials: readonly Trial[], phase: 'noticedMs' | 'electedMs' | 'leadsMs' | 'ackMs'): string {
  const values = trials.flatMap((trial) => trial[phase] ?? []);
  return values.length === 0 ? '-' : spreadOf(values).p50.toFixed(0);
}
