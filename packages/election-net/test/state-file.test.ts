import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { DurableState } from '@cloud-steg/election';
import { ELECTION_STATE_BYTES_MAX } from '@cloud-steg/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { StateFile } from '../src/state-file.ts';

const id = '127.0.0.1:5001';
const state: DurableState = { term: 7, votedFor: '127.0.0.1:5002', recovering: false };

let dataDir: string;
let file: StateFile;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'state-'));
  file = new StateFile(dataDir, id);
});

describe('the state file', () => {
  it('is absent on a new node', () => {
    expect(file.load()).toBeUndefined();
  });

  it('gives back what was saved last', () => {
    file.save({ ...state, term: 6 });
    file.save(state);
    expect(new StateFile(dataDir, id).load()).toEqual(state);
  });

  it('lies under the node’s address, and nothing else is left there', () => {
    file.save(state);
    expect(file.path).toBe(join(dataDir, 'nodes', '127.0.0.1_5001', 'state.json'));
    expect(readdirSync(dirname(file.path))).toEqual(['state.json']);
  });

  it('is untouched by a write that was cut off', () => {
    file.save(state);
    writeFileSync(`${file.path}.tmp`, '{"node":');
    expect(file.load()).toEqual(state);
  });

  const damages: [string, (text: string) => string][] = [
    ['emptied', () => ''],
    ['cut off', (text) => text.slice(0, -20)],
    ['garbled', (text) => text.replace('"term":7', '"term":3')],
    ['not JSON', () => 'term = 7'],
    ['JSON of something else', () => '[1, null]'],
    ['too large', (text) => text + ' '.repeat(ELECTION_STATE_BYTES_MAX)],
  ];
  it.each(damages)('is refused when it is %s', (_, damage) => {
    file.save(state);
    writeFileSync(file.path, damage(readFileSync(file.path, 'utf8')));
    expect(() => file.load()).toThrow(
      expect.objectContaining({ code: 'server/state-damaged', data: { path: file.path } }),
    );
  });

  it('of another node is refused', () => {
    const other = new StateFile(dataDir, '127.0.0.1:5002');
    other.save(state);
    file.save(state);
    writeFileSync(file.path, readFileSync(other.path));
    expect(() => file.load()).toThrow('belongs to 127.0.0.1:5002, not to 127.0.0.1:5001');
  });

  it('that cannot be written is an error with a code', () => {
    writeFileSync(join(dataDir, 'nodes'), '');
    expect(() => file.save(state)).toThrow(expect.objectContaining({ code: 'server/state-damaged' }));
  });
});
