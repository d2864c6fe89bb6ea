/** What becomes of a leader that stands still with the store's lock in its hand. For real processes of built files. */

import { readFileSync, writeFileSync } from 'node:fs';
import { Term } from '@cloud-steg/protocol';
import { landed, put } from '@cloud-steg/store/compliance';
import { DatabaseSync } from '@photostructure/sqlite';
import { describe, expect, it, vi } from 'vitest';
import { CHECKPOINT_LOCKS, holdersOf, type StoreLock, WRITE_LOCKS } from '../src/file-locks.ts';
import { ObstructionWatch } from '../src/obstruction.ts';
import { type ProcessTable, systemProcesses } from '../src/process-table.ts';
import type { StoreLog } from '../src/store-log.ts';
import { writeNote } from '../src/writer-note.ts';
import type { Opened } from './fixtures/opened-stores.ts';
import { startCommitter } from './fixtures/start-committer.ts';

const term = (n: number) => Term.parse(n);

/** `opened` opens built stores with a writer thread, and clears away all that a test has started. */
export function describeFrozenWriters(opened: Opened): void {
  const told: Parameters<StoreLog>[] = [];
  const log: StoreLog = (...line) => {
    told.push(line);
  };
  const eventsToldOf = (pid: number) =>
    told.filter(([, , fields]) => fields['pid'] === pid).map(([, event]) => event);
  const holds = (pid: number, locks: readonly StoreLock[]) =>
    holdersOf(opened.path, locks).some((holder) => holder.pid === pid && holder.proven);

  describe('a leader stopped with the write lock', () => {
    it('in the middle of a commit is ended by the next one, whose claim goes through, and nothing is lost', async () => {
      const old = startCommitter(opened.path, 1);
      opened.started(old.child);
      await old.reported(20);
      const pid = old.child.pid ?? 0;
      do {
        old.child.kill('SIGCONT');
        await old.reported(old.acknowledged.length + 1);
        old.child.kill('SIGSTOP');
        await vi.waitFor(() => expect(systemProcesses.condition(pid)).toBe('stopped'));
      } while (!holds(pid, WRITE_LOCKS));

      const successor = opened.store({ log });
      expect((await successor.list('left/', { limit: 10 })).items).toHaveLength(10);
      expect(await successor.claimTerm(term(2), 'new')).toBe(true);
      await old.ended;
      expect(old.child.signalCode).toBe('SIGKILL');
      expect(eventsToldOf(pid)).toEqual(['store.writer-ended']);
      expect(told.at(-1)?.[2].message).toContain(
        `process ${pid}, the server node-1 that led term 1: it was stopped`,
      );
      for (const name of old.acknowledged) expect(await successor.get(`right/${name}`)).toBeDefined();
      await landed(successor, term(2), [put('k')]);
    });

    it('before its first claim has landed is ended by the next one', async () => {
      const successor = opened.store({ log });
      await successor.claimTerm(term(1), 'before');
      const frozen = await opened.holder('write');
      const process = systemProcesses.identify(frozen.pid);
      if (process) writeNote(opened.path, { process, node: 'node-2', term: 2 });
      frozen.child.kill('SIGSTOP');
      expect(await successor.claimTerm(term(3), 'new')).toBe(true);
      expect(await frozen.ended).toBe('SIGKILL');
    });

    it('after it was deposed is ended when a commit of the next one meets it', async () => {
      const old = await opened.holder('write', 1);
      await old.release();
      const successor = opened.store({ log });
      await successor.claimTerm(term(2), 'new');
      const again = await opened.holder('write', 1);
      again.child.kill('SIGSTOP');
      await landed(successor, term(2), [put('k')]);
      expect(await again.ended).toBe('SIGKILL');
      expect(old.lives()).toBe(true);
    });

    it('while it copied the log is ended too, so that the log can be emptied', async () => {
      const successor = opened.store({ log });
      await successor.claimTerm(term(1), 'before');
      const frozen = await opened.holder('checkpoint', 2);
      const lock = new DatabaseSync(opened.path);
      lock.exec('BEGIN IMMEDIATE');
      frozen.copy();
      await vi.waitFor(() => expect(holds(frozen.pid, CHECKPOINT_LOCKS)).toBe(true), { timeout: 10_000 });
      frozen.child.kill('SIGSTOP');
      lock.exec('ROLLBACK');
      lock.close();
      await successor.claimTerm(term(3), 'new');
      await expect(successor.eraseRemnants()).rejects.toMatchObject({ code: 'store/unavailable' });
      expect(await frozen.ended).toBe('SIGKILL');
      await successor.eraseRemnants();
    });
  });

  describe('whoever else holds the write lock is left alone:', () => {
    const refusal = (claim: number) =>
      opened
        .store({ log, lockTimeoutMs: 300 })
        .claimTerm(term(claim), 'new')
        .then(
          () => undefined,
          (error: unknown) => error,
        );
    const refused = (pid: number, why: string) =>
      expect.objectContaining({
        code: 'store/unavailable',
        message: expect.stringContaining(`is locked by process ${pid}; it is not ended: ${why}`),
        hint: expect.stringContaining(`kill -9 ${pid}`),
      });

    it('a deposed leader that only needs a moment', async () => {
      const busy = await opened.holder('write', 1);
      const store = opened.store({ log, lockTimeoutMs: 60_000 });
      const claim = store.claimTerm(term(2), 'new');
      await vi.waitFor(
        () =>
          expect(
            told.some(
              ([, event, { message }]) => event === 'store.waiting' && message.includes(`${busy.pid}`),
            ),
          ).toBe(true),
        { timeout: 10_000 },
      );
      await busy.release();
      expect(await claim).toBe(true);
      expect(busy.lives()).toBe(true);
    });

    it('a program that is no server of ours, even if it was stopped', async () => {
      await opened.store().claimTerm(term(1), 'before');
      const foreign = await opened.holder('write');
      foreign.child.kill('SIGSTOP');
      expect(await refusal(2)).toEqual(refused(foreign.pid, 'it is no server that noted itself'));
      expect(foreign.lives()).toBe(true);
      await foreign.release();
    });

    it('a process that has the number of an earlier writer', async () => {
      const recycled = await opened.holder('write', 1);
      const path = `${opened.path}-writer-${recycled.pid}`;
      const note = JSON.parse(readFileSync(path, 'utf8')) as { process: { startTicks: number } };
      note.process.startTicks -= 1;
      writeFileSync(path, JSON.stringify(note));
      recycled.child.kill('SIGSTOP');
      expect(await refusal(2)).toEqual(
        refused(recycled.pid, 'the writer that had this number was another process'),
      );
      expect(recycled.lives()).toBe(true);
    });

    it('a leader that was elected later', async () => {
      const leader = await opened.holder('write', 5);
      leader.child.kill('SIGSTOP');
      expect(await refusal(4)).toEqual(refused(leader.pid, 'its term 5 is not known to be over'));
      expect(await refusal(5)).toEqual(refused(leader.pid, 'its term 5 is not known to be over'));
      expect(leader.lives()).toBe(true);
    });

    it('this very process', async () => {
      await opened.store().claimTerm(term(1), 'before');
      const own = new DatabaseSync(opened.path);
      own.exec('BEGIN IMMEDIATE');
      expect(await refusal(2)).toEqual(refused(process.pid, 'it is this very process'));
      own.close();
    });

    it('a process that has taken a deposed leader’s number between two looks', async () => {
      const stopped = await opened.holder('write', 1);
      stopped.child.kill('SIGSTOP');
      await vi.waitFor(() => expect(systemProcesses.condition(stopped.pid)).toBe('stopped'));
      const ended: number[] = [];
      let looks = 0;
      const processes: ProcessTable = {
        ...systemProcesses,
        self: systemProcesses.self,
        identify: (pid) => {
          const identity = systemProcesses.identify(pid);
          looks += 1;
          return identity && looks > 1 ? { ...identity, startTicks: identity.startTicks + 1 } : identity;
        },
        end: (pid) => ended.push(pid),
      };
      const watch = new ObstructionWatch(opened.path, WRITE_LOCKS, processes, log);
      expect(watch.look(term(2), 1, 0)).toMatchObject({ ended: false });
      expect(looks).toBe(2);
      expect(ended).toEqual([]);
    });

    it('a deposed leader that runs, unless it finishes nothing for very long', async () => {
      const busy = await opened.holder('write', 1);
      const ended: number[] = [];
      const processes = {
        ...systemProcesses,
        self: systemProcesses.self,
        end: (pid: number) => ended.push(pid),
      };
      const watch = new ObstructionWatch(opened.path, WRITE_LOCKS, processes, log);
      watch.look(term(2), 1, 0);
      watch.look(term(2), 1, 3999);
      // A commit of its own, meanwhile.
      watch.look(term(2), 2, 4001);
      expect(watch.look(term(2), 2, 8000)).toMatchObject({
        ended: false,
        what: expect.stringContaining('running'),
      });
      expect(ended).toEqual([]);
      expect(watch.look(term(2), 2, 8001)).toMatchObject({ ended: true });
      watch.look(term(2), 2, 9000);
      expect(ended).toEqual([busy.pid]);
    });
  });
}
