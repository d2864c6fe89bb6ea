/**
 * Who holds a lock on the store's files, as Linux tells in `/proc/locks`. Which bytes SQLite locks stands in "WAL-mode File
 * Format" (https://sqlite.org/walformat.html, section 2.3) and in its `os.h`.
 */

import { readdirSync, statSync } from 'node:fs';
import { PROC_FILE_BYTES_MAX } from '@cloud-steg/protocol';
import { readBounded } from './bounded-file.ts';

/** A lock that some process may be waited for. */
export interface StoreLock {
  /** Ending of the name of the file it is on. */
  suffix: '' | '-shm';
  mode: 'READ' | 'WRITE';
  /** First and last byte. */
  bytes: readonly [number, number];
}

/** Held by whoever writes. In the file itself only while it is made, or put into another journal mode. */
export const WRITE_LOCKS: readonly StoreLock[] = [
  { suffix: '-shm', mode: 'WRITE', bytes: [120, 120] },
  { suffix: '', mode: 'WRITE', bytes: [0x40000000, 0x40000000 + 511] },
];
/** Held by whoever copies the write-ahead log into the file. */
export const CHECKPOINT_LOCKS: readonly StoreLock[] = [{ suffix: '-shm', mode: 'WRITE', bytes: [121, 121] }];
/** Held by readers that keep the write-ahead log from being emptied. */
export const READ_LOCKS: readonly StoreLock[] = [{ suffix: '-shm', mode: 'READ', bytes: [124, 127] }];

export interface LockHolder {
  pid: number;
  /** Whether that process itself shows the lock among its open files; needs the right to look there. */
  proven: boolean;
}

/** Processes that hold one of `locks` on the store at `path`, the proven first; those of other namespaces can't be seen. */
export function holdersOf(path: string, locks: readonly StoreLock[]): LockHolder[] {
  const table = readBounded('/proc/locks', PROC_FILE_BYTES_MAX) ?? '';
  const holders = locks.flatMap((lock) => {
    const file = identityOf(path + lock.suffix);
    if (!file) return [];
    const pids = new Set(
      parseLocks(table)
        .filter((row) => row.inode === file.inode && matches(row, lock))
        .map(({ pid }) => pid),
    );
    return [...pids].map((pid) => ({ pid, proven: shows(pid, file, lock) }));
  });
  return holders.sort((a, b) => Number(b.proven) - Number(a.proven));
}

interface LockRow {
  pid: number;
  inode: string;
  mode: string;
  bytes: readonly [number, number];
}

/** Rows of `/proc/locks`, or of a `/proc/<pid>/fdinfo` file; what waits for a lock is left out. */
export function parseLocks(text: string): LockRow[] {
  return Array.from(text.matchAll(LOCK_ROW), ([, mode = '', pid, inode = '', first, last]) => ({
    pid: Number(pid),
    inode,
    mode,
    bytes: [Number(first), last === 'EOF' ? Number.POSITIVE_INFINITY : Number(last)],
  }));
}

const LOCK_ROW =
  /^(?:lock:\s+)?\d+: (?:POSIX|OFDLCK)\s+\S+\s+(READ|WRITE)\s+(-?\d+) [0-9a-f]+:[0-9a-f]+:(\d+) (\d+) (\d+|EOF)$/gm;

function matches({ mode, bytes: [first, last] }: LockRow, lock: StoreLock): boolean {
  return mode === lock.mode && first <= lock.bytes[1] && last >= lock.bytes[0];
}

interface FileIdentity {
  device: bigint;
  inode: string;
}

/** Without opening it. */
function identityOf(path: string): FileIdentity | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return { device: dev, inode: `${ino}` };
  } catch {
    return undefined;
  }
}

/**
 * Whether one of the process's open files is that very file, and shows the lock as that process's own. Unlike
 * `/proc/locks`, which names a file by numbers that some file systems (btrfs, overlay) report otherwise, this can't be mistaken.
 */
function shows(pid: number, file: FileIdentity, lock: StoreLock): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((descriptor) => {
      const open = identityOf(`/proc/${pid}/fd/${descriptor}`);
      if (open?.device !== file.device || open.inode !== file.inode) return false;
      const info = readBounded(`/proc/${pid}/fdinfo/${descriptor}`, PROC_FILE_BYTES_MAX) ?? '';
      return parseLocks(info).some((row) => matches(row, lock));
    });
  } catch {
    return false;
  }
}
