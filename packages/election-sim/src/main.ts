/** Entry of `npm run sim`: the one place that touches the process. */

import { runProgram } from './program.ts';

process.exitCode = await runProgram(process.argv.slice(2), {
  print: (line) => process.stdout.write(`${line}\n`),
  say: (line) => process.stderr.write(`${line}\n`),
  now: () => performance.now(),
});
