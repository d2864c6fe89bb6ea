import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { type ProcessSources, processTable, systemProcesses } from '../src/process-name.ts';
import { eventually } from './cluster.ts';

const BOOT = '8b0c7f5e-3f0d-4c53-9a55-8c8f2a0d7f11';
const OWN = 4242;
const PEER = 4300;
/** Recorded from Linux 6.18; the second field is the program's name, whatever that is. */
const stat = (pid: number, state: string, startTicks: number, name = 'node') =>
  `${pid} (${name}) ${state} 6220 6220 2496 0 -1 4194304 98 0 0 0 0 0 0 0 20 0 11 0 ${startTicks} 3133440 382 18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 0 0 0 0 0 0\n`;

/** What the files of a kernel say, and who it says is there. */
interface Kernel {
  files: Record<string, string>;
  links: Record<string, string>;
  /** Undefined: not to be listed. */
  tasks: string[] | undefined;
  refusals: Record<number, string>;
}

function kernel(): Kernel {
  return {
    files: {
      '/proc/self/status': `Name:\tnode\nNSpid:\t${OWN}\nThreads:\t11\n`,
      '/proc/sys/kernel/random/boot_id': `${BOOT}\n`,
      [`/proc/${OWN}/stat`]: stat(OWN, 'R', 56_617),
      [`/proc/${PEER}/stat`]: stat(PEER, 'S', 57_001),
    },
    links: {
      '/proc/self': String(OWN),
      '/proc/self/ns/pid': 'pid:[4026531836]',
      '/proc/self/ns/time': 'time:[4026531834]',
    },
    tasks: [String(PEER)],
    refusals: {},
  };
}

function sourcesOf({ files, links, tasks, refusals }: Kernel): ProcessSources {
  const find = <T>(map: Record<string, T>, path: string): T => {
    const found = map[path];
    if (found === undefined) throw new Error(`ENOENT: ${path}`);
    return found;
  };
  return {
    pid: OWN,
    readFile: (path) => find(files, path),
    readLink: (path) => find(links, path),
    list: (path) => {
      if (path !== `/proc/${PEER}/task` || !tasks) throw new Error(`ENOENT: ${path}`);
      return tasks;
    },
    signalRefusal: (pid) => refusals[pid],
    ownAddresses: () => ['127.0.0.1', '10.0.0.5', 'fe80::1'],
  };
}

const tableOf = (k: Kernel) => processTable(sourcesOf(k));
/** What the peer calls itself, from the same kernel. */
const PEER_NAME = `${BOOT}:4026531836:4026531834:${PEER}:57001`;

describe('a process', () => {
  it('is named by boot, namespaces, id and start', () => {
    expect(tableOf(kernel()).own).toBe(`${BOOT}:4026531836:4026531834:${OWN}:56617`);
  });

  it('has a name on a kernel without time namespaces', () => {
    const k = kernel();
    delete k.links['/proc/self/ns/time'];
    expect(tableOf(k).own).toBe(`${BOOT}:4026531836:none:${OWN}:56617`);
  });

  it.each<[string, (k: Kernel) => void]>([
    ['there is no /proc', (k) => void (k.files = {})],
    [
      '/proc shows the ids of a namespace above',
      (k) => void (k.files['/proc/self/status'] = `NSpid:\t901\t${OWN}\n`),
    ],
    ['its namespace cannot be read', (k) => delete k.links['/proc/self/ns/pid']],
    ['its start cannot be read', (k) => void (k.files[`/proc/${OWN}/stat`] = 'garbled')],
  ])('has a random name that nobody can check where %s', (_, change) => {
    const k = kernel();
    change(k);
    const table = tableOf(k);
    expect(table.own).toMatch(/^random:[0-9a-f]{32}$/);
    expect(tableOf(k).own).not.toBe(table.own);
    k.refusals[PEER] = 'ESRCH';
    expect(table.hasEnded(table.own)).toBe(false);
  });
});

describe('a process has ended', () => {
  it.each<[string, (k: Kernel) => void]>([
    ['the kernel knows no such id', (k) => void (k.refusals[PEER] = 'ESRCH')],
    ['another process has its id', (k) => void (k.files[`/proc/${PEER}/stat`] = stat(PEER, 'S', 99_999))],
    [
      'another user’s process has its id',
      (k) => {
        k.refusals[PEER] = 'EPERM';
        k.files[`/proc/${PEER}/stat`] = stat(PEER, 'S', 99_999);
      },
    ],
    [
      'it is a zombie with no thread left',
      (k) => void (k.files[`/proc/${PEER}/stat`] = stat(PEER, 'Z', 57_001)),
    ],
    [
      'another process has its id and an odd name',
      (k) => void (k.files[`/proc/${PEER}/stat`] = stat(PEER, 'S', 99_999, 'a) R 57001 (b')),
    ],
  ])('when %s', (_, change) => {
    const k = kernel();
    change(k);
    expect(tableOf(k).hasEnded(PEER_NAME)).toBe(true);
  });
});

describe('a process is not said to have ended', () => {
  it.each<[string, (k: Kernel) => void]>([
    ['it sleeps', () => {}],
    ['it is stopped', (k) => void (k.files[`/proc/${PEER}/stat`] = stat(PEER, 'T', 57_001))],
    ['it is another user’s', (k) => void (k.refusals[PEER] = 'EPERM')],
    [
      'its first thread is a zombie but others run',
      (k) => {
        k.files[`/proc/${PEER}/stat`] = stat(PEER, 'Z', 57_001);
        k.tasks = [String(PEER), String(PEER + 1)];
      },
    ],
    [
      'it is a zombie whose threads cannot be listed',
      (k) => {
        k.files[`/proc/${PEER}/stat`] = stat(PEER, 'Z', 57_001);
        k.tasks = undefined;
      },
    ],
    ['it is hidden (hidepid)', (k) => delete k.files[`/proc/${PEER}/stat`]],
    [
      'it is hidden, and another user’s',
      (k) => {
        k.refusals[PEER] = 'EPERM';
        delete k.files[`/proc/${PEER}/stat`];
      },
    ],
    ['what tells of it is garbled', (k) => void (k.files[`/proc/${PEER}/stat`] = `${PEER} (node) S`)],
    ['what tells of it is of another', (k) => void (k.files[`/proc/${PEER}/stat`] = stat(OWN, 'S', 99_999))],
    [
      '/proc is now one of another namespace',
      (k) => {
        k.links['/proc/self'] = '901';
        k.refusals[PEER] = 'ESRCH';
      },
    ],
  ])('when %s', (_, change) => {
    const k = kernel();
    const { own } = tableOf(k);
    expect(own).not.toMatch(/^random/);
    change(k);
    expect(tableOf(k).hasEnded(PEER_NAME)).toBe(false);
  });

  it.each([
    ['another boot', PEER_NAME.replace(BOOT, BOOT.replace('8', '9'))],
    ['another namespace of ids', PEER_NAME.replace('4026531836', '4026532200')],
    ['another namespace of times', PEER_NAME.replace('4026531834', '4026532201')],
    ['a random name', 'random:00ff'],
    ['no such name', `${PEER_NAME}:1`],
    ['no name', ''],
  ])('when it is of %s', (_, name) => {
    const k = kernel();
    k.refusals[PEER] = 'ESRCH';
    const table = tableOf(k);
    expect(table.hasEnded(PEER_NAME)).toBe(true);
    expect(table.hasEnded(name)).toBe(false);
  });
});

describe('an address', () => {
  it('is this machine’s when an interface has it, or it is loopback', () => {
    const table = tableOf(kernel());
    const here = [
      '127.0.0.1',
      '127.9.9.9',
      '::1',
      '::ffff:127.0.0.1',
      '10.0.0.5',
      '::ffff:10.0.0.5',
      'fe80::1',
    ];
    expect(here.filter((address) => !table.isHere(address))).toEqual([]);
    expect(['10.0.0.6', '::2', '', '1.127.0.0.1'].filter((address) => table.isHere(address))).toEqual([]);
  });
});

/** Has threads besides its first, and does nothing. */
const IDLE = [process.execPath, '-e', 'setInterval(() => {}, 1000)'] as const;

describe.runIf(process.platform === 'linux')('a real process', () => {
  const children: ChildProcess[] = [];
  const grandchildren: number[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    for (const pid of grandchildren.splice(0)) attempt(() => process.kill(pid, 'SIGKILL'));
  });

  const table = systemProcesses();
  const statOf = (pid: number): string => readFileSync(`/proc/${pid}/stat`, 'utf8');
  /** What a process of this very kernel and these namespaces calls itself. */
  const nameOf = (pid: number): string =>
    [...table.own.split(':').slice(0, 3), pid, statOf(pid).split(' ')[21]].join(':');

  it('that runs this test has a name of its own, and lives', () => {
    expect(table.own).toBe(nameOf(process.pid));
    expect(table.hasEnded(table.own)).toBe(false);
  });

  it('is alive, alive while stopped, and gone when killed', async () => {
    const child = spawn(IDLE[0], IDLE.slice(1), { stdio: 'ignore' });
    children.push(child);
    const closed = once(child, 'close');
    const name = nameOf(child.pid ?? 0);
    expect(table.hasEnded(name)).toBe(false);
    child.kill('SIGSTOP');
    await eventually('it to stop', () => (/\) T /.test(statOf(child.pid ?? 0)) ? true : undefined));
    expect(table.hasEnded(name)).toBe(false);
    child.kill('SIGKILL');
    await eventually('its end', () => (table.hasEnded(name) ? true : undefined));
    await closed;
    expect(table.hasEnded(name)).toBe(true);
  });

  it('is gone as a zombie, though its parent never asks for its exit code', async () => {
    // The shell forks it, and becomes a program that knows nothing of it.
    const parent = spawn('sh', ['-c', '"$@" & echo $!; exec sleep 60', 'sh', ...IDLE]);
    children.push(parent);
    let output = '';
    parent.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const pid = Number(await eventually('its id', () => /^(\d+)\n/.exec(output)?.[1]));
    grandchildren.push(pid);
    const name = nameOf(pid);
    expect(table.hasEnded(name)).toBe(false);
    process.kill(pid, 'SIGKILL');
    await eventually('its end', () => (table.hasEnded(name) ? true : undefined));
    expect(statOf(pid)).toMatch(/\) Z /);
  });
});

function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // It is gone already.
  }
}
