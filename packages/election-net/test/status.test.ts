import type { ElectionView } from '@cloud-steg/election';
import { describe, expect, it } from 'vitest';
import { statusOf } from '../src/status.ts';

type Report = ElectionView['nodes'][number];

const [A, B, C] = ['127.0.0.1:5001', '127.0.0.1:5002', '127.0.0.1:5003'] as const;

function report(id: string, change: Partial<Report> = {}): Report {
  const url = `http://${id}`;
  return { id, url, cpuPercent: 20, term: 4, lagMs: null, ageMs: 300.4, fresh: true, ...change };
}

/** As `A` sees it, which leads term 4. */
function view(change: Partial<ElectionView> = {}): ElectionView {
  return {
    id: A,
    role: 'leader',
    term: 4,
    leader: A,
    nodes: [report(A, { ageMs: 0 }), report(C, { lagMs: 1.2345 }), report(B, { lagMs: 0.5 })],
    elections: [{ term: 4, leader: A, cause: 'ended', ageMs: 1234.5 }],
    ...change,
  };
}

const lineOf = (of: ElectionView, id: string) => statusOf(of).nodes.find((node) => node.id === id);

describe('the status of a node', () => {
  it('lists the members by address, with what is known of each', () => {
    expect(statusOf(view())).toEqual({
      id: A,
      role: 'leader',
      term: 4,
      leader: A,
      leaderUrl: `http://${A}`,
      nodes: [
        { id: A, url: `http://${A}`, role: 'leader', term: 4, cpuPercent: 20, lagMs: null, lastSeenMs: 0 },
        { id: B, url: `http://${B}`, role: 'follower', term: 4, cpuPercent: 20, lagMs: 0.5, lastSeenMs: 300 },
        {
          id: C,
          url: `http://${C}`,
          role: 'follower',
          term: 4,
          cpuPercent: 20,
          lagMs: 1.23,
          lastSeenMs: 300,
        },
      ],
      elections: [{ term: 4, leader: A, cause: 'ended', agoMs: 1235 }],
    });
  });

  it.each([
    ['was not heard of lately', view({ nodes: [report(A), report(B, { fresh: false, lagMs: 1 })] })],
    [
      'was heard of lately, but not since this leader was elected',
      view({ nodes: [report(A), report(B, { term: 3, lagMs: 1 })] }),
    ],
    [
      'was heard of lately, while nobody is known to lead',
      view({ role: 'follower', leader: null, nodes: [report(A), report(B, { lagMs: 1 })] }),
    ],
    [
      'led, and was not heard of lately',
      view({ role: 'follower', leader: B, nodes: [report(A), report(B, { fresh: false })] }),
    ],
  ])('says nothing of a member that %s, but when that was', (_, of) => {
    expect(lineOf(of, B)).toEqual({
      id: B,
      url: `http://${B}`,
      role: 'unknown',
      term: null,
      cpuPercent: null,
      lagMs: null,
      lastSeenMs: 300,
    });
  });

  it('is no leader without a valid lease, and a candidate while it polls or stands', () => {
    expect(statusOf(view({ leader: null })).role).toBe('candidate');
    expect(statusOf(view({ role: 'polling', leader: null })).role).toBe('candidate');
    expect(statusOf(view({ role: 'candidate', leader: null })).role).toBe('candidate');
  });

  it('knows itself, whoever leads', () => {
    const alone = view({ role: 'follower', leader: null, nodes: [report(A, { ageMs: 0 })] });
    expect(lineOf(alone, A)).toMatchObject({ role: 'follower', term: 4, cpuPercent: 20, lastSeenMs: 0 });
  });
});
