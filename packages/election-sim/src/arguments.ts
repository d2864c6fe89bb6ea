/** The command line, strictly read. Everything here throws `usage/bad-argument` naming the value and what to type. */

import { parseArgs } from 'node:util';
import {
  AppError,
  CLUSTER_NODES_MAX,
  SIM_CRASHES_MAX,
  SIM_FAULTS_EVERY_MIN,
  SIM_SEED_MAX,
  SIM_WORKERS_MAX,
} from '@cloud-steg/protocol';
import { FAULT_NAMES, type FaultName } from './faults/faults.ts';
import { MUTANTS } from './mutants.ts';
import type { Choice } from './sweep.ts';
import { TIMINGS, type TimingsName } from './timings.ts';

export type Command =
  | { readonly kind: 'help' }
  | {
      readonly kind: 'sweep';
      readonly choice: Choice;
      readonly from: number;
      readonly count: number;
      readonly workers: number;
    }
  | { readonly kind: 'replay'; readonly choice: Choice; readonly seed: number; readonly trace: boolean }
  | {
      readonly kind: 'failover';
      readonly timings: readonly TimingsName[];
      readonly crashes: number;
      readonly size: number;
    };

export const SEEDS_DEFAULT = 2000;
const CRASHES_DEFAULT = 2000;
const FAILOVER_SIZE_DEFAULT = 3;

const OPTIONS = {
  seeds: { type: 'string' },
  from: { type: 'string' },
  seed: { type: 'string' },
  trace: { type: 'boolean' },
  timings: { type: 'string' },
  size: { type: 'string' },
  faults: { type: 'string' },
  every: { type: 'string' },
  mutant: { type: 'string' },
  workers: { type: 'string' },
  failover: { type: 'boolean' },
  crashes: { type: 'string' },
  help: { type: 'boolean' },
} as const;
type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];
type OptionName = keyof typeof OPTIONS;

export function readArguments(argv: readonly string[]): Command {
  const values = valuesOf(argv);
  if (values.help) return { kind: 'help' };
  if (values.failover) {
    refuseBeside(values, '--failover', [
      'seeds',
      'from',
      'seed',
      'trace',
      'faults',
      'every',
      'mutant',
      'workers',
    ]);
    return {
      kind: 'failover',
      timings: values.timings === undefined ? (Object.keys(TIMINGS) as TimingsName[]) : [timingsOf(values)],
      crashes: whole(values, 'crashes', 1, SIM_CRASHES_MAX) ?? CRASHES_DEFAULT,
      size: whole(values, 'size', 2, CLUSTER_NODES_MAX) ?? FAILOVER_SIZE_DEFAULT,
    };
  }
  if (values.crashes !== undefined)
    throw bad('--crashes: belongs to --failover', 'type: npm run sim -- --failover --crashes 2000');
  const choice: Choice = {
    timings: timingsOf(values),
    mutant: mutantOf(values),
    size: whole(values, 'size', 1, CLUSTER_NODES_MAX),
    faults: faultsOf(values),
    every: everyOf(values),
  };
  const seed = whole(values, 'seed', 0, SIM_SEED_MAX);
  if (seed !== undefined) {
    refuseBeside(values, '--seed', ['seeds', 'from', 'workers']);
    return { kind: 'replay', choice, seed, trace: values.trace ?? false };
  }
  if (values.trace) throw bad('--trace: shows one run', 'type: npm run sim -- --seed 1 --trace');
  return {
    kind: 'sweep',
    choice,
    from: whole(values, 'from', 0, SIM_SEED_MAX) ?? 1,
    count: whole(values, 'seeds', 1, SIM_SEED_MAX) ?? SEEDS_DEFAULT,
    workers: whole(values, 'workers', 1, SIM_WORKERS_MAX) ?? 1,
  };
}

function valuesOf(argv: readonly string[]): Values {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: false }).values;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw bad(
      message.split('. ')[0]?.replace(/^./, (first) => first.toLowerCase()) ?? message,
      'type: npm run sim -- --help',
    );
  }
}

function refuseBeside(values: Values, flag: string, names: readonly OptionName[]): void {
  const given = names.find((name) => values[name] !== undefined);
  if (given !== undefined)
    throw bad(`--${given}: has no meaning beside ${flag}`, `leave out --${given} or ${flag}`);
}

/** Plain decimal digits: no sign, point, exponent or leading zero. */
function whole(values: Values, name: OptionName, min: number, max: number): number | undefined {
  const text = values[name];
  if (typeof text !== 'string') return undefined;
  const value = /^(0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw bad(`--${name} ${JSON.stringify(text)}: expected a whole number from ${min} to ${max}`);
}

function timingsOf(values: Values): TimingsName {
  const text = values.timings ?? 'default';
  if (Object.hasOwn(TIMINGS, text)) return text as TimingsName;
  throw bad(`--timings ${JSON.stringify(text)}: there are ${Object.keys(TIMINGS).join(' and ')}`);
}

function everyOf(values: Values): number | undefined {
  const text = values.every;
  if (text === undefined) return undefined;
  const value = /^[0-9]{1,2}(\.[0-9]{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= SIM_FAULTS_EVERY_MIN) return value;
  throw bad(
    `--every ${JSON.stringify(text)}: expected longest election timeouts from one fault to the next, ${SIM_FAULTS_EVERY_MIN} to 99`,
  );
}

function mutantOf(values: Values): string | undefined {
  const text = values.mutant;
  if (text === undefined || MUTANTS.some(({ name }) => name === text)) return text;
  throw bad(
    `--mutant ${JSON.stringify(text)}: no such mutant`,
    `one of ${MUTANTS.map(({ name }) => name).join(', ')}`,
  );
}

function faultsOf(values: Values): FaultName[] | undefined {
  const names = values.faults?.split(',').map((name) => name.trim());
  const unknown = names?.find((name) => !FAULT_NAMES.includes(name as FaultName));
  if (unknown === undefined) return names as FaultName[] | undefined;
  throw bad(`--faults ${JSON.stringify(unknown)}: no such fault`, `any of ${FAULT_NAMES.join(',')}`);
}

function bad(message: string, hint?: string): AppError {
  return new AppError('usage/bad-argument', message, hint === undefined ? {} : { hint });
}
