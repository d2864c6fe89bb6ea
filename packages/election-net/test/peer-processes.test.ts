import { ELECTION_PROCESS_CHECKS_MAX } from '@cloud-steg/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../src/clock.ts';
import { PeerProcesses } from '../src/peer-processes.ts';

const HERE = '127.0.0.1';
const ELSEWHERE = '10.0.0.9';
const PEER = 'a:1';

let gone: Set<string>;
let ended: string[];
let timers: Set<() => void>;
let processes: PeerProcesses;
let checks: number;

const clock: Clock = {
  now: () => 0,
  after(_ms, run) {
    timers.add(run);
    return () => timers.delete(run);
  },
};

/** Lets the time of everything that waits now come. */
function timePasses(): void {
  const due = [...timers];
  timers.clear();
  for (const run of due) run();
}

beforeEach(() => {
  gone = new Set();
  ended = [];
  timers = new Set();
  checks = 0;
  const table = {
    own: 'own',
    isHere: (address: string) => address === HERE,
    hasEnded: (process: string) => {
      checks++;
      return gone.has(process);
    },
  };
  processes = new PeerProcesses(table, clock, (peer, process) => ended.push(`${peer} ${process}`));
});

describe('the end of a peer’s process', () => {
  it('is told at once where it is over when a connection breaks, and only then', () => {
    processes.meet(PEER, 'p1', HERE);
    gone.add('p1');
    expect(ended).toEqual([]);
    processes.look(PEER);
    expect(ended).toEqual(['a:1 p1']);
    expect(timers.size).toBe(0);
  });

  it('is told once', () => {
    processes.meet(PEER, 'p1', HERE);
    gone.add('p1');
    processes.look(PEER);
    processes.look(PEER);
    processes.meet(PEER, 'p1', HERE);
    processes.look(PEER);
    expect(ended).toEqual(['a:1 p1']);
  });

  it('is waited for a while where the process is still there', () => {
    processes.meet(PEER, 'p1', HERE);
    processes.look(PEER);
    timePasses();
    expect(ended).toEqual([]);
    gone.add('p1');
    timePasses();
    expect(ended).toEqual(['a:1 p1']);
    expect(timers.size).toBe(0);
  });

  it('is not waited for without end, and looked for again when asked to', () => {
    processes.meet(PEER, 'p1', HERE);
    processes.look(PEER);
    processes.look(PEER);
    while (timers.size > 0) timePasses();
    expect(checks).toBe(ELECTION_PROCESS_CHECKS_MAX + 1);
    gone.add('p1');
    processes.look(PEER);
    expect(ended).toEqual(['a:1 p1']);
  });

  it('is told when its successor is met first', () => {
    processes.meet(PEER, 'p1', HERE);
    gone.add('p1');
    processes.meet(PEER, 'p2', HERE);
    expect(ended).toEqual(['a:1 p1']);
    processes.look(PEER);
    expect(ended).toEqual(['a:1 p1']);
  });

  it('is no longer looked for once it was heard of again, nor after closing', () => {
    processes.meet(PEER, 'p1', HERE);
    processes.look(PEER);
    processes.meet(PEER, 'p1', HERE);
    expect(timers.size).toBe(0);
    processes.look(PEER);
    processes.close();
    expect(timers.size).toBe(0);
    gone.add('p1');
    processes.look(PEER);
    expect(ended).toEqual([]);
  });

  it('is not known of a process elsewhere, or of one never met', () => {
    gone.add('p1');
    processes.meet(PEER, 'p1', ELSEWHERE);
    processes.look(PEER);
    processes.look('b:1');
    expect([ended, checks, timers.size]).toEqual([[], 0, 0]);
  });
});
