import { describe, expect, it } from 'vitest';
import type { ServerAnswer } from '../src/cluster/servers-asked.ts';
import { leaderOf, type NodeLine } from '../src/cluster/snapshot.ts';
import { type SnapshotOptions, takeSnapshot } from '../src/cluster/take-snapshot.ts';
import {
  A,
  AT,
  B,
  C,
  election,
  KEY,
  lost,
  member,
  OTHER_KEY,
  says,
  silent,
  urlOf,
} from './cluster-answers.ts';

const snapshotOf = (answers: readonly ServerAnswer[], options: SnapshotOptions = {}, at = AT) =>
  takeSnapshot(answers, at, options);

function nodeOf(answers: readonly ServerAnswer[], id: string, options: SnapshotOptions = {}): NodeLine {
  const node = snapshotOf(answers, options).nodes.find((line) => line.id === id);
  if (!node) throw new Error(`${id} is not among the nodes`);
  return node;
}

const HEALTHY = [says(A, A), says(B, A), says(C, A)];

describe('who leads', () => {
  const FOLLOWERS_OF_NOBODY = [says(A, null), says(B, null)];
  it.each([
    ['all agree', HEALTHY, { kind: 'serving', id: A, url: urlOf(A), term: 4 }],
    [
      'the leader says so and another, of a later term, knows of none',
      [says(A, A), says(B, null, { term: 5 })],
      { kind: 'serving', id: A, term: 4 },
    ],
    [
      'two say that they lead: the later term wins',
      [says(A, A), says(B, B, { term: 5 }), says(C, A)],
      { kind: 'serving', id: B, term: 5 },
    ],
    [
      'the leader is elected but its claim is not granted',
      [says(A, A, { is_leader: false }), says(B, A)],
      { kind: 'claiming', id: A, term: 4 },
    ],
    [
      'one claims an earlier term than another follows a leader in',
      [says(A, A, { is_leader: false }), says(B, C, { term: 5 })],
      { kind: 'named', id: C, term: 5 },
    ],
    [
      'others name one that was not asked',
      [says(B, A), says(C, A)],
      { kind: 'named', id: A, url: urlOf(A), term: 4, by: [B, C] },
    ],
    [
      'others name one that was asked and does not answer',
      [silent(A), says(B, A), says(C, A)],
      { kind: 'silent', id: A, term: 4, by: [B, C], reason: 'refused' },
    ],
    [
      'others name one that says that it does not lead: its own word counts',
      [says(A, null), says(B, A), says(C, A)],
      { kind: 'none', term: 4 },
    ],
    [
      'somebody of an earlier term names one: that one may be gone',
      [says(B, A), says(C, null, { term: 5 })],
      { kind: 'none', term: 5 },
    ],
    ['nobody knows of any', FOLLOWERS_OF_NOBODY, { kind: 'none', term: 4 }],
    ['nobody answers', [silent(A), silent(B)], { kind: 'unreachable', since: AT }],
  ])('%s', (_, answers, expected) => {
    expect(snapshotOf(answers).leadership).toMatchObject(expected);
  });

  it('is somebody to turn to unless it does not answer or does not serve', () => {
    expect(leaderOf(snapshotOf(HEALTHY))).toBe(A);
    expect(leaderOf(snapshotOf([says(B, A)]))).toBe(A);
    expect(leaderOf(snapshotOf([silent(A), says(B, A)]))).toBeNull();
    expect(leaderOf(snapshotOf([says(A, A, { is_leader: false })]))).toBeNull();
    expect(leaderOf(snapshotOf(FOLLOWERS_OF_NOBODY))).toBeNull();
  });
});

describe('a node', () => {
  it('is what it says itself, whatever others say of it', () => {
    const others = [lost(A), lost(C)];
    const answers = [says(A, A, { others: [lost(B), member(C)] }), says(B, null, { others, term: 5 })];
    expect(nodeOf(answers, A)).toMatchObject({ role: 'leader', term: 4, toldBy: A, http: 'answers' });
    expect(nodeOf(answers, B)).toMatchObject({ role: 'candidate', term: 5, cpuPercent: 20, toldBy: B });
  });

  it('is what the leader says of it when it does not answer, however well others think of it', () => {
    const told = { url: urlOf(C), reason: 'timed out', http: 'silent' };
    const answers = [says(A, A, { others: [member(B), lost(C)] }), says(B, A), silent(C, 'timed out')];
    expect(nodeOf(answers, C)).toMatchObject({ ...told, role: 'unknown', cpuPercent: null, toldBy: null });
    const heard = [says(A, A), says(B, A, { others: [lost(A), lost(C)] }), silent(C, 'timed out')];
    expect(nodeOf(heard, C)).toMatchObject({ ...told, role: 'follower', cpuPercent: 20, toldBy: A });
  });

  it('is unknown when nobody is in touch with it: when it was last seen is all that is kept', () => {
    const answers = [
      says(A, A, { others: [member(B), lost(C, { lastSeenMs: 30_000 })] }),
      says(B, A, { others: [member(A), lost(C)] }),
      silent(C),
    ];
    expect(nodeOf(answers, C)).toEqual({
      id: C,
      url: urlOf(C),
      role: 'unknown',
      term: null,
      cpuPercent: null,
      lagMs: null,
      lastSeenAt: AT - 12_000,
      toldBy: null,
      http: 'silent',
      reason: 'refused',
    });
  });

  it('that others still take for the leader of an earlier term is unknown', () => {
    expect(nodeOf([silent(A), says(B, A), says(C, null, { term: 5 })], A).role).toBe('unknown');
  });

  it('that was never seen by anybody is unknown, without a time', () => {
    const others = [member(B), lost(C, { url: null, lastSeenMs: null })];
    expect(nodeOf([says(A, A, { others })], C)).toMatchObject({
      role: 'unknown',
      lastSeenAt: null,
      url: null,
      http: 'not-asked',
    });
  });

  it('lags as the leader measured, or as somebody passes on whom the leader told', () => {
    const measured = { others: [member(B, { lagMs: 0.25 }), member(C)] };
    expect(nodeOf([says(A, A, measured), says(B, A)], B).lagMs).toBe(0.25);
    expect(nodeOf([silent(A), says(B, A), says(C, A)], C).lagMs).toBe(1.5);
    expect(nodeOf([says(A, A), says(B, A)], A).lagMs).toBeNull();
  });

  it('has no lag without a leader', () => {
    const others = [lost(A), member(B, { lagMs: 3 })];
    expect(nodeOf([says(C, null, { others }), silent(B)], B).lagMs).toBeNull();
  });

  it('grows older from the moment of the answer on', () => {
    const [answer] = [says(A, A)];
    if (answer.kind !== 'answered') throw new Error('it answers');
    const later = takeSnapshot([answer], AT + 5_000);
    expect(later.nodes.map(({ lastSeenAt }) => later.at - (lastSeenAt ?? 0))).toEqual([5_000, 5_400, 5_400]);
  });

  it('is found behind any of this machine’s names, but not behind another port or machine', () => {
    const others = [member(B, { url: 'http://127.0.0.1:8001' }), member(C, { url: 'http://10.0.0.3:8001' })];
    const down = (url: string): ServerAnswer => ({ kind: 'silent', url, at: AT, reason: 'refused' });
    const nodeAt = (url: string) => snapshotOf([says(A, A, { others }), down(url)]).servers[1]?.node;
    expect(nodeAt('http://localhost:8001')).toBe(B);
    expect(nodeAt('http://[::1]:8001')).toBe(B);
    expect(nodeAt('http://10.0.0.3:8001')).toBe(C);
    expect(nodeAt('http://localhost:8002')).toBeNull();
    expect(nodeAt('http://127.0.0.2:8001')).toBeNull();
  });
});

describe('the quorum', () => {
  it.each([
    ['all in touch', HEALTHY, { nodes: 3, needed: 2, inTouch: 3, mayFail: 1 }],
    [
      'one lost',
      [says(A, A, { others: [member(B), lost(C)] }), says(B, A), silent(C)],
      { nodes: 3, needed: 2, inTouch: 2, mayFail: 0 },
    ],
    [
      'one that answers here, but not to the leader',
      [says(A, A, { others: [member(B), lost(C)] }), says(B, A), says(C, null)],
      { inTouch: 2, mayFail: 0 },
    ],
    ['the leader not asked: by the word of who follows it', [says(B, A)], { inTouch: 3, mayFail: 1 }],
    [
      'a leader that does not answer: others may count it in vain',
      [silent(A), says(B, A), says(C, A)],
      { nodes: 3, needed: 2, inTouch: 2, mayFail: null },
    ],
    ['no leader', [says(A, null), silent(B), silent(C)], { nodes: 3, needed: 2, inTouch: 1, mayFail: null }],
    ['a single node', [says(A, A, { others: [] })], { nodes: 1, needed: 1, inTouch: 1, mayFail: 0 }],
  ])('%s', (_, answers, expected) => {
    expect(snapshotOf(answers).quorum).toMatchObject(expected);
  });

  it('is unknown while nobody answers', () => {
    expect(snapshotOf([silent(A)]).quorum).toBeNull();
  });

  it('of five survives two, of four one', () => {
    const size = (ids: string[]) =>
      snapshotOf([says(A, A, { others: ids.map((id) => member(id)) })]).quorum?.mayFail;
    expect(size([B, C, '10.0.0.4:5001'])).toBe(1);
    expect(size([B, C, '10.0.0.4:5001', '10.0.0.5:5001'])).toBe(2);
  });
});

describe('the history', () => {
  it('has one row a term, newest first, whoever remembers', () => {
    const answers = [
      says(A, A, { elections: [election(4, A)] }),
      says(B, A, { elections: [election(2, B), election(4, A)] }),
      says(C, A, { elections: [election(1, C), election(2, B)] }),
    ];
    expect(snapshotOf(answers).elections.map(({ term, leader }) => [term, leader])).toEqual([
      [4, A],
      [2, B],
      [1, C],
    ]);
  });

  it('goes by the winner’s cause, and the earliest time', () => {
    const answers = [
      says(B, A, { elections: [election(4, A, { cause: 'silence', agoMs: 9_000 })] }),
      says(A, A, { elections: [election(4, A, { cause: 'ended', agoMs: 8_000 })] }),
      says(C, A, { elections: [election(4, A, { cause: 'silence', agoMs: 7_000 })] }),
    ];
    expect(snapshotOf(answers).elections).toEqual([{ term: 4, leader: A, cause: 'ended', at: AT - 9_000 }]);
  });

  it('keeps both rows of a term that two are said to have won, and tells', () => {
    const answers = [
      says(A, A, { elections: [election(4, A)] }),
      says(B, B, { elections: [election(4, B)] }),
    ];
    const { elections, findings } = snapshotOf(answers);
    expect(elections.map(({ leader }) => leader)).toEqual([A, B]);
    expect(findings[0]).toEqual({ kind: 'two-leaders-in-a-term', term: 4, leaders: [A, B] });
  });

  it('is bounded, and keeps the newest', () => {
    const many = (from: number) => Array.from({ length: 32 }, (_, i) => election(from + i, A));
    const answers = [says(A, A, { elections: many(9) }), says(B, A, { elections: many(1) })];
    const { elections } = snapshotOf(answers);
    expect(elections).toHaveLength(32);
    expect(elections.at(0)?.term).toBe(40);
  });

  it('outlives a server that forgot it, while somebody watches', () => {
    const previous = snapshotOf([says(A, A, { elections: [election(3, B), election(4, A)] })]);
    const next = snapshotOf([says(A, A, { elections: [election(4, A)] })], { previous });
    expect(next.elections.map(({ term }) => term)).toEqual([4, 3]);
  });
});

describe('findings', () => {
  const kindsOf = (answers: readonly ServerAnswer[], options: SnapshotOptions = {}) =>
    snapshotOf(answers, options).findings;

  it('are none where all is well', () => {
    expect(kindsOf(HEALTHY)).toEqual([]);
  });

  it('tell who disagrees on the leader, in their own words', () => {
    expect(kindsOf([says(A, A), says(B, null, { term: 5 }), says(C, A)])).toContainEqual({
      kind: 'disagreement',
      claims: [
        { node: A, leader: A, term: 4 },
        { node: B, leader: null, term: 5 },
        { node: C, leader: A, term: 4 },
      ],
    });
  });

  it('say both of a server that does not answer here but is heard by the leader', () => {
    expect(kindsOf([says(A, A), says(B, A), silent(C)])).toEqual([
      { kind: 'silent-but-heard', node: C, url: urlOf(C), reason: 'refused', by: A, heardAt: AT - 400 },
    ]);
  });

  it('tell of a server that nobody hears', () => {
    const answers = [says(A, A, { others: [member(B), lost(C)] }), silent(C)];
    expect(kindsOf(answers)).toEqual([
      { kind: 'silent', node: C, url: urlOf(C), reason: 'refused', heardAt: AT - 12_000 },
    ]);
  });

  it('tell of an address where no known node is', () => {
    expect(kindsOf([says(A, A), silent('10.9.9.9:5001')])).toContainEqual(
      expect.objectContaining({ kind: 'silent', node: null, heardAt: null }),
    );
  });

  it('tell of a node that answers here but is not heard by the leader', () => {
    const answers = [says(A, A, { others: [member(B), lost(C)] }), says(C, null)];
    expect(kindsOf(answers)).toContainEqual({
      kind: 'answers-but-not-heard',
      node: C,
      by: A,
      heardAt: AT - 12_000,
    });
  });

  it('tell of a node with other members than most', () => {
    const odd = says(C, A, { others: [member(A)] });
    expect(kindsOf([says(A, A), says(B, A), odd])).toEqual([{ kind: 'other-members', node: C }]);
  });

  it('while nobody answers are none: there is one thing to tell', () => {
    expect(kindsOf([silent(A), silent(B)])).toEqual([]);
  });
});

describe('servers of another cluster', () => {
  const stranger = says(B, B, { cluster_key: OTHER_KEY, term: 9 });

  it('are flagged and count for nothing', () => {
    const { leadership, servers, nodes, findings } = snapshotOf([says(A, A), stranger], { clusterKey: KEY });
    expect(leadership).toMatchObject({ kind: 'serving', id: A, term: 4 });
    expect(servers[1]).toMatchObject({ state: 'another-cluster', isLeader: false, node: null });
    expect(nodes.find(({ id }) => id === B)).toMatchObject({ toldBy: A, http: 'not-asked' });
    expect(findings).toEqual([{ kind: 'another-cluster', url: urlOf(B), clusterKey: OTHER_KEY }]);
  });

  it('leave nobody where no other answers', () => {
    expect(snapshotOf([stranger], { clusterKey: KEY }).leadership.kind).toBe('unreachable');
  });

  it('are the fewer, and then the later named, where this user knows no key', () => {
    expect(snapshotOf([stranger, says(A, A), says(C, A)]).clusterKey).toBe(KEY);
    expect(snapshotOf([stranger, says(A, A)]).clusterKey).toBe(OTHER_KEY);
  });

  it('stay so for as long as somebody watches', () => {
    const previous = snapshotOf([says(A, A)]);
    const next = snapshotOf([stranger, silent(A)], { previous });
    expect(next.leadership).toMatchObject({ kind: 'unreachable' });
  });
});

describe('the next snapshot', () => {
  it('knows the nodes of the one before, as unknown, while nobody answers, and since when', () => {
    const previous = snapshotOf(HEALTHY);
    const down = [silent(A), silent(B), silent(C)];
    const next = snapshotOf(down, { previous }, AT + 12_000);
    expect(next.leadership).toEqual({ kind: 'unreachable', since: AT });
    expect(next.nodes.map(({ role }) => role)).toEqual(['unknown', 'unknown', 'unknown']);
    expect(next.nodes.map(({ cpuPercent, lagMs, term }) => cpuPercent ?? lagMs ?? term)).toEqual([
      null,
      null,
      null,
    ]);
    expect(next.nodes.map(({ lastSeenAt }) => lastSeenAt)).toEqual([AT, AT, AT]);
    const later = snapshotOf(down, { previous: next }, AT + 20_000);
    expect(later.leadership).toEqual({ kind: 'unreachable', since: AT });
  });

  it('knows which node a silent server was', () => {
    const renamed: ServerAnswer = { ...says(B, A), url: 'http://second.example:80' };
    const previous = snapshotOf([says(A, A), renamed]);
    const down: ServerAnswer = { kind: 'silent', url: 'http://second.example:80', at: AT, reason: 'refused' };
    expect(nodeOf([says(A, A), down], B, { previous })).toMatchObject({ http: 'silent', reason: 'refused' });
  });
});
