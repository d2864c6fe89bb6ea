/** A thread that runs chunks of seeds. */

import { parentPort } from 'node:worker_threads';
import { type Chunk, runChunk } from './sweep.ts';

async function take(chunk: Chunk): Promise<void> {
  parentPort?.postMessage(await runChunk(chunk));
}

// A rejection ends the thread, and the sweep with it.
parentPort?.on('message', (chunk: Chunk) => void take(chunk));
