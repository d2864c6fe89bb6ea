/** `npm run sim`: arguments in, figures out. */

import { EXIT, toAppError, traitsOf } from '@cloud-steg/protocol';
import { type Command, readArguments, SEEDS_DEFAULT } from './arguments.ts';
import { failoverTable } from './failover-table.ts';
import { FAULT_NAMES } from './faults/faults.ts';
import { MUTANTS } from './mutants.ts';
import { runLines, summaryLines } from './report.ts';
import { runScenario } from './scenario.ts';
import { scenarioOptions, sweep } from './sweep.ts';

export interface Terminal {
  /** Data: one line. */
  readonly print: (line: string) => void;
  /** Talk: one line. */
  readonly say: (line: string) => void;
  /** Milliseconds; for talk about progress alone. */
  readonly now: () => number;
}

const PROGRESS_MS = 10_000;

/** Returns the exit code: 0, 1 when a rule was broken, 2 for bad arguments. */
export async function runProgram(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await run(readArguments(argv), terminal);
  } catch (thrown) {
    const error = toAppError(thrown);
    terminal.say(`error: ${error.message}`);
    if (error.hint !== undefined) terminal.say(`hint: ${error.hint}`);
    return traitsOf(error.code).exit;
  }
}

async function run(command: Command, terminal: Terminal): Promise<number> {
  switch (command.kind) {
    case 'help':
      for (const line of helpLines()) terminal.print(line);
      return EXIT.ok;
    case 'sweep':
      return runSweep(command, terminal);
    case 'replay':
      return replay(command, terminal);
    case 'failover':
      for await (const line of failoverTable(command)) terminal.print(line);
      return EXIT.ok;
  }
}

async function runSweep(
  command: Extract<Command, { kind: 'sweep' }>,
  { print, say, now }: Terminal,
): Promise<number> {
  const { choice, from, count } = command;
  const startedAt = now();
  let saidAt = startedAt;
  const summary = await sweep({
    ...command,
    onProgress: ({ runs, failed }) => {
      if (now() - saidAt < PROGRESS_MS) return;
      saidAt = now();
      const perSecond = (1000 * runs) / (saidAt - startedAt);
      say(`${runs} of ${count} seeds, ${failed} with violations, ${perSecond.toFixed(0)} a second`);
    },
  });
  for (const line of summaryLines(summary, choice, from)) print(line);
  say(`took ${((now() - startedAt) / 1000).toFixed(1)} s`);
  return summary.failed === 0 ? EXIT.ok : EXIT.failed;
}

async function replay(
  { choice, seed, trace }: Extract<Command, { kind: 'replay' }>,
  { print }: Terminal,
): Promise<number> {
  const options = await scenarioOptions(choice);
  const report = runScenario({ ...options, seed, print: trace ? print : undefined });
  for (const line of runLines(report, choice)) print(line);
  return report.violation ? EXIT.failed : EXIT.ok;
}

function helpLines(): string[] {
  return [
    'npm run sim -- [--seeds N] [--from N] [--timings default|fast] [--workers K] [--size N] [--faults A,B] [--every E] [--mutant NAME]',
    `    runs N seeds (${SEEDS_DEFAULT}) from --from (1) on; exit code 1 if one of them breaks a rule`,
    'npm run sim -- --seed N [--trace] [--timings ..] [--size ..] [--faults ..] [--mutant ..]',
    '    runs one seed and shows what happens, step by step with --trace',
    'npm run sim -- --failover [--crashes N] [--timings default|fast] [--size N]',
    '    measures from the crash of a leader to the next one',
    '',
    `faults, one every --every times the longest election timeout: ${FAULT_NAMES.join(' ')}`,
    '',
    'mutants, each without one rule:',
    ...MUTANTS.map(
      ({ name, breaks, without }) => `    ${name.padEnd(28)} breaks ${breaks}: without ${without}`,
    ),
  ];
}
