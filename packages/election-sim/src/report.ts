/** Figures as people read them. */

import { RULES } from './checker.ts';
import { FAULT_NAMES, type FaultName } from './faults/faults.ts';
import type { RunReport } from './scenario.ts';
import { type Failure, percentile, type Summary } from './summary.ts';
import type { Choice } from './sweep.ts';

const FAULTS_PER_LINE = 6;
const LABEL_WIDTH = 12;

/** What a sweep came to, without anything that would differ the next time. */
export function summaryLines(summary: Summary, choice: Choice, from: number): string[] {
  const { runs, events, terms, views, writes, recoveriesMs } = summary;
  const { claimsRefused, commitsFenced, lost, doubled, late } = summary;
  const under = choice.mutant === undefined ? '' : `, mutant ${choice.mutant}`;
  return [
    line('runs', `${count(runs)} (seeds ${from} to ${from + runs - 1}, ${choice.timings} timings${under})`),
    line('events', count(events)),
    ...faultLines(summary.faults),
    line('messages', `${count(lost)} lost, ${count(doubled)} doubled, ${count(late)} late`),
    line('terms', `${count(terms)} with a leader`),
    line(
      'store',
      `${count(writes)} writes, ${count(commitsFenced)} fenced, ${count(claimsRefused)} claims refused`,
    ),
    line('views', `${count(views)} counted`),
    line(
      'recovery',
      `p50 ${ms(percentile(recoveriesMs, 0.5))}, p99 ${ms(percentile(recoveriesMs, 0.99))}, max ${ms(percentile(recoveriesMs, 1))}`,
    ),
    line('violations', summary.failed === 0 ? 'none' : `in ${count(summary.failed)} runs`),
    ...summary.failures.flatMap((failure) => failureLines(failure, choice)),
  ];
}

/** What one run came to. */
export function runLines(run: RunReport, choice: Choice): string[] {
  const { seed, size, events, hash, terms, recoveryMs, violation } = run;
  return [
    line('run', `seed ${seed}, ${size} nodes, ${choice.timings} timings`),
    line('events', `${count(events)}, hash ${hash}`),
    ...faultLines(Object.fromEntries(run.faults)),
    line('terms', `${count(terms)} with a leader`),
    ...(recoveryMs === undefined ? [] : [line('recovery', ms(recoveryMs))]),
    ...(violation ? failureLines({ seed, ...violation }, choice) : [line('violations', 'none')]),
  ];
}

/** The command that runs one seed again, and shows it. */
export function replayCommand(seed: number, { timings, mutant, size, faults, every }: Choice): string {
  const flags = [
    `--seed ${seed} --trace`,
    ...(timings === 'default' ? [] : [`--timings ${timings}`]),
    ...(mutant === undefined ? [] : [`--mutant ${mutant}`]),
    ...(size === undefined ? [] : [`--size ${size}`]),
    ...(faults === undefined ? [] : [`--faults ${faults.join(',')}`]),
    ...(every === undefined ? [] : [`--every ${every}`]),
  ];
  return `npm run sim -- ${flags.join(' ')}`;
}

function failureLines({ seed, rule, what, at }: Failure, choice: Choice): string[] {
  return [
    `seed ${seed} breaks ${rule}, ${RULES[rule]}: at ${at.toFixed(3)} ms, ${what}`,
    `  replay: ${replayCommand(seed, choice)}`,
  ];
}

function faultLines(faults: Partial<Record<FaultName, number>>): string[] {
  const names = FAULT_NAMES.filter((name) => faults[name] !== undefined);
  const total = names.reduce((sum, name) => sum + (faults[name] ?? 0), 0);
  const lines = [line('faults', count(total))];
  for (let first = 0; first < names.length; first += FAULTS_PER_LINE) {
    const some = names.slice(first, first + FAULTS_PER_LINE);
    lines.push(line('', some.map((name) => `${name} ${count(faults[name] ?? 0)}`).join(', ')));
  }
  return lines;
}

function line(label: string, text: string): string {
  return label.padEnd(LABEL_WIDTH) + text;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function ms(value: number): string {
  return Number.isNaN(value) ? 'unknown' : `${Math.round(value)} ms`;
}
