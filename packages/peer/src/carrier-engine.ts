/**
 * The heavy part of a peer behind one small interface: seconds of computing for a large picture, which a worker thread
 * keeps away from heartbeats and connections.
 */

import { randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { Header, PairKey } from '@cloud-steg/envelope';
import { AppError, isErrorCode } from '@cloud-steg/protocol';
import {
  type FoundCarrier,
  find,
  type HideJob,
  hide,
  type MadeCarrier,
  type Random,
  rewrite,
} from './carrier.ts';

export interface CarrierEngine {
  hide(job: HideJob): Promise<MadeCarrier>;
  find(png: Uint8Array, name: string, candidates: readonly PairKey[]): Promise<FoundCarrier | undefined>;
  rewrite(png: Uint8Array, name: string, pair: PairKey, header: Header): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Works in the calling thread: for tests and for one-shot tools. */
export function localCarrierEngine(random: Random = secureRandom): CarrierEngine {
  return {
    hide: (job) => hide(job, random),
    find,
    rewrite: (png, name, pair, header) => rewrite(png, name, pair, header, random),
    close: async () => {},
  };
}

export function secureRandom(bytes: number): Uint8Array {
  return new Uint8Array(randomBytes(bytes));
}

type Method = Exclude<keyof CarrierEngine, 'close'>;
export interface EngineCall {
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
}
export interface EngineReply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { code: string; message: string; hint: string | undefined; data: Record<string, unknown> };
}

/** Works in a thread of its own, started at the first call. */
export function threadedCarrierEngine(): CarrierEngine {
  let worker: Worker | undefined;
  let nextId = 1;
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();

  const start = (): Worker => {
    const started = new Worker(new URL('./carrier-worker.js', import.meta.url));
    started.on('message', (reply: EngineReply) => {
      const caller = waiting.get(reply.id);
      waiting.delete(reply.id);
      if (waiting.size === 0) started.unref();
      if (reply.error) caller?.reject(errorOf(reply.error));
      else caller?.resolve(reply.result);
    });
    started.on('error', (error) => {
      worker = undefined;
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    });
    return started;
  };
  const call = <T>(method: Method, ...args: unknown[]): Promise<T> => {
    worker ??= start();
    worker.ref();
    const id = nextId++;
    const result = new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject }));
    worker.postMessage({ id, method, args } satisfies EngineCall);
    return result as Promise<T>;
  };
  return {
    hide: (job) => call('hide', job),
    find: (png, name, candidates) => call('find', png, name, candidates),
    rewrite: (png, name, pair, header) => call('rewrite', png, name, pair, header),
    close: async () => {
      await worker?.terminate();
      worker = undefined;
    },
  };
}

function errorOf(error: NonNullable<EngineReply['error']>): Error {
  if (!isErrorCode(error.code)) return new Error(error.message);
  return new AppError(error.code, error.message, {
    data: error.data,
    ...(error.hint !== undefined && { hint: error.hint }),
  });
}
