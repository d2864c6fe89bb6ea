/** What each writing process notes of itself beside the store's file, before it takes a lock there. */

import { closeSync, constants, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { STORE_WRITER_NOTE_BYTES_MAX } from '@cloud-steg/protocol';
import { readBounded } from './bounded-file.ts';
import type { ProcessIdentity, ProcessTable } from './process-table.ts';

export interface WriterNote {
  process: ProcessIdentity;
  /** Node id, as claimed; empty before the first claim. */
  node: string;
  /** The last term it claimed, or set out to claim; 0 before the first. */
  term: number;
}

/**
 * Makes or overwrites the process's note, `<file>-writer-<pid>` (mode 0600). Not synced: a note is of use only while its process
 * lives, and the machine with it. Not renamed into its place either: that changes the directory, which SQLite syncs at
 * its first commit. Who reads in the middle of a change finds no note, or looks again.
 */
export function writeNote(path: string, note: WriterNote): void {
  const bytes = Buffer.alloc(STORE_WRITER_NOTE_BYTES_MAX, ' ');
  bytes.write(JSON.stringify(note));
  const descriptor = openSync(noteOf(path, note.process.pid), constants.O_WRONLY | constants.O_CREAT, 0o600);
  try {
    writeSync(descriptor, bytes, 0, bytes.length, 0);
  } finally {
    closeSync(descriptor);
  }
}

/** The note under the process's number, which may be an earlier process's; undefined where there is none to be read. */
export function readNote(path: string, pid: number): WriterNote | undefined {
  const text = readBounded(noteOf(path, pid), STORE_WRITER_NOTE_BYTES_MAX);
  try {
    const note = JSON.parse(text ?? '') as WriterNote;
    const { startTicks, bootId, namespaces } = note.process;
    const whole =
      note.process.pid === pid &&
      Number.isSafeInteger(startTicks) &&
      Number.isSafeInteger(note.term) &&
      [bootId, namespaces, note.node].every((field) => typeof field === 'string');
    return whole ? note : undefined;
  } catch {
    return undefined;
  }
}

export function removeNote(path: string, pid: number): void {
  rmSync(noteOf(path, pid), { force: true });
}

/** Removes the notes of processes that are certainly gone: of an earlier run of the machine, or of this namespace. */
export function sweepNotes(path: string, processes: ProcessTable): void {
  const prefix = basename(noteOf(path, 0)).slice(0, -1);
  for (const name of readdirSync(dirname(path))) {
    const pid = Number(name.startsWith(prefix) ? name.slice(prefix.length) : Number.NaN);
    const note = Number.isSafeInteger(pid) ? readNote(path, pid) : undefined;
    if (note && isGone(note.process, processes)) removeNote(path, pid);
  }
}

function isGone(author: ProcessIdentity, processes: ProcessTable): boolean {
  const { self } = processes;
  if (!self) return false;
  if (author.bootId !== self.bootId) return true;
  return (
    author.namespaces === self.namespaces && processes.identify(author.pid)?.startTicks !== author.startTicks
  );
}

function noteOf(path: string, pid: number): string {
  return `${path}-writer-${pid}`;
}
