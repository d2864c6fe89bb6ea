/** The processes of this machine, as Linux shows them; elsewhere there are none to be seen. */

import { readdirSync, readlinkSync } from 'node:fs';
import { PROC_FILE_BYTES_MAX } from '@cloud-steg/protocol';
import { readBounded } from './bounded-file.ts';

/** Tells a process from every other that ever had, or will have, its number. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks from the machine's start to its own. */
  startTicks: number;
  /** This run of the machine. */
  bootId: string;
  /** `pid` and `startTicks` are numbers within these: of processes, and of times. Empty where this process may not know. */
  namespaces: string;
}

/**
 * `stopped`: by a signal. `frozen`: by its control group. Neither goes on by itself. `disk`: one of its threads waits for a
 * disk at the moment, which no signal cuts short.
 */
export type ProcessCondition = 'running' | 'stopped' | 'frozen' | 'disk';

export interface ProcessTable {
  /** This process; undefined where it can't be told. */
  readonly self: ProcessIdentity | undefined;
  /** Undefined where there is no such process to be seen. */
  identify(pid: number): ProcessIdentity | undefined;
  condition(pid: number): ProcessCondition;
  /** Ends it at once (SIGKILL). Throws where this process may not, or there is no such one. */
  end(pid: number): void;
}

/** The table in `/proc`. */
export const systemProcesses: ProcessTable = {
  get self() {
    // Else this `/proc` is of another namespace, and its numbers are not those by which this process could end another.
    const numbers = /^NSpid:\s*(.*)$/m.exec(read('/proc/self/status') ?? '')?.[1];
    return numbers === `${process.pid}` ? identify(process.pid) : undefined;
  },
  identify,
  condition,
  end: (pid) => {
    process.kill(pid, 'SIGKILL');
  },
};

/** Certain: where this process may not know enough, it is not the same. */
export function sameProcess(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return (
    a.pid === b.pid &&
    a.startTicks === b.startTicks &&
    a.bootId === b.bootId &&
    a.namespaces === b.namespaces &&
    a.namespaces !== ''
  );
}

function identify(pid: number): ProcessIdentity | undefined {
  const stat = parseStat(read(`/proc/${pid}/stat`));
  const bootId = read('/proc/sys/kernel/random/boot_id')?.trim();
  return stat && bootId
    ? { pid, startTicks: stat.startTicks, bootId, namespaces: namespacesOf(pid) }
    : undefined;
}

function namespacesOf(pid: number): string {
  const ofProcesses = linkAt(`/proc/${pid}/ns/pid`);
  // Kernels before 5.6 have but one of times.
  return ofProcesses && `${ofProcesses} ${linkAt(`/proc/${pid}/ns/time`)}`;
}

function linkAt(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function condition(pid: number): ProcessCondition {
  if (parseStat(read(`/proc/${pid}/stat`))?.state === 'T') return 'stopped';
  if (isFrozen(read(`/proc/${pid}/cgroup`) ?? '', read)) return 'frozen';
  return threadStates(pid).includes('D') ? 'disk' : 'running';
}

function threadStates(pid: number): string[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.map((thread) => parseStat(read(`/proc/${pid}/task/${thread}/stat`))?.state ?? '');
  } catch {
    return [];
  }
}

/** State (field 3) and start (field 22) of a line of `/proc/<pid>/stat`, whose second field may hold anything. */
export function parseStat(line: string | undefined): { state: string; startTicks: number } | undefined {
  const fields = line?.slice(line.lastIndexOf(')') + 2).split(' ');
  const state = fields?.[0];
  const startTicks = Number(fields?.[19]);
  return state && Number.isSafeInteger(startTicks) ? { state, startTicks } : undefined;
}

/** Whether a control group of a process is frozen, given its `/proc/<pid>/cgroup`: version 2 or the freezer of version 1. */
export function isFrozen(groups: string, readFile: (path: string) => string | undefined): boolean {
  return groups.split('\n').some((line) => {
    const [, id, controllers, group] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (id === '0') {
      return ['', '/unified'].some((mount) =>
        readFile(`/sys/fs/cgroup${mount}${group}/cgroup.events`)?.includes('frozen 1'),
      );
    }
    return (
      controllers?.split(',').includes('freezer') === true &&
      readFile(`/sys/fs/cgroup/freezer${group}/freezer.state`)?.trim() === 'FROZEN'
    );
  });
}

function read(path: string): string | undefined {
  return readBounded(path, PROC_FILE_BYTES_MAX);
}
