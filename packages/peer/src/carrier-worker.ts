/** The thread behind `threadedCarrierEngine`: runs the same engine, one call after the other. */

import { parentPort } from 'node:worker_threads';
import { toAppError } from '@cloud-steg/protocol';
import { type EngineCall, type EngineReply, localCarrierEngine } from './carrier-engine.ts';

const engine = localCarrierEngine();

async function run({ id, method, args }: EngineCall): Promise<EngineReply> {
  try {
    const work = engine[method] as (...args: readonly unknown[]) => Promise<unknown>;
    return { id, result: await work(...args) };
  } catch (thrown) {
    const { code, message, hint, data } = toAppError(thrown);
    return { id, error: { code, message, hint, data } };
  }
}

let queue: Promise<void> = Promise.resolve();
parentPort?.on('message', (call: EngineCall) => {
  queue = queue.then(async () => parentPort?.postMessage(await run(call)));
});
