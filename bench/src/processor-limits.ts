/** Control groups that give each server a processor share of its own, so that one can be busy and the others not. */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Short, so that a group which has used up its share doesn't stand still for long. */
const PERIOD_US = 10_000;
const ROOT = '/sys/fs/cgroup';
const V1_CPU = ['cpu', 'cpu,cpuacct'];
const V1_ACCOUNTS = ['cpuacct', 'cpu,cpuacct'];
const REMOVALS_MAX = 100;

/** A process that does nothing but compute. */
export interface Hog {
  end(): Promise<void>;
}

export class ProcessorLimit {
  readonly #folders: readonly string[];

  /** @throws Error, saying what is missing, where this user may not make control groups. */
  constructor(name: string, processors: number) {
    const quotaUs = Math.round(processors * PERIOD_US);
    const parents = parentsOf();
    const full = `cloud-steg-bench-${process.pid}-${name}`;
    this.#folders = parents.folders.map((parent) => join(parent, full));
    try {
      for (const folder of this.#folders) mkdirSync(folder);
      const [limited = ''] = this.#folders;
      if (parents.version === 2) writeFileSync(join(limited, 'cpu.max'), `${quotaUs} ${PERIOD_US}`);
      else {
        writeFileSync(join(limited, 'cpu.cfs_period_us'), String(PERIOD_US));
        writeFileSync(join(limited, 'cpu.cfs_quota_us'), String(quotaUs));
      }
    } catch (cause) {
      this.#removeNow();
      throw new Error(
        `control groups can't be made below ${parents.folders.join(' and ')}: run this as root`,
        {
          cause,
        },
      );
    }
  }

  /** Moves a process there, with all its threads. */
  add(pid: number): void {
    for (const folder of this.#folders) writeFileSync(join(folder, 'cgroup.procs'), String(pid));
  }

  /** Computes in the group until ended. */
  hog(): Hog {
    const child: ChildProcess = spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' });
    this.add(child.pid ?? 0);
    const atExit = () => child.kill('SIGKILL');
    process.once('exit', atExit);
    return {
      end: () =>
        new Promise((resolve) => {
          process.off('exit', atExit);
          child.once('exit', () => resolve());
          child.kill('SIGKILL');
        }),
    };
  }

  /** To be called when its processes have ended. */
  async remove(): Promise<void> {
    for (let attempt = 0; attempt < REMOVALS_MAX && !this.#removeNow(); attempt++) await sleep(10);
  }

  /** A group can be removed a moment after its last process has ended. */
  #removeNow(): boolean {
    for (const folder of this.#folders) {
      try {
        if (existsSync(folder)) rmdirSync(folder);
      } catch {
        return false;
      }
    }
    return true;
  }
}

/** Where groups with a limit are made, first, and where their use and their pressure are counted, if elsewhere. */
function parentsOf(): { version: 1 | 2; folders: string[] } {
  const controllers = read(join(ROOT, 'cgroup.subtree_control'))?.split(/\s+/);
  if (controllers?.includes('cpu')) return { version: 2, folders: [ROOT] };
  const cpu = V1_CPU.map((name) => join(ROOT, name)).find((path) =>
    existsSync(join(path, 'cpu.cfs_quota_us')),
  );
  const accounts = V1_ACCOUNTS.map((name) => join(ROOT, name)).find((path) =>
    existsSync(join(path, 'cpuacct.usage')),
  );
  if (cpu === undefined || accounts === undefined) {
    throw new Error(`no control group that limits processors can be made below ${ROOT}: this needs Linux`);
  }
  const unified = join(ROOT, 'unified');
  const pressure = existsSync(join(unified, 'cgroup.procs')) ? [unified] : [];
  return { version: 1, folders: [...new Set([cpu, accounts, ...pressure])] };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
