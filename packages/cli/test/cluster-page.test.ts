import { describe, expect, it } from 'vitest';
import { clusterPage } from '../src/cluster/cluster-page.ts';
import { causeWords, formatAge, formatLag } from '../src/cluster/cluster-wording.ts';
import type { ServerAnswer } from '../src/cluster/servers-asked.ts';
import { paint, type Tone, widthOf } from '../src/cluster/styled-text.ts';
import { type SnapshotOptions, takeSnapshot } from '../src/cluster/take-snapshot.ts';
import { A, AT, B, C, election, lost, member, OTHER_KEY, says, silent, urlOf } from './cluster-answers.ts';

function linesOf(
  answers: readonly ServerAnswer[],
  columns = Number.POSITIVE_INFINITY,
  options: SnapshotOptions = {},
) {
  return clusterPage(takeSnapshot(answers, AT, options), columns);
}

/** Local times as `hh:mm:ss`, so that the page is the same in every time zone. */
function pageOf(...given: Parameters<typeof linesOf>): string {
  const text = linesOf(...given)
    .map((line) => paint(line, false).trimEnd())
    .join('\n');
  return `\n${text.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'YYYY-MM-DD hh:mm:ss')}\n`;
}

const PAST = [
  election(1, B, { cause: 'first', agoMs: 9_000_000 }),
  election(2, A, { cause: 'idler', agoMs: 3_000_000 }),
  election(4, C, { cause: 'silence', agoMs: 100_000 }),
];

describe('the page', () => {
  it('of a healthy cluster', () => {
    const elections = [...PAST, election(5, A, { cause: 'ended', agoMs: 800 })];
    const page = pageOf([
      says(A, A, { term: 5, elections }),
      says(B, A, { term: 5 }),
      says(C, A, { term: 5 }),
    ]);
    expect(page).toBe(`
Leader  10.0.0.1:5001 at http://10.0.0.1:8000, term 5
Quorum  3 of 3 nodes in touch with the leader, 2 needed: 1 more may fail

NODE           ROLE      TERM   CPU     LAG  LAST SEEN  HTTP     ADDRESS
10.0.0.1:5001  leader       5  20 %       –        now  answers  http://10.0.0.1:8000
10.0.0.2:5001  follower     5  20 %  1.5 ms        now  answers  http://10.0.0.2:8000
10.0.0.3:5001  follower     5  20 %  1.5 ms        now  answers  http://10.0.0.3:8000

TERM  ELECTED        AT                      AGO  WHY
   5  10.0.0.1:5001  YYYY-MM-DD hh:mm:ss   0.8 s  10.0.0.3:5001’s process ended
   4  10.0.0.3:5001  YYYY-MM-DD hh:mm:ss   100 s  the leader fell silent
   · term 3: nobody was elected, or nobody who answers remembers
   2  10.0.0.1:5001  YYYY-MM-DD hh:mm:ss  50 min  10.0.0.2:5001 handed over to an idler node
   1  10.0.0.2:5001  YYYY-MM-DD hh:mm:ss     2 h  nobody had led before
`);
  });

  it('of a cluster that lost a node', () => {
    const answers = [
      says(A, A, { others: [member(B), lost(C)] }),
      says(B, A, { others: [member(A), lost(C)] }),
      silent(C),
    ];
    expect(pageOf(answers)).toBe(`
Leader  10.0.0.1:5001 at http://10.0.0.1:8000, term 4
Quorum  2 of 3 nodes in touch with the leader, 2 needed: no more may fail

NODE           ROLE      TERM   CPU     LAG  LAST SEEN  HTTP     ADDRESS
10.0.0.1:5001  leader       4  20 %       –        now  answers  http://10.0.0.1:8000
10.0.0.2:5001  follower     4  20 %  1.5 ms        now  answers  http://10.0.0.2:8000
10.0.0.3:5001  unknown      ?     ?       ?   12 s ago  refused  http://10.0.0.3:8000

! 10.0.0.3:5001 does not answer at http://10.0.0.3:8000 (refused); last heard 12 s ago
`);
  });

  it('of a leader that others hear and that does not answer', () => {
    expect(pageOf([silent(A, 'timed out'), says(B, A), says(C, A)])).toBe(`
Leader  10.0.0.1:5001 does not answer (timed out); 10.0.0.2:5001 and 10.0.0.3:5001 take it for the leader (term 4)
Quorum  2 of 3 nodes answer here, 2 are needed to elect a leader

NODE           ROLE      TERM   CPU     LAG  LAST SEEN  HTTP       ADDRESS
10.0.0.1:5001  leader       4  20 %       –  0.4 s ago  timed out  http://10.0.0.1:8000
10.0.0.2:5001  follower     4  20 %  1.5 ms        now  answers    http://10.0.0.2:8000
10.0.0.3:5001  follower     4  20 %  1.5 ms        now  answers    http://10.0.0.3:8000

! 10.0.0.1:5001 does not answer at http://10.0.0.1:8000 (timed out), but 10.0.0.2:5001 heard it 0.4 s ago
`);
  });

  it('of a split: the minority is told apart, and what it says', () => {
    const cutOff = says(C, null, { others: [lost(A), lost(B)] });
    const answers = [
      says(A, A, { others: [member(B), lost(C)] }),
      says(B, A, { others: [member(A), lost(C)] }),
      cutOff,
    ];
    expect(pageOf(answers)).toBe(`
Leader  10.0.0.1:5001 at http://10.0.0.1:8000, term 4
Quorum  2 of 3 nodes in touch with the leader, 2 needed: no more may fail

NODE           ROLE       TERM   CPU     LAG  LAST SEEN  HTTP     ADDRESS
10.0.0.1:5001  leader        4  20 %       –        now  answers  http://10.0.0.1:8000
10.0.0.2:5001  follower      4  20 %  1.5 ms        now  answers  http://10.0.0.2:8000
10.0.0.3:5001  candidate     4  20 %       ?        now  answers  http://10.0.0.3:8000

! The servers don’t agree on who leads: 10.0.0.1:5001 says it does itself (term 4); 10.0.0.2:5001 says 10.0.0.1:5001 (term 4); 10.0.0.3:5001 knows of none (term 4)
! 10.0.0.3:5001 answers here, but 10.0.0.1:5001 last heard it 12 s ago: if this lasts, look at the network between them
`);
  });

  it('of a cluster without a majority', () => {
    expect(pageOf([says(A, null), silent(B), silent(C)])).toContain(`
Leader  none (term 4): too few nodes answer here to elect one
Quorum  1 of 3 nodes answer here, 2 are needed to elect a leader
`);
    expect(pageOf([says(A, null), says(B, null), silent(C)])).toContain(
      'none (term 4): an election is under way',
    );
  });

  it('while nobody answers any more', () => {
    const earlier = AT - 12_000;
    const answers = [says(A, A), says(B, A), says(C, A)].map((answer) => ({ ...answer, at: earlier }));
    const previous = takeSnapshot(answers, earlier);
    const down = [silent(A), silent(B), silent(C)];
    expect(pageOf(down, Number.POSITIVE_INFINITY, { previous })).toBe(`
Leader  unknown: no server has answered for 12 s

NODE           ROLE     TERM  CPU  LAG  LAST SEEN  HTTP     ADDRESS
10.0.0.1:5001  unknown     ?    ?    ?   12 s ago  refused  http://10.0.0.1:8000
10.0.0.2:5001  unknown     ?    ?    ?   12 s ago  refused  http://10.0.0.2:8000
10.0.0.3:5001  unknown     ?    ?    ?   12 s ago  refused  http://10.0.0.3:8000
`);
  });

  it('of one server’s word: others were not asked', () => {
    const page = pageOf([says(B, A)]);
    expect(page).toContain('so says 10.0.0.2:5001; it was not asked itself');
    expect(page).toMatch(/10\.0\.0\.3:5001 {2}follower .* 0\.4 s ago {2}not asked/);
  });

  it('flags another cluster, a refused claim, a stray address and a double term', () => {
    expect(pageOf([says(A, A), says(B, B, { cluster_key: OTHER_KEY })])).toContain(
      `! ${urlOf(B)} belongs to another cluster (key ElseElse…) and was not counted`,
    );
    expect(pageOf([says(A, A, { is_leader: false }), says(B, A)])).toContain(
      'is elected (term 4) but does not serve yet: the store has not granted its claim',
    );
    expect(pageOf([says(A, A), silent('10.9.9.9:5001')])).toContain(
      '! No server at http://10.9.9.9:8000 (refused)',
    );
    const twice = [says(A, A, { elections: [election(4, A)] }), says(B, A, { elections: [election(4, B)] })];
    expect(pageOf(twice)).toContain('! Term 4 is said to have been won by 10.0.0.1:5001 and 10.0.0.2:5001');
  });

  it('shows the latest elections and says how many more there are', () => {
    const elections = Array.from({ length: 12 }, (_, i) => election(i + 3, A));
    const page = pageOf([says(A, A, { term: 14, elections })]);
    expect(page.match(/fell silent/g)).toHaveLength(8);
    expect(page).toContain('4 earlier with --json');
    expect(page).not.toContain('term 1 to 2');
  });
});

describe('on a terminal', () => {
  const answers = [says(A, A, { others: [member(B), lost(C)], elections: PAST }), says(B, A), silent(C)];

  it('every line fits, and role and last seen are the last to go', () => {
    for (const columns of [200, 80, 60, 40]) {
      const lines = linesOf(answers, columns);
      const table = lines.filter((line) => paint(line, false).startsWith('10.0.0.'));
      expect(table).toHaveLength(3);
      for (const line of table) {
        expect(paint(line, false)).toMatch(/leader|follower|unknown/);
        expect(widthOf(line)).toBeLessThanOrEqual(columns);
      }
    }
    expect(pageOf(answers, 40)).toContain('NODE           ROLE      LAST SEEN\n');
  });

  it('green is what a node says of itself; what is unknown is grey, what others say is neither', () => {
    const toneOf = (given: readonly ServerAnswer[], id: string, word: string): Tone | undefined => {
      const line = linesOf(given).find((spans) => spans.some(({ text }) => text === id));
      return line?.find(({ text }) => text === word)?.tone;
    };
    expect(toneOf(answers, A, 'leader')).toBe('leader');
    expect(toneOf(answers, B, 'follower')).toBe('good');
    expect(toneOf([says(A, A), says(B, A)], C, 'follower')).toBe('plain');
    expect(toneOf([says(A, A), silent(C)], C, 'follower')).toBe('warning');
    const waiting = says(B, null, { others: [lost(A), lost(C)] });
    if (waiting.kind !== 'answered') throw new Error('it answers');
    const nodes = waiting.status.nodes.map(
      (node) => ({ ...node, role: node.id === B ? 'follower' : node.role }) as const,
    );
    expect(toneOf([{ ...waiting, status: { ...waiting.status, nodes } }], B, 'follower')).toBe('warning');
    expect(toneOf([says(A, A, { others: [member(B), lost(C)] }), says(B, A)], C, 'unknown')).toBe('unknown');
    expect(paint([{ text: 'unknown', tone: 'unknown' }], true)).toBe('\u001b[90munknown\u001b[0m');
    expect(paint([{ text: 'unknown', tone: 'unknown' }], false)).toBe('unknown');
  });

  it('nothing that a server says is obeyed', () => {
    const evil = says(A, A, {
      others: [member('x\u001b[2J\u202e\u0007')],
      leader_url: 'http://x/\u001b[31m',
    });
    for (const line of linesOf([evil])) expect(paint(line, false)).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
  });
});

describe('words', () => {
  it('name who led before, where that is certain', () => {
    expect(causeWords('ended', A)).toBe('10.0.0.1:5001’s process ended');
    expect(causeWords('ended', undefined)).toBe('the leader’s process ended');
    expect(causeWords('stopping', A)).toBe('10.0.0.1:5001 was told to stop');
  });

  it('tell ages in the unit that fits', () => {
    expect([0, 940, 9_949, 12_000, 119_000, 180_000, 7_300_000, 200_000_000].map(formatAge)).toEqual([
      '0.0 s',
      '0.9 s',
      '9.9 s',
      '12 s',
      '119 s',
      '3 min',
      '2 h',
      '2 d',
    ]);
    expect([0.123, 3.14, 120.6].map(formatLag)).toEqual(['0.12 ms', '3.1 ms', '121 ms']);
  });
});
