/** `demo`: everything, with real processes on this machine, in under a minute. */

import { access, constants, mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AppError, EXIT } from '@cloud-steg/protocol';
import type { CommandModule } from '../command.ts';
import type { Context } from '../context.ts';
import { play } from '../demo/play.ts';
import { Report, Surprise } from '../demo/report.ts';
import { Stage } from '../demo/stage.ts';
import { VIEW_LIMIT_NOTE } from '../wording.ts';

interface DemoFlags {
  readonly keep?: true;
  readonly output: string;
}

const PARENT_LOOK_MS = 500;

export const demoCommand: CommandModule = (program, runner) => {
  program
    .command('demo')
    .description(
      'servers, users and an intruder on this machine: everything shown and checked, in under a minute',
    )
    .option('--keep', 'leave the temporary folder with all data behind')
    .option('--output <folder>', 'where cover, carriers and their difference are written', 'cloud-steg-demo')
    .action(
      runner.run<DemoFlags>(async (context, flags) => {
        const orphaned = parentLoss();
        const signal = AbortSignal.any([context.signal, orphaned.signal]);
        const keep = flags.keep ?? false;
        await prepareFolder(flags.output);
        const stage = await Stage.set(context.shell.env, signal, keep);
        try {
          return await perform(context, stage, flags, keep);
        } finally {
          orphaned.stop();
          await stage.clear();
        }
      }, 'finish'),
    );
};

async function perform(context: Context, stage: Stage, flags: DemoFlags, keep: boolean): Promise<number> {
  const { output } = context;
  output.note(
    'Three servers, three users and an intruder on this machine, all real processes on 127.0.0.1.',
    `Everything lies in ${stage.folder}${keep ? '' : ', which is removed at the end'}.`,
    '',
  );
  const report = new Report(output, context.shell.now);
  const folder = resolve(flags.output);
  try {
    await play(stage, report, folder);
  } catch (thrown) {
    if (!(thrown instanceof Surprise)) throw thrown;
    for (const { name, output: said } of stage.processes.staying) {
      output.note('', `--- ${name}, last lines`, ...said().trimEnd().split('\n').slice(-12));
    }
    return EXIT.failed;
  }
  report.summary(farewell(context, folder, stage, keep), { folder, ...(keep && { kept: stage.folder }) });
  return EXIT.ok;
}

function farewell(context: Context, folder: string, stage: Stage, keep: boolean): string[] {
  return [
    '',
    `Look at it: ${folder}`,
    '  cover.png, carrier.png        before and after (a real user hides in a photograph that nobody else has)',
    '  difference.png                where they differ, amplified',
    '  generated-carrier.png         made from nothing, for those without a cover',
    ...(keep ? ['', `Kept: ${stage.folder}`] : []),
    '',
    'By hand, each in a terminal of its own:',
    '  npx p2p-discovery-server',
    '  npx p2p-client register --username alice --image-paths PICTURE && npx p2p-client up --username alice',
    `  npx ${context.shell.program} list-online`,
    '',
    VIEW_LIMIT_NOTE,
  ];
}

/** Found out now rather than after half a minute. */
async function prepareFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new AppError('usage/bad-argument', `--output ${folder}: cannot write there`, {
      cause,
      hint: 'choose another folder: --output DIR',
    });
  }
}

/** Aborted when the process that started this one is gone: nobody would stop the demo then. */
function parentLoss(): { signal: AbortSignal; stop: () => void } {
  const lost = new AbortController();
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid !== parent) lost.abort();
  }, PARENT_LOOK_MS);
  return { signal: lost.signal, stop: () => clearInterval(timer) };
}
