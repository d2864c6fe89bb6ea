/** `npm run bench:failover`: what a client notices when the leader of three real servers dies, falls silent or stops. */

import { writeFile } from 'node:fs/promises';
import { cpus, loadavg, release } from 'node:os';
import { FailoverCluster, TIMINGS, type TimingsName } from './failover-cluster.ts';
import { type IdlestFigures, measureIdlest, printIdlest } from './failover-idlest.ts';
import { type FailoverOptions, readOptions, USAGE } from './failover-options.ts';
import { isClean, printSeries, type Series } from './failover-report.ts';
import { type Fault, runTrial, type Trial } from './failover-trial.ts';
import { ContinuousWriter } from './failover-writer.ts';

/** On a fresh cluster. */
async function measure(
  timings: TimingsName,
  fault: Fault,
  runs: number,
  signal: AbortSignal,
): Promise<Series> {
  const cluster = await FailoverCluster.start(TIMINGS[timings], signal);
  try {
    await cluster.healthyLeader();
    const writer = await ContinuousWriter.start(cluster.servers.map(({ url }) => url));
    const trials: Trial[] = [];
    for (let run = 0; run < runs; run++) {
      trials.push(await runTrial(cluster, writer, fault, run % 2 === 0 ? 'continue' : 'restart'));
      process.stderr.write(`\r${timings} ${fault} ${run + 1}/${runs} `);
    }
    process.stderr.write('\n');
    await cluster.healthyLeader();
    await writer.stop();
    for (const failure of writer.failures) process.stderr.write(`failed: ${String(failure)}\n`);
    return { timings, fault, trials, tally: await writer.tally() };
  } finally {
    await cluster.close();
  }
}

async function run(options: FailoverOptions, signal: AbortSignal): Promise<boolean> {
  const machine = `${cpus().length} processors, load ${loadavg()[0]?.toFixed(1)}, Linux ${release()}, Node ${process.version}`;
  console.log(`three servers, one client writing without pause, one machine: ${machine}`);
  if (options.idlest) {
    const figures: IdlestFigures[] = [];
    for (const timings of options.timings) figures.push(await measureIdlest(timings, options.runs, signal));
    printIdlest(figures);
    await writeJson(options, { machine, idlest: figures });
    return true;
  }
  const series: Series[] = [];
  try {
    for (const timings of options.timings) {
      for (const fault of options.faults) series.push(await measure(timings, fault, options.runs, signal));
    }
  } finally {
    printSeries(series);
    await writeJson(options, { machine, series });
  }
  return series.every(isClean);
}

async function writeJson({ jsonFile }: FailoverOptions, figures: object): Promise<void> {
  if (jsonFile !== undefined) await writeFile(jsonFile, `${JSON.stringify(figures, undefined, 2)}\n`);
}

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => interrupted.abort(new Error(name)));
try {
  if (process.argv.includes('--help')) process.stdout.write(USAGE);
  else if (!(await run(readOptions(process.argv.slice(2)), interrupted.signal))) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
// Servers and files are gone; a write that waits for its answer is not worth waiting for.
process.exit();
