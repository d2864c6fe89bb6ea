/** Many seeds, on one thread or several. */

import { Worker } from 'node:worker_threads';
import type { FaultName } from './faults/faults.ts';
import type { Mutant } from './mutant.ts';
import { loadElection } from './mutant-build.ts';
import { MUTANTS } from './mutants.ts';
import { runScenario, type ScenarioOptions } from './scenario.ts';
import { add, addRun, emptySummary, type Summary } from './summary.ts';
import type { TimingsName } from './timings.ts';

/** What is the same for all seeds. Plain data: goes from thread to thread. */
export interface Choice {
  readonly timings: TimingsName;
  readonly mutant: string | undefined;
  readonly size: number | undefined;
  readonly faults: readonly FaultName[] | undefined;
  readonly every: number | undefined;
}

/** Some seeds, one after the other. */
export interface Chunk {
  readonly choice: Choice;
  readonly from: number;
  readonly count: number;
}

export interface Sweep extends Chunk {
  readonly workers: number;
  /** Called after each chunk with what all chunks so far come to. */
  readonly onProgress: (summary: Summary) => void;
}

const CHUNK_SEEDS = 50;

export async function sweep({ choice, from, count, workers, onProgress }: Sweep): Promise<Summary> {
  const chunks = chunksOf({ choice, from, count });
  const total = emptySummary();
  const take = (summary: Summary) => {
    add(total, summary);
    onProgress(total);
  };
  if (workers === 1) for (const chunk of chunks) take(await runChunk(chunk));
  else await Promise.all(Array.from({ length: workers }, () => work(chunks, take)));
  return total;
}

export async function runChunk({ choice, from, count }: Chunk): Promise<Summary> {
  const options = await scenarioOptions(choice);
  const summary = emptySummary();
  for (let seed = from; seed < from + count; seed++) addRun(summary, runScenario({ ...options, seed }));
  return summary;
}

/** All that a scenario needs but its seed. A mutant brings the circumstances that show it, unless others are chosen. */
export async function scenarioOptions(choice: Choice): Promise<Omit<ScenarioOptions, 'seed'>> {
  const { timings, size, faults, every } = choice;
  const mutant = MUTANTS.find(({ name }) => name === choice.mutant);
  if (!mutant) return { timings, size, faults, every };
  const { under, surroundings } = mutant;
  return {
    timings,
    size: size ?? under.size,
    faults: faults ?? under.faults,
    every: every ?? under.every,
    surroundings,
    Election: await electionOf(mutant),
  };
}

const built = new Map<string, ReturnType<typeof loadElection>>();

/** Built once a thread. */
function electionOf({ name, edits }: Mutant): ReturnType<typeof loadElection> {
  const election = built.get(name) ?? loadElection(name, edits);
  built.set(name, election);
  return election;
}

function* chunksOf({ choice, from, count }: Chunk): Generator<Chunk> {
  for (let done = 0; done < count; done += CHUNK_SEEDS) {
    yield { choice, from: from + done, count: Math.min(CHUNK_SEEDS, count - done) };
  }
}

/** Has one more thread take chunks, until there are none left. */
async function work(chunks: Iterator<Chunk>, take: (summary: Summary) => void): Promise<void> {
  const worker = new Worker(new URL('./sweep-worker.js', import.meta.url));
  try {
    await new Promise<void>((resolve, reject) => {
      const next = () => {
        const { value, done } = chunks.next();
        if (done === true) resolve();
        else worker.postMessage(value);
      };
      worker.on('message', (summary: Summary) => {
        take(summary);
        next();
      });
      worker.on('error', reject);
      next();
    });
  } finally {
    await worker.terminate();
  }
}
