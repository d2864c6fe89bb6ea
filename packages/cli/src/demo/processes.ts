/** The demo's real processes: started on a leash, listened to, ended whatever happens. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { AppError } from '@cloud-steg/protocol';
import type { Environment } from '../shell.ts';

/** Output kept of each process, characters, from its end. */
const OUTPUT_CHARS_MAX = 64 * 1024;
/** A process that was asked to end gets this long before it is killed. */
const GOODBYE_MS = 3_000;
const COMMAND_MS_MAX = 60_000;

type Program = 'p2p-client' | 'p2p-discovery-server';

/** How a command ended. */
export interface Ended {
  /** As typed. */
  readonly command: string;
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process that stays. */
export interface Staying {
  readonly name: string;
  readonly pid: number;
  /** What it said last. */
  readonly output: () => string;
  readonly running: () => boolean;
  /** Ends it as a power cut would. */
  readonly kill: () => Promise<void>;
}

export interface StartOptions {
  readonly program: Program;
  readonly args: readonly string[];
  readonly env: Environment;
}

export class Processes {
  readonly #children = new Set<ChildProcess>();
  readonly #staying: Staying[] = [];
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Those that were started to stay, whether they still run or not. */
  get staying(): readonly Staying[] {
    return this.#staying;
  }

  start(name: string, options: StartOptions): Staying {
    const child = this.#spawn(options);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (piece: string) => {
        text = (text + piece).slice(-OUTPUT_CHARS_MAX);
      });
    }
    const staying: Staying = {
      name,
      pid: child.pid ?? 0,
      output: () => text,
      running: () => isRunning(child),
      kill: () => end(child, 'SIGKILL'),
    };
    this.#staying.push(staying);
    return staying;
  }

  /** Runs a command to its end. Throws `program/cancelled` at the demo's own signal. */
  async run(options: StartOptions): Promise<Ended> {
    const child = this.#spawn(options);
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (piece: string) => {
        output[name] = (output[name] + piece).slice(-OUTPUT_CHARS_MAX);
      });
    }
    // No AbortSignal.timeout: within AbortSignal.any it is collected as garbage while it waits, and then never fires.
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), COMMAND_MS_MAX);
    const signal = AbortSignal.any([this.#signal, late.signal]);
    try {
      const [exit] = (await once(child, 'close', { signal })) as [number | null];
      return { command: [options.program, ...options.args].join(' '), exit, ...output };
    } catch (cause) {
      child.kill('SIGKILL');
      if (this.#signal.aborted) throw new AppError('program/cancelled', 'cancelled', { cause });
      throw new AppError(
        'program/timeout',
        `${options.program} ${options.args[0]} took more than ${COMMAND_MS_MAX / 1_000} s`,
        {
          cause,
        },
      );
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends everything that still runs. */
  async close(): Promise<void> {
    await Promise.all([...this.#children].map((child) => end(child, 'SIGTERM')));
  }

  #spawn({ program, args, env }: StartOptions): ChildProcess {
    if (this.#signal.aborted) throw new AppError('program/cancelled', 'cancelled');
    const leash = new URL('./leash.js', import.meta.url).href;
    const bin = fileURLToPath(new URL(`../../bin/${program}.js`, import.meta.url));
    const child = spawn(process.execPath, ['--import', leash, bin, ...args], {
      env: { ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    child.on('error', () => this.#children.delete(child));
    return child;
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (!isRunning(child)) return;
  const closed = once(child, 'close');
  child.kill(signal);
  const impatient = setTimeout(() => child.kill('SIGKILL'), GOODBYE_MS);
  await closed;
  clearTimeout(impatient);
}
