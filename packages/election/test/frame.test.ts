import {
  AppError,
  CLUSTER_NODES_MAX,
  ELECTION_LINE_BYTES_MAX,
  ELECTION_PROCESS_CHARS_MAX,
  HTTP_URL_CHARS_MAX,
} from '@cloud-steg/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Message, readFrame, writeFrame } from '../src/index.ts';

const vote: Message = { kind: 'Vote', term: 3, campaignId: 1, releasedTerm: 0 };

describe('a line between members', () => {
  it('says what they say', () => {
    expect(readFrame(writeFrame(vote))).toEqual(vote);
  });

  it('reads as docs/wire.md says', () => {
    const lines = [
      '{"kind":"Ping","term":4,"cpuPercent":12.5,"httpUrl":"http://127.0.0.1:8000","process":"8b0c7f5e-3f0d-4c53-9a55-8c8f2a0d7f11:4026531836:4026531834:4242:56617"}',
      '{"kind":"Vote","term":5,"campaignId":2764893061,"releasedTerm":4}',
    ];
    expect(lines.map((line) => writeFrame(readFrame(line)))).toEqual(lines);
  });

  it('is refused with a term that is no number of elections', () => {
    for (const term of [-1, 0.5, 2 ** 53, '3', null]) {
      const line = writeFrame({ ...vote, term } as Message);
      expect(() => readFrame(line)).toThrow(AppError);
    }
  });

  it('is read or refused with a code, whatever it holds', () => {
    const property = fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
      try {
        readFrame(line);
        return true;
      } catch (error) {
        return error instanceof AppError;
      }
    });
    expect(() => fc.assert(property)).not.toThrow();
  });

  it('is short enough for the largest cluster with the longest addresses', () => {
    const line = writeFrame({
      kind: 'Heartbeat',
      term: Number.MAX_SAFE_INTEGER,
      seq: Number.MAX_SAFE_INTEGER,
      process: 'x'.repeat(ELECTION_PROCESS_CHARS_MAX),
      cause: 'no-quorum',
      leadingMs: 1e12 / 3,
      leadingCostPoints: 1 / 3,
      nodes: Array.from({ length: CLUSTER_NODES_MAX }, () => ({
        id: 'x'.repeat(255),
        url: `http://${'x'.repeat(HTTP_URL_CHARS_MAX - 7)}`,
        cpuPercent: 100 / 3,
        term: Number.MAX_SAFE_INTEGER,
        lagMs: 1e6 / 3,
        ageMs: 1e6 / 3,
      })),
    });
    expect(line.length).toBeLessThan(ELECTION_LINE_BYTES_MAX);
  });
});
