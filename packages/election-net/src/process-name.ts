/**
 * Names for processes that tell one run from every other, and the question whether the run of a name is over: asked of
 * the kernel, answered "yes" only where that is certain (rule 6a of docs/election.md).
 */

import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

export interface ProcessTable {
  /** This very process. */
  readonly own: string;
  /** Whether a connection from this address comes from this very machine. */
  isHere(address: string): boolean;
  /**
   * Whether that process will certainly never run another instruction. False for one that lives, stopped or not, and
   * for whatever is not known.
   */
  hasEnded(process: string): boolean;
}

/** What a {@link ProcessTable} is made of. The first three throw what `node:fs` throws. */
export interface ProcessSources {
  readonly pid: number;
  readFile(path: string): string;
  readLink(path: string): string;
  list(path: string): readonly string[];
  /** Asks the kernel whether there is a process of that id: undefined, or the code of the refusal. */
  signalRefusal(pid: number): string | undefined;
  ownAddresses(): readonly string[];
}

/** The world that a process id belongs to: boot of the machine, namespace of ids, namespace of times. */
interface KernelSpace {
  readonly boot: string;
  readonly pids: string;
  readonly times: string;
}

const NAME = /^([0-9a-f-]{36}):(\d+):(\d+|none):(\d+):(\d+)$/;

/** This process's own table; on anything but Linux it knows nothing of others. */
export function systemProcesses(): ProcessTable {
  return processTable({
    pid: process.pid,
    readFile: (path) => readFileSync(path, 'utf8'),
    readLink: (path) => readlinkSync(path),
    list: (path) => readdirSync(path),
    signalRefusal: (pid) => {
      try {
        process.kill(pid, 0);
        return undefined;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code ?? 'unknown';
      }
    },
    ownAddresses: () =>
      Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []),
  });
}

export function processTable(sources: ProcessSources): ProcessTable {
  const space = attempt(() => kernelSpace(sources));
  const start = space && attempt(() => statOf(sources, sources.pid))?.startTicks;
  return {
    own:
      space && start !== undefined
        ? nameOf(space, sources.pid, start)
        : `random:${randomBytes(16).toString('hex')}`,
    isHere: (address) => isOwnAddress(sources, address),
    hasEnded: (name) => {
      const [, boot, pids, times, pid, startTicks] = NAME.exec(name) ?? [];
      if (!space || boot !== space.boot || pids !== space.pids || times !== space.times) return false;
      return attempt(() => isGone(sources, Number(pid), startTicks ?? '')) ?? false;
    },
  };
}

function nameOf({ boot, pids, times }: KernelSpace, pid: number, startTicks: string): string {
  return [boot, pids, times, pid, startTicks].join(':');
}

/** Undefined where `/proc` shows another namespace's processes: their ids mean something else. */
function kernelSpace(sources: ProcessSources): KernelSpace | undefined {
  // One id only: this process is seen from no namespace above its own.
  const seenAs = /^NSpid:\s*(.*)$/m.exec(sources.readFile('/proc/self/status'))?.[1];
  if (seenAs !== String(sources.pid)) return undefined;
  return {
    boot: sources.readFile('/proc/sys/kernel/random/boot_id').trim(),
    pids: namespaceOf(sources, 'pid'),
    // Start times are told in the reader's own time; kernels before 5.6 have but one.
    times: attempt(() => namespaceOf(sources, 'time')) ?? 'none',
  };
}

function namespaceOf(sources: ProcessSources, kind: string): string {
  const link = sources.readLink(`/proc/self/ns/${kind}`);
  return /\[(\d+)\]$/.exec(link)?.[1] ?? link;
}

function isGone(sources: ProcessSources, pid: number, startTicks: string): boolean {
  if (sources.readLink('/proc/self') !== String(sources.pid)) return false;
  const refusal = sources.signalRefusal(pid);
  if (refusal === 'ESRCH') return true;
  // Any other refusal, such as EPERM, is about a process that is there.
  const { state, startTicks: now } = statOf(sources, pid);
  if (now !== startTicks) return true;
  // Nobody has asked for its exit code yet. It is the first thread whose state this is; others may still run.
  return state === 'Z' && sources.list(`/proc/${pid}/task`).length === 1;
}

/** Fields 3 and 22 of proc_pid_stat(5). The second, the program's name in brackets, may hold anything. */
function statOf(sources: ProcessSources, pid: number): { state: string; startTicks: string } {
  const text = sources.readFile(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], fields[19]];
  if (!text.startsWith(`${pid} (`) || !state || !startTicks || !/^\d+$/.test(startTicks)) {
    throw new Error(`/proc/${pid}/stat reads ${JSON.stringify(text)}`);
  }
  return { state, startTicks };
}

function isOwnAddress(sources: ProcessSources, address: string): boolean {
  const plain = address.replace(/^::ffff:/, '');
  return plain === '::1' || plain.startsWith('127.') || sources.ownAddresses().includes(plain);
}

/** What `read` returns, or undefined when it throws: unreadable means not known. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
