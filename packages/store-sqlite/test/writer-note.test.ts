import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STORE_WRITER_NOTE_BYTES_MAX, Term } from '@cloud-steg/protocol';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProcessIdentity, ProcessTable } from '../src/process-table.ts';
import { openSqliteStore } from '../src/sqlite-store.ts';
import { readNote, sweepNotes, writeNote } from '../src/writer-note.ts';
import { scratchDirectory } from './scratch-directory.ts';

const here: ProcessIdentity = { pid: 10, startTicks: 100, bootId: 'boot', namespaces: 'pid:[1]' };
const note = (process: Partial<ProcessIdentity>) => ({
  process: { ...here, ...process },
  node: 'a',
  term: 3,
});

let scratch: ReturnType<typeof scratchDirectory>;
let path: string;
const names = () => readdirSync(scratch.path);
beforeEach(() => {
  scratch = scratchDirectory();
  path = join(scratch.path, 'cluster.db');
});
afterEach(() => scratch.remove());

describe('a writer’s note', () => {
  it('is read as it was written last', () => {
    writeNote(path, note({}));
    writeNote(path, { ...note({}), node: 'a longer name', term: 4000 });
    writeNote(path, { ...note({}), term: 4 });
    expect(readNote(path, 10)).toEqual({ ...note({}), term: 4 });
    expect(names()).toEqual(['cluster.db-writer-10']);
  });

  it('that isn’t whole, or isn’t that process’s, is none', () => {
    const whole = JSON.stringify(note({}));
    const wrong = [
      '',
      'null',
      '{}',
      whole.slice(0, -1),
      JSON.stringify(note({ pid: 11 })),
      JSON.stringify({ ...note({}), term: '3' }),
      JSON.stringify({ ...note({}), node: 1 }),
      whole + ' '.repeat(STORE_WRITER_NOTE_BYTES_MAX),
    ];
    for (const text of wrong) {
      writeFileSync(`${path}-writer-10`, text);
      expect(readNote(path, 10)).toBeUndefined();
    }
    expect(readNote(path, 12)).toBeUndefined();
  });

  it('is swept away once its process is certainly gone, and never before', () => {
    const living = new Map([
      [10, here],
      [20, { ...here, pid: 20, startTicks: 200 }],
      [21, { ...here, pid: 21, startTicks: 999 }],
    ]);
    const processes: ProcessTable = {
      self: here,
      identify: (pid) => living.get(pid),
      condition: () => 'running',
      end: () => expect.unreachable('nobody is to be ended'),
    };
    writeNote(path, note({}));
    writeNote(path, note({ pid: 20, startTicks: 200 }));
    writeNote(path, note({ pid: 21, startTicks: 201 }));
    writeNote(path, note({ pid: 22 }));
    writeNote(path, note({ pid: 23, bootId: 'earlier' }));
    writeNote(path, note({ pid: 24, namespaces: 'pid:[2]' }));
    writeFileSync(`${path}-writer-x`, '');
    writeFileSync(`${path}-wal`, '');
    sweepNotes(path, processes);
    expect(names().toSorted()).toEqual(
      ['cluster.db-wal', ...['10', '20', '24', 'x'].map((end) => `cluster.db-writer-${end}`)].toSorted(),
    );
  });

  it.runIf(process.platform === 'linux')(
    'is made by a claim, and removed when the store is closed',
    async () => {
      const store = openSqliteStore(path, { writer: 'inline' });
      await store.claimTerm(Term.parse(7), 'node');
      expect(readNote(path, process.pid)).toMatchObject({
        node: 'node',
        term: 7,
        process: { pid: process.pid },
      });
      await store.close();
      expect(names()).not.toContain(`cluster.db-writer-${process.pid}`);
    },
  );

  it.runIf(process.platform === 'linux')('is there before the lock is taken', async () => {
    const store = openSqliteStore(path, { writer: 'inline', lockTimeoutMs: 20 });
    await store.claimTerm(Term.parse(7), 'node');
    const holder = new DatabaseSync(path);
    holder.exec('BEGIN IMMEDIATE');
    await expect(store.claimTerm(Term.parse(9), 'node')).rejects.toMatchObject({ code: 'store/unavailable' });
    expect(readNote(path, process.pid)).toMatchObject({ term: 9 });
    holder.close();
    await store.close();
  });
});
