/**
 * Whether the process in a writer's way may be ended. A leader that was stopped in the middle of a commit keeps the store's
 * lock for as long as it is stopped; the leader elected after it ends it, if all of this is certain:
 *
 * - it holds the lock, as its own open files show;
 * - it is the very process that noted itself as a writer of this store: number, start, run of the machine, namespace;
 * - the term it wrote in is older than the caller's, so that it was deposed and the store would refuse its commits;
 * - it is stopped or frozen; or it runs, but has held the lock for very long without a commit and isn't waiting for a disk.
 *
 * Ending it loses nothing: a commit it had begun was never acknowledged, and either lands whole or not at all.
 */

import { STORE_WRITER_STALLED_MS, type Term } from '@cloud-steg/protocol';
import type { LockHolder } from './file-locks.ts';
import {
  type ProcessCondition,
  type ProcessIdentity,
  type ProcessTable,
  sameProcess,
} from './process-table.ts';
import { readNote, type WriterNote } from './writer-note.ts';

/** What is known of a process in the way. */
export interface Suspect {
  holder: LockHolder;
  condition: ProcessCondition;
  identity: ProcessIdentity | undefined;
  note: WriterNote | undefined;
}

/** `why` completes "it ..." where it may be ended, and "it is not ended: ..." where it may not. */
export type Verdict = { kind: 'end'; note: WriterNote; why: string } | { kind: 'spare'; why: string };

/** Looks anew. The note last: whatever it did while it could still run, it noted before. */
export function suspectOf(path: string, holder: LockHolder, processes: ProcessTable): Suspect {
  const condition = processes.condition(holder.pid);
  const identity = processes.identify(holder.pid);
  return { holder, condition, identity, note: readNote(path, holder.pid) };
}

/**
 * `term` is the caller's own, undefined before it has any; `heldMs` for how long the process was seen to hold the
 * lock without a commit.
 */
export function judge(
  { holder, condition, identity, note }: Suspect,
  self: ProcessIdentity | undefined,
  term: Term | undefined,
  heldMs: number,
): Verdict {
  const spare = (why: string): Verdict => ({ kind: 'spare', why });
  if (!self) return spare('this system does not tell which process it is');
  if (holder.pid === self.pid) return spare('it is this very process');
  if (!holder.proven) return spare('its open files can’t be seen by this user');
  if (!note) return spare('it is no server that noted itself as a writer');
  if (!identity || !sameProcess(identity, note.process)) {
    return spare('the writer that had this number was another process');
  }
  if (identity.bootId !== self.bootId || identity.namespaces !== self.namespaces) {
    return spare('it runs in another namespace');
  }
  if (note.term < 1) return spare('it has led no term');
  if (term === undefined || note.term >= term) return spare(`its term ${note.term} is not known to be over`);
  switch (condition) {
    case 'stopped':
      return { kind: 'end', note, why: 'was stopped' };
    case 'frozen':
      return { kind: 'end', note, why: 'was frozen by its control group' };
    case 'disk':
      return spare('it waits for the disk, and ending it would free nothing sooner');
    case 'running':
      if (heldMs < STORE_WRITER_STALLED_MS) return spare('it is running, and may be about to finish');
      return { kind: 'end', note, why: `ran, but finished nothing in ${Math.round(heldMs)} ms` };
  }
}
