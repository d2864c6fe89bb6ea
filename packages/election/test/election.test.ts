import { AppError, ELECTIONS_REMEMBERED_MAX, TERM_JUMP_MAX } from '@cloud-steg/protocol';
import { describe, expect, it } from 'vitest';
import type { Message } from '../src/index.ts';
import { A, B, C, CLUSTER, Scene } from './scene.ts';

describe('rule 1, the poll', () => {
  it('asks everybody before an election and persists nothing', () => {
    const scene = new Scene();
    expect(scene.tick()).toEqual([
      'to B: GetCpu term 0',
      'to C: GetCpu term 0',
      'becomes polling (no leader heard)',
    ]);
  });

  it('is answered with load and leave to stand', () => {
    const scene = new Scene();
    expect(scene.hear(B, { kind: 'GetCpu', term: 0, pollId: 7, cpuPercent: 1, releasedTerm: 0 })).toEqual([
      'to B: CpuResp term 0, yes',
    ]);
  });

  it('is refused by a follower for as long as its promise lasts', () => {
    const scene = new Scene();
    scene.heartbeat(B, 1);
    scene.wait(500);
    expect(scene.hear(C, { kind: 'GetCpu', term: 1, pollId: 7, cpuPercent: 1, releasedTerm: 0 })).toEqual([
      'to C: CpuResp term 1, no for 1500 ms',
    ]);
  });

  it('comes back exactly when enough promises have run out', () => {
    const scene = new Scene();
    scene.tick();
    scene.answerPoll(B, { cpuPercent: 90, grant: false, waitMs: 900 });
    expect(scene.answerPoll(C, { cpuPercent: 90, grant: false, waitMs: 700 })).toEqual([
      'becomes follower (no majority would vote)',
    ]);
    const refusedAt = scene.now;
    scene.tick();
    expect([scene.role, scene.now - refusedAt]).toEqual(['polling', 700]);
  });
});

describe('rule 2, the idlest wins', () => {
  it('so a poller that finds an idler node nominates it', () => {
    const scene = new Scene();
    scene.step({ kind: 'cpu', percent: 60 });
    scene.tick();
    scene.answerPoll(B, { cpuPercent: 40 });
    expect(scene.answerPoll(C, { cpuPercent: 20 })).toEqual([
      'to C: Nominate term 0',
      'becomes follower (nominated C)',
    ]);
  });

  it('and stands itself when the nominee fails, whatever the load', () => {
    const scene = new Scene();
    scene.step({ kind: 'cpu', percent: 60 });
    scene.tick();
    scene.answerPoll(B, { cpuPercent: 20 });
    scene.answerPoll(C, { cpuPercent: 40 });
    scene.tick();
    expect(scene.answerPoll(C, { cpuPercent: 40 })).toContain('becomes candidate (majority would vote)');
  });

  it('with equal loads the lowest address', () => {
    const scene = new Scene();
    scene.step({ kind: 'cpu', percent: 41 });
    scene.tick();
    scene.answerPoll(B, { cpuPercent: 40 });
    expect(scene.answerPoll(C, { cpuPercent: 39 })).toContain('becomes candidate (idlest of a majority)');
  });

  it('and busy followers wait longer for the leader', () => {
    const wait = (loads: Record<string, number>) => {
      const scene = new Scene();
      scene.heartbeat(C, 1, loads);
      return scene.election.nextDeadline();
    };
    expect(wait({ [A]: 10, [B]: 50, [C]: 0 })).toBe(2000);
    expect(wait({ [A]: 50, [B]: 10, [C]: 0 })).toBe(3000);
  });

  it('a nominee polls for itself and takes the first majority', () => {
    const scene = new Scene();
    expect(scene.hear(B, { kind: 'Nominate', term: 0 })).toContain('becomes polling (no leader heard)');
    expect(scene.answerPoll(C)).toContain('becomes candidate (majority would vote)');
  });
});

describe('rule 3, the vote', () => {
  it('is durable before anybody hears of it', () => {
    const scene = new Scene();
    expect(scene.hear(B, { kind: 'Vote', term: 1, campaignId: 1, releasedTerm: 0 })).toEqual([
      'persist term 1 vote B',
      'to B: VoteResp term 1, yes',
    ]);
  });

  it('is given once a term', () => {
    const scene = new Scene();
    scene.hear(B, { kind: 'Vote', term: 1, campaignId: 1, releasedTerm: 0 });
    expect(scene.hear(C, { kind: 'Vote', term: 1, campaignId: 1, releasedTerm: 0 })).toEqual([
      'to C: VoteResp term 1, no',
    ]);
    expect(scene.hear(B, { kind: 'Vote', term: 1, campaignId: 1, releasedTerm: 0 })).toEqual([
      'to B: VoteResp term 1, yes',
    ]);
  });

  it('is remembered over a restart', () => {
    const scene = new Scene({ durable: { term: 4, votedFor: B, recovering: false } });
    scene.wait(2000);
    expect(scene.hear(C, { kind: 'Vote', term: 4, campaignId: 1, releasedTerm: 0 })).toEqual([
      'to C: VoteResp term 4, no',
    ]);
  });

  it('is taken for given in a term that somebody has claimed, whatever an older copy of the file says', () => {
    const scene = new Scene({ durable: { term: 4, votedFor: null, recovering: false }, storeTerm: 4 });
    scene.wait(2000);
    expect(scene.hear(C, { kind: 'Vote', term: 4, campaignId: 1, releasedTerm: 0 })).toEqual([
      'to C: VoteResp term 4, no',
    ]);
  });

  it('of a majority makes the leader, who announces itself', () => {
    const scene = new Scene();
    scene.step({ kind: 'cpu', percent: 0 });
    scene.tick();
    scene.answerPoll(B);
    expect(scene.answerPoll(C)).toEqual([
      'persist term 1 vote A',
      'to B: Vote term 1',
      'to C: Vote term 1',
      'becomes candidate (idlest of a majority)',
    ]);
    expect(scene.vote(C)).toEqual([
      'claims term 1',
      'to B: LeaderAnnounce term 1',
      'to C: LeaderAnnounce term 1',
      'becomes leader (majority)',
    ]);
  });

  it('refused by a majority ends the candidacy', () => {
    const scene = new Scene();
    scene.hear(B, { kind: 'Nominate', term: 0 });
    scene.answerPoll(C);
    scene.refuseVote(B);
    expect(scene.refuseVote(C)).toEqual(['becomes follower (majority refused)']);
  });

  it('of an earlier campaign counts for nothing', () => {
    const scene = new Scene();
    scene.hear(B, { kind: 'Nominate', term: 0 });
    scene.answerPoll(C);
    const { term } = scene.election;
    expect(scene.hear(B, { kind: 'VoteResp', term, campaignId: 999, granted: true })).toEqual([]);
    expect(scene.role).toBe('candidate');
  });

  it('is asked for again while there is no answer', () => {
    const scene = new Scene();
    scene.hear(B, { kind: 'Nominate', term: 0 });
    scene.answerPoll(C);
    scene.refuseVote(C);
    expect(scene.tick()).toEqual(['to B: Vote term 1']);
  });
});

describe('rule 4, the lease', () => {
  it('begins with the first acknowledgement of a majority, and counts from the sending', () => {
    const scene = new Scene();
    scene.lead();
    expect(scene.hasLease).toBe(false);
    const announcedAt = scene.now;
    scene.now += 100;
    scene.ack(B);
    expect(scene.hasLease).toBe(true);
    expect(scene.election.leaseEnd() - announcedAt).toBeCloseTo((2000 * 0.99) / 1.01);
  });

  it('is not prolonged by a stale acknowledgement', () => {
    const scene = new Scene();
    scene.lead();
    scene.ack(B);
    const end = scene.election.leaseEnd();
    scene.wait(1000);
    scene.hear(B, { kind: 'HeartbeatAck', term: 1, seq: 1, cpuPercent: 0, httpUrl: 'http://b' });
    expect(scene.election.leaseEnd()).toBe(end);
  });

  it('binds whoever acknowledged: no vote for another, nor the other’s term', () => {
    const scene = new Scene();
    expect(scene.heartbeat(B, 1)).toEqual(['persist term 1 vote B', 'to B: HeartbeatAck term 1']);
    scene.wait(1999);
    expect(scene.hear(C, { kind: 'Vote', term: 2, campaignId: 1, releasedTerm: 0 })).toEqual([
      'to C: VoteResp term 1, no',
    ]);
    scene.now += 1;
    expect(scene.hear(C, { kind: 'Vote', term: 2, campaignId: 1, releasedTerm: 0 })).toContain(
      'to C: VoteResp term 2, yes',
    );
  });

  it('binds a restarted node that may have promised', () => {
    const scene = new Scene({ durable: { term: 1, votedFor: B, recovering: false } });
    scene.wait(1999);
    expect(scene.hear(C, { kind: 'Vote', term: 2, campaignId: 1, releasedTerm: 0 })).toEqual([
      'to C: VoteResp term 1, no',
    ]);
  });
});

describe('rule 5, check-quorum', () => {
  it('deposes a leader that hears no majority, and it says so', () => {
    const scene = new Scene();
    scene.lead();
    scene.wait(1999);
    expect(scene.role).toBe('leader');
    expect(scene.wait(1)).toEqual([
      'to B: StepDown term 1',
      'to C: StepDown term 1',
      'becomes follower (no majority answers)',
    ]);
  });
});

describe('rule 6, the release token', () => {
  it('frees a follower from its promise to that term', () => {
    const scene = new Scene();
    scene.heartbeat(B, 3);
    expect(scene.hear(C, { kind: 'Vote', term: 4, campaignId: 1, releasedTerm: 3 })).toContain(
      'to C: VoteResp term 4, yes',
    );
  });

  it('does not free it from a promise to a later term', () => {
    const scene = new Scene();
    scene.heartbeat(B, 3);
    expect(scene.hear(C, { kind: 'Vote', term: 4, campaignId: 1, releasedTerm: 2 })).toContain(
      'to C: VoteResp term 3, no',
    );
  });

  it('lets the named successor stand at once', () => {
    const scene = new Scene();
    scene.heartbeat(B, 3);
    expect(scene.hear(B, { kind: 'Handover', term: 3, moves: 1, cause: 'idler' })).toContain(
      'becomes candidate (handed over by B)',
    );
  });

  it('is believed from the leader alone', () => {
    const scene = new Scene();
    scene.heartbeat(B, 3);
    expect(scene.hear(C, { kind: 'Handover', term: 3, moves: 1, cause: 'idler' })).toEqual([]);
  });

  it('is given up before the successor is told, for ever', () => {
    const scene = new Scene();
    scene.lead();
    scene.ack(B);
    expect(scene.step({ kind: 'stop' })).toEqual(['to B: Handover term 1']);
    expect(scene.hasLease).toBe(false);
    scene.ack(B);
    expect(scene.hasLease).toBe(false);
  });
});

describe('rule 6a, the end of the leader’s process', () => {
  const loads = { [A]: 10, [B]: 50, [C]: 0 };

  it('releases its lease, so that the idlest asks at once', () => {
    const scene = new Scene();
    scene.heartbeat(C, 3, loads);
    scene.wait(100);
    expect(scene.step({ kind: 'ended', peer: C, process: 'p1' })).toEqual([]);
    expect(scene.election.nextDeadline()).toBe(100);
    expect(scene.tick()).toContain('to B: GetCpu term 3');
    expect(scene.answerPoll(B, { cpuPercent: 50 })).toContain('to B: Vote term 4');
  });

  it('frees the others, too, by the token that its survivor passes on', () => {
    const scene = new Scene();
    scene.heartbeat(C, 3, loads);
    scene.step({ kind: 'ended', peer: C, process: 'p1' });
    const polls = scene.sent(() => scene.tick());
    expect(polls).toContainEqual(expect.objectContaining({ kind: 'GetCpu', releasedTerm: 3 }));
  });

  it('leaves the idler ones time to be elected first', () => {
    const scene = new Scene();
    scene.heartbeat(C, 3, { [A]: 50, [B]: 10, [C]: 0 });
    scene.step({ kind: 'ended', peer: C, process: 'p1' });
    expect(scene.election.nextDeadline()).toBe(25);
  });

  it('means nothing when it was a process before the one that leads', () => {
    const scene = new Scene();
    scene.heartbeat(C, 3, loads, 'p2');
    scene.step({ kind: 'ended', peer: C, process: 'p1' });
    expect(scene.election.nextDeadline()).toBe(2000);
    expect(scene.hear(B, { kind: 'Vote', term: 4, campaignId: 1, releasedTerm: 0 })).toContain(
      'to B: VoteResp term 3, no',
    );
  });

  it('means nothing when another leads', () => {
    const scene = new Scene();
    scene.heartbeat(B, 2, loads, 'p1');
    scene.heartbeat(C, 3, loads, 'p1');
    scene.step({ kind: 'ended', peer: B, process: 'p1' });
    expect(scene.hear(B, { kind: 'Vote', term: 4, campaignId: 1, releasedTerm: 0 })).toContain(
      'to B: VoteResp term 3, no',
    );
  });

  it('does not free a restarted node from what it may have promised another', () => {
    const scene = new Scene({ durable: { term: 3, votedFor: C, recovering: false } });
    scene.step({ kind: 'ended', peer: C, process: 'p1' });
    expect(scene.hear(B, { kind: 'Vote', term: 4, campaignId: 1, releasedTerm: 0 })).toContain(
      'to B: VoteResp term 3, no',
    );
  });
});

describe('rule 7, leadership moves', () => {
  /** A leads for 20 s under this load, B idles and C is half busy; returns what A did. B may fall silent. */
  function leadUnderLoad(scene: Scene, cpuPercent: number, silentFrom?: string): string[] {
    const seen: string[] = [];
    scene.lead();
    while (scene.now < 20_000 && scene.role === 'leader') {
      scene.step({ kind: 'cpu', percent: cpuPercent });
      if (silentFrom === undefined || !seen.includes(silentFrom)) scene.ack(B, 0);
      scene.ack(C, 50);
      seen.push(...scene.wait(200));
    }
    return seen;
  }

  it('to a much idler node when the term is reviewed', () => {
    const scene = new Scene();
    const seen = leadUnderLoad(scene, 100);
    expect(seen).toContain('to B: Handover term 1');
    expect(seen).not.toContain('to C: Handover term 1');
  });

  it('not to one that is only a little idler', () => {
    const scene = new Scene();
    expect(leadUnderLoad(scene, 25)).not.toContain('to B: Handover term 1');
    expect(scene.role).toBe('leader');
  });

  it('back in a new term when the successor stays silent', () => {
    const seen = leadUnderLoad(new Scene(), 100, 'to B: Handover term 1');
    expect(seen).toContain('becomes candidate (B did not take over)');
    expect(seen).toContain('persist term 3 vote A');
  });

  it('on leaving, and a leaving node stands no more', () => {
    const scene = new Scene();
    scene.lead();
    scene.ack(C);
    expect(scene.step({ kind: 'stop' })).toEqual(['to C: Handover term 1']);
    expect(scene.wait(60_000)).toContain('becomes follower (C did not take over)');
    expect(scene.role).toBe('follower');
  });

  it('with the leader’s own vote, made durable while the successor stands', () => {
    const scene = new Scene();
    scene.lead();
    scene.ack(C);
    expect(scene.step({ kind: 'stop' })).toEqual(['to C: Handover term 1']);
    expect(scene.wait(0)).toEqual(['persist term 2 vote C']);
    // No write stands between the successor's question and the answer.
    expect(scene.hear(C, { kind: 'Vote', term: 2, campaignId: 9, releasedTerm: 1 })).toEqual([
      'to C: VoteResp term 2, yes',
      'becomes follower (voted for C)',
    ]);
  });

  it('whose vote is told to nobody who does not stand yet, or a lost disk could forget it for all', () => {
    const scene = new Scene();
    scene.lead();
    scene.ack(C);
    scene.step({ kind: 'stop' });
    // The successor is slow to stand, or never hears of it.
    expect(scene.wait(900).filter((line) => line.includes('VoteResp'))).toEqual([]);
    expect(scene.hear(B, { kind: 'Vote', term: 2, campaignId: 9, releasedTerm: 1 })).toEqual([
      'to B: VoteResp term 2, no',
    ]);
  });

  it('and releases its own term, not the one it voted in, when the successor is lost', () => {
    const scene = new Scene();
    scene.lead();
    scene.ack(C);
    scene.step({ kind: 'stop' });
    expect(scene.wait(60_000)).toContain('to B: StepDown term 1');
  });

  it('to nobody when nobody is there, and says so', () => {
    const scene = new Scene();
    scene.lead();
    expect(scene.step({ kind: 'stop' })).toContain('becomes follower (stopping)');
  });
});

describe('rule 8, the fence', () => {
  it('deposes a leader whose claim the store refused', () => {
    const scene = new Scene();
    scene.lead();
    scene.ack(B);
    expect(scene.step({ kind: 'fence', term: 1 })).toEqual([
      'persist term 1 vote spent',
      'becomes follower (refused by the store)',
    ]);
    expect(scene.hasLease).toBe(false);
  });

  it('is claimed by a named successor while it stands', () => {
    const scene = new Scene();
    scene.heartbeat(B, 3);
    expect(scene.hear(B, { kind: 'Handover', term: 3, moves: 1, cause: 'idler' })).toEqual([
      'claims term 4',
      'persist term 4 vote A',
      'to B: Vote term 4',
      'to C: Vote term 4',
      'becomes candidate (handed over by B)',
    ]);
  });

  it('ends a candidacy whose claim was refused, and its votes count no more', () => {
    const scene = new Scene();
    scene.heartbeat(B, 3);
    scene.hear(B, { kind: 'Handover', term: 3, moves: 1, cause: 'idler' });
    expect(scene.step({ kind: 'fence', term: 4 })).toEqual([
      'persist term 4 vote spent',
      'becomes follower (refused by the store)',
    ]);
    expect(scene.vote(C)).toEqual([]);
  });

  it('is passed by a restarted node that knows the store’s term', () => {
    const scene = new Scene({ durable: { term: 2, votedFor: null, recovering: false }, storeTerm: 9 });
    scene.tick();
    expect(scene.answerPoll(B, { cpuPercent: 90 })).toEqual([]);
    expect(scene.answerPoll(C, { cpuPercent: 90 })).toContain('persist term 10 vote A');
  });
});

describe('rule 9, a lost disk', () => {
  const lost = { storeTerm: 7 };

  it('asks every other member for its term and votes for nobody meanwhile', () => {
    const scene = new Scene(lost);
    expect(scene.tick()).toEqual(['to B: Recover', 'to C: Recover']);
    scene.wait(10_000);
    expect(scene.hear(B, { kind: 'Vote', term: 9, campaignId: 1, releasedTerm: 0 })).toEqual([
      'to B: VoteResp term 7, no',
    ]);
    expect(scene.role).toBe('follower');
  });

  it('comes back with the highest term and its vote in it spent', () => {
    const scene = new Scene(lost);
    scene.tick();
    expect(scene.hear(B, { kind: 'RecoverResp', requestId: scene.recoveryId, term: 8 })).toEqual([]);
    expect(scene.hear(C, { kind: 'RecoverResp', requestId: scene.recoveryId, term: 12 })).toEqual([
      'persist term 12 vote spent',
    ]);
    scene.wait(2000);
    expect(scene.hear(B, { kind: 'Vote', term: 12, campaignId: 1, releasedTerm: 0 })).toContain(
      'to B: VoteResp term 12, no',
    );
    expect(scene.hear(B, { kind: 'Vote', term: 13, campaignId: 1, releasedTerm: 0 })).toContain(
      'to B: VoteResp term 13, yes',
    );
  });

  it('is not talked out of the promise it may have forgotten', () => {
    const scene = new Scene(lost);
    scene.tick();
    for (const peer of [B, C]) {
      scene.hear(peer, { kind: 'RecoverResp', requestId: scene.recoveryId, term: 8 });
    }
    expect(scene.hear(C, { kind: 'Vote', term: 9, campaignId: 1, releasedTerm: 5 })).toEqual([
      'to C: VoteResp term 8, no',
    ]);
  });

  it('is told from a new node by the store alone', () => {
    const fresh = new Scene({ storeTerm: 0 });
    expect(fresh.hear(B, { kind: 'Vote', term: 1, campaignId: 1, releasedTerm: 0 })).toContain(
      'to B: VoteResp term 1, yes',
    );
  });
});

describe('rule 10, a cluster of one', () => {
  it('leads at once, for good', () => {
    const scene = new Scene({}, { this_node: A });
    expect(scene.tick()).toEqual([
      'claims term 1',
      'persist term 1 vote A',
      'becomes candidate (alone)',
      'becomes leader (majority)',
    ]);
    scene.wait(100_000);
    expect(scene.hasLease).toBe(true);
  });

  it('leads above the store’s term after losing its disk', () => {
    const scene = new Scene({ storeTerm: 7 }, { this_node: A });
    expect(scene.tick()).toContain('persist term 8 vote A');
  });
});

describe('a lost link', () => {
  it('to the leader makes a follower poll as soon as its promise has run out', () => {
    const scene = new Scene();
    scene.heartbeat(C, 1, { [A]: 50, [B]: 10, [C]: 0 });
    scene.step({ kind: 'linkLost', peer: C });
    expect(scene.election.nextDeadline()).toBe(2000);
  });

  it('to another member means nothing', () => {
    const scene = new Scene();
    scene.heartbeat(C, 1, { [A]: 50, [B]: 10, [C]: 0 });
    scene.step({ kind: 'linkLost', peer: B });
    expect(scene.election.nextDeadline()).toBe(3000);
  });
});

describe('what a node knows', () => {
  it('is nothing of those it never heard of', () => {
    expect(new Scene().election.view(0).nodes).toEqual([
      { id: A, url: 'http://127.0.0.1:8000', cpuPercent: 50, term: 0, lagMs: null, ageMs: 0, fresh: true },
      { id: B, url: null, cpuPercent: null, term: null, lagMs: null, ageMs: null, fresh: false },
      { id: C, url: null, cpuPercent: null, term: null, lagMs: null, ageMs: null, fresh: false },
    ]);
  });

  it('comes from the leader’s table, too, and grows old', () => {
    const scene = new Scene();
    scene.heartbeat(B, 1, { [B]: 20, [C]: 30 });
    scene.now += 2500;
    const other = { id: C, url: `http://${C}`, cpuPercent: 30, term: 1, lagMs: 1, ageMs: 2500, fresh: true };
    expect(scene.election.view(scene.now).nodes[2]).toEqual(other);
    scene.now += 500;
    expect(scene.election.view(scene.now).nodes[2]).toEqual({ ...other, ageMs: 3000, fresh: false });
  });

  it('is the leader, until nothing was heard of it for the shortest election timeout', () => {
    const scene = new Scene();
    scene.heartbeat(B, 1);
    expect(scene.election.viewChangesAt()).toBe(2000);
    expect(scene.election.view(1999).leader).toBe(B);
    expect(scene.election.view(2000).leader).toBeNull();
  });

  it('is itself as leader only while its lease is valid', () => {
    const scene = new Scene();
    scene.lead();
    expect(scene.election.view(scene.now).leader).toBeNull();
    scene.ack(B);
    expect(scene.election.view(scene.now).leader).toBe(A);
  });
});

describe('past elections', () => {
  const causes = (scene: Scene) =>
    scene.election.view(scene.now).elections.map(({ term, leader, cause }) => [term, leader, cause]);

  it('are told with their cause and age, once each', () => {
    const scene = new Scene();
    scene.heartbeat(B, 1);
    scene.wait(500);
    scene.heartbeat(B, 1);
    expect(scene.election.view(700).elections).toEqual([{ term: 1, leader: B, cause: 'first', ageMs: 700 }]);
  });

  it.each<[string, (scene: Scene) => void, string]>([
    ['fell silent', (scene) => void scene.wait(2000), 'silence'],
    ['ended', (scene) => void scene.step({ kind: 'ended', peer: C, process: 'p1' }), 'ended'],
    [
      'stepped down',
      (scene) => void scene.hear(C, { kind: 'StepDown', term: 1, cause: 'no-quorum' }),
      'no-quorum',
    ],
  ])('tell that the leader before %s', (_, happens, cause) => {
    const scene = new Scene();
    scene.heartbeat(C, 1, { [A]: 0, [B]: 50, [C]: 0 });
    happens(scene);
    scene.tick();
    scene.answerPoll(B);
    scene.vote(B);
    expect(causes(scene)).toEqual([
      [1, C, 'first'],
      [2, A, cause],
    ]);
  });

  it('tell that it was handed over', () => {
    const scene = new Scene();
    scene.heartbeat(B, 3);
    scene.hear(B, { kind: 'Handover', term: 3, moves: 1, cause: 'stopping' });
    scene.vote(C);
    expect(causes(scene).at(-1)).toEqual([4, A, 'stopping']);
  });

  it('are forgotten when they are many', () => {
    const scene = new Scene();
    for (let term = 1; term <= ELECTIONS_REMEMBERED_MAX + 5; term++) scene.heartbeat(B, term);
    expect(causes(scene)).toHaveLength(ELECTIONS_REMEMBERED_MAX);
    expect(causes(scene)[0]?.[0]).toBe(6);
  });
});

describe('a term', () => {
  const far = TERM_JUMP_MAX + 8;
  const url = 'http://b';
  const beat = {
    process: 'p1',
    cause: 'first' as const,
    leadingMs: 0,
    seq: 1,
    nodes: [],
    leadingCostPoints: 0,
  };
  const leaps: Message[] = [
    { kind: 'LeaderAnnounce', term: far, ...beat },
    { kind: 'Heartbeat', term: far, ...beat },
    { kind: 'HeartbeatAck', term: far, seq: 1, cpuPercent: 0, httpUrl: url },
    { kind: 'Vote', term: far, campaignId: 1, releasedTerm: 0 },
    { kind: 'Vote', term: 8, campaignId: 1, releasedTerm: far },
    { kind: 'VoteResp', term: far, campaignId: 1, granted: false },
    { kind: 'GetCpu', term: far, pollId: 1, cpuPercent: 0, releasedTerm: 0 },
    { kind: 'GetCpu', term: 8, pollId: 1, cpuPercent: 0, releasedTerm: far },
    { kind: 'CpuResp', term: far, pollId: 1, cpuPercent: 0, grant: true, waitMs: 0, leader: null },
    { kind: 'Nominate', term: far },
    { kind: 'Handover', term: far, moves: 0, cause: 'idler' },
    { kind: 'StepDown', term: far, cause: 'stopping' },
    { kind: 'RecoverResp', requestId: 0, term: far },
  ];
  it.each(leaps)('beyond reach is refused, with all that $kind says', (leap) => {
    const durable = { term: 7, votedFor: null, recovering: false };
    const scene = new Scene({ durable, storeTerm: 7 });
    const before = scene.election.view(0);
    expect(scene.hear(B, leap)).toEqual([
      `refuses B: ${leap.kind} of term ${far}, over ${TERM_JUMP_MAX} above this node’s 7`,
    ]);
    expect(scene.election.view(0)).toEqual(before);
  });

  it('just within reach is taken over', () => {
    expect(new Scene().heartbeat(B, TERM_JUMP_MAX)).toContain(`persist term ${TERM_JUMP_MAX} vote B`);
  });

  it('after the last safe integer ends the node rather than be rounded', () => {
    const durable = { term: Number.MAX_SAFE_INTEGER, votedFor: null, recovering: false };
    const scene = new Scene({ durable }, { this_node: A });
    expect(() => scene.tick()).toThrow('beyond the safe integers');
  });
});

describe('the machine', () => {
  it('crashes rather than lead beside another leader of its term', () => {
    const scene = new Scene();
    scene.lead();
    expect(() => scene.heartbeat(B, 1)).toThrow(AppError);
  });

  it('crashes when its clock goes back', () => {
    const scene = new Scene({ now: 10 }, CLUSTER);
    expect(() => scene.step({ kind: 'tick' })).toThrow('clock went back from 10 to 0');
  });

  it('crashes when handed a message of a stranger', () => {
    expect(() => new Scene().heartbeat('x:1', 1)).toThrow('x:1 is no other member');
  });

  it('frees a member that is ahead in terms by standing above it', () => {
    const scene = new Scene();
    scene.lead();
    scene.ack(B);
    const ack = { kind: 'HeartbeatAck', term: 5, seq: 1, cpuPercent: 0, httpUrl: 'http://c' } as const;
    expect(scene.hear(C, ack)).toEqual([
      'persist term 6 vote A',
      'to B: Vote term 6',
      'to C: Vote term 6',
      'becomes candidate (a member is ahead in terms)',
    ]);
    expect(scene.hasLease).toBe(false);
  });
});
