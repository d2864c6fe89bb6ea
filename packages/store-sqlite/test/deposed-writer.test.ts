import { STORE_WRITER_STALLED_MS, Term } from '@cloud-steg/protocol';
import { describe, expect, it } from 'vitest';
import { judge, type Suspect } from '../src/deposed-writer.ts';

const self = { pid: 10, startTicks: 100, bootId: 'boot', namespaces: 'pid:[1]' };
const identity = { ...self, pid: 20, startTicks: 200 };
const certain: Suspect = {
  holder: { pid: 20, proven: true },
  condition: 'stopped',
  identity,
  note: { process: identity, node: 'a', term: 3 },
};
const term = Term.parse(4);
const verdict = (change: Partial<Suspect>, heldMs = 0) =>
  judge({ ...certain, ...change }, self, term, heldMs);

describe('a process in a writer’s way', () => {
  it('is ended when it certainly is a deposed writer that can’t go on', () => {
    expect(verdict({})).toMatchObject({ kind: 'end', why: 'was stopped' });
    expect(verdict({ condition: 'frozen' })).toMatchObject({
      kind: 'end',
      why: expect.stringContaining('frozen'),
    });
  });

  it('is spared for any doubt about which it is', () => {
    const elsewhere = { ...identity, namespaces: 'pid:[2]' };
    const doubts: Partial<Suspect>[] = [
      { holder: { pid: 20, proven: false } },
      {
        holder: { pid: self.pid, proven: true },
        identity: self,
        note: { process: self, node: 'a', term: 3 },
      },
      { identity: undefined },
      { note: undefined },
      { identity: { ...identity, startTicks: 201 } },
      { identity: { ...identity, bootId: 'other' } },
      { identity: elsewhere, note: { process: elsewhere, node: 'a', term: 3 } },
    ];
    for (const doubt of doubts) expect(verdict(doubt, 1e9)).toMatchObject({ kind: 'spare' });
    expect(judge(certain, undefined, term, 1e9)).toMatchObject({ kind: 'spare' });
  });

  it('is spared unless it was deposed', () => {
    for (const itsTerm of [0, 4, 5]) {
      expect(verdict({ note: { process: identity, node: 'a', term: itsTerm } }, 1e9)).toMatchObject({
        kind: 'spare',
      });
    }
    expect(judge(certain, self, undefined, 1e9)).toMatchObject({ kind: 'spare' });
  });

  it('is spared while it runs, until it has finished nothing for very long', () => {
    expect(verdict({ condition: 'running' }, STORE_WRITER_STALLED_MS - 1)).toMatchObject({ kind: 'spare' });
    expect(verdict({ condition: 'running' }, STORE_WRITER_STALLED_MS)).toMatchObject({ kind: 'end' });
  });

  it('is spared however long it waits for its disk', () => {
    expect(verdict({ condition: 'disk' }, 1e9)).toMatchObject({ kind: 'spare' });
  });
});
