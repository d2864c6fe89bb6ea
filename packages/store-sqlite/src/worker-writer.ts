/** A writer in a thread of its own, so that syncing the disk never holds up the event loop. */

import { Worker } from 'node:worker_threads';
import { AppError, type Term } from '@cloud-steg/protocol';
import { type Commit, type CommitResult, unknownOutcome } from '@cloud-steg/store';
import type { StoreLog } from './store-log.ts';
import { type Call, errorOf, type Reply, type WorkerOptions } from './worker-protocol.ts';
import type { Writer } from './writer.ts';

/**
 * Starts its thread at the first call (`warmUp` may be it), and again at the next one after it died; what was under way then fails
 * with `store/unknown-outcome`. An idle thread doesn't keep the process alive. Runs from built files only:
 * the thread loads `worker.js` from beside this file.
 */
export class WorkerWriter implements Writer {
  readonly #options: WorkerOptions;
  readonly #log: StoreLog;
  #thread: Thread | undefined;

  constructor(options: WorkerOptions, log: StoreLog) {
    this.#options = options;
    this.#log = log;
  }

  async warmUp(): Promise<boolean> {
    return (await this.#call({ kind: 'warm' })) as boolean;
  }

  async claimTerm(term: Term, leader: string): Promise<boolean> {
    return (await this.#call({ kind: 'claim', term, leader })) as boolean;
  }

  async commit(commit: Commit): Promise<CommitResult> {
    return (await this.#call({ kind: 'commit', commit })) as CommitResult;
  }

  async eraseRemnants(): Promise<void> {
    await this.#call({ kind: 'erase' });
  }

  async close(): Promise<void> {
    if (this.#thread) await this.#call({ kind: 'close' });
  }

  #call(call: Call): Promise<unknown> {
    this.#thread ??= new Thread(this.#options, this.#log, () => {
      this.#thread = undefined;
    });
    return this.#thread.call(call);
  }
}

interface Pending {
  kind: Call['kind'];
  resolve: (answer: unknown) => void;
  reject: (error: unknown) => void;
}

/** One life of the thread. */
class Thread {
  readonly #worker: Worker;
  readonly #pending: Pending[] = [];
  #cause: unknown;

  constructor(options: WorkerOptions, log: StoreLog, onExit: () => void) {
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: options });
    this.#worker.unref();
    this.#worker.on('message', (reply: Reply) => {
      if ('told' in reply) log(...reply.told);
      else this.#settle(reply);
    });
    this.#worker.on('error', (cause) => {
      this.#cause = cause;
    });
    this.#worker.on('exit', () => {
      onExit();
      for (const { kind, reject } of this.#pending.splice(0)) reject(this.#lost(kind));
    });
  }

  call(call: Call): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ kind: call.kind, resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage(call);
    });
  }

  #settle(reply: Exclude<Reply, { told: unknown }>): void {
    const pending = this.#pending.shift();
    if (this.#pending.length === 0) this.#worker.unref();
    if ('answer' in reply) pending?.resolve(reply.answer);
    else pending?.reject(errorOf(reply.failure));
  }

  #lost(kind: Call['kind']): AppError {
    if (kind === 'claim' || kind === 'commit') return unknownOutcome(`the ${kind}`, this.#cause);
    return new AppError('store/unavailable', 'the store’s writer has died', { cause: this.#cause });
  }
}
