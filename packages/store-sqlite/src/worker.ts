/** The writer's thread: makes one call after the other. Started by {@link WorkerWriter}. */

import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '@cloud-steg/protocol';
import { SqliteWriter } from './sqlite-writer.ts';
import { systemSurroundings } from './system-surroundings.ts';
import { type Call, failureOf, type Reply, type WorkerOptions } from './worker-protocol.ts';

invariant(parentPort, 'the writer runs in a thread of its own');
const port = parentPort;
const { path, options } = workerData as WorkerOptions;
const writer = new SqliteWriter(
  path,
  options,
  systemSurroundings((...told) => port.postMessage({ told } satisfies Reply)),
);

port.on('message', (call: Call) => {
  port.postMessage(reply(call));
  writer.tidy();
  if (call.kind === 'close') port.close();
});

function reply(call: Call): Reply {
  try {
    return { answer: answer(call) };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

function answer(call: Call): unknown {
  switch (call.kind) {
    case 'warm':
      return writer.warmUp();
    case 'claim':
      return writer.claimTerm(call.term, call.leader);
    case 'commit':
      return writer.commit(call.commit);
    case 'erase':
      writer.eraseRemnants();
      return undefined;
    case 'close':
      writer.close();
      return undefined;
  }
}
