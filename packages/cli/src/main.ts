/** Entry of `p2p-client` and `cloud-steg`: the one place that touches the process. Closed pipes are `bin/launch.js`'s. */

import { createInterface } from 'node:readline/promises';
import { secureRandom, threadedCarrierEngine } from '@cloud-steg/peer';
import { runProgram } from './program.ts';
import type { Shell, Sink } from './shell.ts';

function sinkOf(stream: NodeJS.WriteStream): Sink {
  return {
    write: (text) => stream.write(text),
    isTty: stream.isTTY,
    size: () => (stream.columns > 0 && stream.rows > 0 ? stream : undefined),
    onClosed: (listener) => stream.on('error', listener),
  };
}

async function confirm(question: string): Promise<boolean> {
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `)).trim());
  } finally {
    prompt.close();
  }
}

/** Runs the program named, ends the process with its exit code. */
export async function main(program: Shell['program']): Promise<void> {
  const exitCode = await runProgram({
    program,
    // npx says so to what it runs.
    calledAs: process.env['npm_command'] === 'exec' ? `npx ${program}` : program,
    argv: process.argv.slice(2),
    env: process.env,
    platform: process.platform,
    stdout: sinkOf(process.stdout),
    stderr: sinkOf(process.stderr),
    now: Date.now,
    random: secureRandom,
    makeEngine: threadedCarrierEngine,
    onInterrupt: (listener) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, listener);
    },
    confirm: (question) => (process.stdin.isTTY && process.stderr.isTTY ? confirm(question) : undefined),
  });
  // Connections kept for reuse, or a cancelled command, would hold the process; what was written goes out first.
  process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
}
