import {
  AppError,
  CLUSTER_NODES_MAX,
  ELECTION_LINE_BYTES_MAX,
  ELECTION_PROCESS_CHARS_MAX,
  HTTP_URL_CHARS_MAX,
} from '@cloud-steg/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Message, readElectionConfig, readFrame, writeFrame } from '../src/index.ts';

const keys = { this_node: 'a:1', peers: ['b:1', 'c:1'] };
const [a, b, c] = ['a:1', 'b:1', 'c:1'].map((id) => readElectionConfig(keys, id)) as [
  ReturnType<typeof readElectionConfig>,
  ReturnType<typeof readElectionConfig>,
  ReturnType<typeof readElectionConfig>,
];
const vote: Message = { kind: 'Vote', term: 3, campaignId: 1, releasedTerm: 0 };

describe('a line between members', () => {
  it('says who it is from and what they say', () => {
    expect(readFrame(b, writeFrame(a, 'b:1', vote))).toEqual({ from: 'a:1', message: vote });
  });

  it('is refused from a stranger, and from a node that claims to be the reader', () => {
    const stranger = { ...a, thisNode: 'x:1' };
    expect(() => readFrame(b, writeFrame(stranger, 'b:1', vote))).toThrow(
      'from x:1, which is no other member',
    );
    expect(() => readFrame(b, writeFrame(b, 'b:1', vote))).toThrow('from b:1, which is no other member');
  });

  it('is refused by anybody but the one it is for', () => {
    expect(() => readFrame(c, writeFrame(a, 'b:1', vote))).toThrow('for b:1, this node is c:1');
  });

  it('is refused from a node with another configuration', () => {
    const other = readElectionConfig({ ...keys, leader_term_ms: 9000 });
    expect(() => readFrame(b, writeFrame(other, 'b:1', vote))).toThrow(
      `a:1 runs with configuration ${other.hash}, this node with ${b.hash}`,
    );
  });

  it('is refused with a term that is no number of elections', () => {
    for (const term of [-1, 0.5, 2 ** 53, '3', null]) {
      const line = writeFrame(a, 'b:1', { ...vote, term } as Message);
      expect(() => readFrame(b, line)).toThrow(AppError);
    }
  });

  it('is read or refused with a code, whatever it holds', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map((text) => writeFrame(a, 'b:1', JSON.parse(text))),
    );
    const property = fc.property(anything, (line) => {
      try {
        readFrame(b, line);
        return true;
      } catch (error) {
        return error instanceof AppError;
      }
    });
    expect(() => fc.assert(property)).not.toThrow();
  });

  it('is short enough for the largest cluster with the longest addresses', () => {
    const line = writeFrame({ ...a, thisNode: 'x'.repeat(255) }, 'y'.repeat(255), {
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
