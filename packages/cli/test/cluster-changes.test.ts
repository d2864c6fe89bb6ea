import { describe, expect, it } from 'vitest';
import { changeJson, changeLine } from '../src/cluster/change-wording.ts';
import { type Change, ClusterChanges } from '../src/cluster/cluster-changes.ts';
import type { ServerAnswer } from '../src/cluster/servers-asked.ts';
import type { ClusterSnapshot } from '../src/cluster/snapshot.ts';
import { takeSnapshot } from '../src/cluster/take-snapshot.ts';
import { A, AT, B, C, election, lost, member, OTHER_KEY, says, silent, urlOf } from './cluster-answers.ts';

type Look = readonly ServerAnswer[];

/** What is told at each look after the first, one look a second. */
function changesOver(...looks: readonly Look[]): Change[][] {
  const changes = new ClusterChanges();
  let previous: ClusterSnapshot | undefined;
  const told = looks.map((answers, i) => {
    const at = AT + i * 1_000;
    previous = takeSnapshot(
      answers.map((answer) => ({ ...answer, at })),
      at,
      { previous },
    );
    return changes.take(previous);
  });
  return told.slice(1);
}

/** The same in words, without the times. */
function linesOver(...looks: readonly Look[]): string[][] {
  return changesOver(...looks).map((changes) =>
    changes.map((change) => changeLine(change).slice('YYYY-MM-DD hh:mm:ss  '.length)),
  );
}

const HEALTHY = [says(A, A), says(B, A), says(C, A)];
const PAST = [election(4, A)];
/** A is gone, B leads term 5. */
const FAILED_OVER = [
  silent(A),
  says(B, B, {
    term: 5,
    others: [lost(A), member(C, { term: 5 })],
    elections: [...PAST, election(5, B, { cause: 'ended' })],
  }),
  says(C, B, { term: 5, others: [lost(A), member(B, { term: 5, role: 'leader' })] }),
];
const LEADERLESS = [silent(A), says(B, null), says(C, null)];

describe('what happened', () => {
  it('is nothing while nothing does', () => {
    expect(changesOver(HEALTHY, HEALTHY, HEALTHY)).toEqual([[], []]);
  });

  it('tells a failover once: who was lost, who leads now, and why', () => {
    const healthy = [says(A, A, { elections: PAST }), says(B, A, { elections: PAST }), says(C, A)];
    expect(linesOver(healthy, FAILED_OVER, FAILED_OVER)).toEqual([
      [
        `${A} lost: was leader, last heard 1.0 s ago (refused)`,
        `leader: ${B}, term 5: ${A}’s process ended`,
        `warning: ${A} does not answer at ${urlOf(A)} (refused); last heard 1.0 s ago`,
      ],
      [],
    ]);
  });

  it('tells that nobody leads, then who does', () => {
    const [gone = [], back = []] = linesOver(HEALTHY, LEADERLESS, FAILED_OVER);
    expect(gone).toContain(`no leader: ${A} leads no more`);
    expect(gone).toContain(`${B}: follower → candidate`);
    expect(back.filter((line) => line.startsWith('leader'))).toEqual([
      `leader: ${B}, term 5: ${A}’s process ended`,
    ]);
  });

  it('tells every election that was won between two looks', () => {
    const elections = [...PAST, election(5, B), election(6, C, { cause: 'idler' })];
    const after = [says(C, C, { term: 6, elections }), says(A, C, { term: 6 }), says(B, C, { term: 6 })];
    expect(linesOver([says(A, A, { elections: PAST }), says(B, A), says(C, A)], after)).toEqual([
      [`leader: ${B}, term 5: ${A} fell silent`, `leader: ${C}, term 6: ${B} handed over to an idler node`],
    ]);
  });

  it('tells a new leader even where nobody remembers why', () => {
    const after = [says(A, B, { term: 5 }), says(B, B, { term: 5 }), says(C, B, { term: 5 })];
    expect(linesOver(HEALTHY, after)).toEqual([[`leader: ${B}, term 5`]]);
  });

  it('tells a leader that leads again in the same term', () => {
    const [, again] = linesOver(HEALTHY, LEADERLESS, HEALTHY);
    expect(again).toContain(`leader: ${A}, term 4`);
  });

  it('tells a node lost and back', () => {
    const without = [says(A, A, { others: [member(B), lost(C)] }), says(B, A), silent(C)];
    expect(linesOver(HEALTHY, without, HEALTHY)).toEqual([
      [
        `${C} lost: was follower, last heard 0.4 s ago (refused)`,
        `warning: ${C} does not answer at ${urlOf(C)} (refused); last heard 0.4 s ago`,
      ],
      [`${C} is there: follower`, `over: ${C} answers at ${urlOf(C)}`],
    ]);
  });

  it('tells that a silent server is heard by others, and only once, whoever still hears it', () => {
    const heard = [says(A, A), says(B, A), silent(C)];
    const unheard = [says(A, A, { others: [member(B), lost(C)] }), says(B, A), silent(C)];
    const [first = [], second = []] = linesOver(HEALTHY, heard, unheard);
    expect(first).toEqual([
      `warning: ${C} does not answer at ${urlOf(C)} (refused), but ${A} heard it 0.4 s ago`,
    ]);
    expect(second.filter((line) => line.startsWith('warning'))).toEqual([]);
  });

  it('tells a disagreement once, and its end', () => {
    const split = [says(A, A), says(B, A), says(C, null)];
    const [first = [], second, third] = linesOver(HEALTHY, split, split, HEALTHY);
    expect(first.join('\n')).toContain(
      `warning: The servers don’t agree on who leads: ${A} says it does itself`,
    );
    expect(second).toEqual([]);
    expect(third).toContain('over: the servers agree on who leads');
  });

  it('of a time without any answer is that time alone', () => {
    const down = [silent(A), silent(B), silent(C)];
    expect(linesOver(HEALTHY, down, down, down, HEALTHY)).toEqual([
      ['no server answers'],
      [],
      [],
      ['servers answer again, after 4.0 s'],
    ]);
  });

  it('during a time without any answer is told after it', () => {
    const down = [silent(A), silent(B), silent(C)];
    const [, after = []] = linesOver(
      [says(A, A, { elections: PAST }), says(B, A), says(C, A)],
      down,
      FAILED_OVER,
    );
    expect(after[0]).toBe('servers answer again, after 2.0 s');
    expect(after).toContain(`leader: ${B}, term 5: ${A}’s process ended`);
  });

  it('is told from the first answer on where there was none at first', () => {
    const down = [silent(A), silent(B), silent(C)];
    expect(linesOver(down, down, HEALTHY)).toEqual([[], ['servers answer again, after 2.0 s']]);
  });

  it('has one JSON object each, warnings with their words', () => {
    const strange = [says(A, A), says(B, A), says(C, A, { cluster_key: OTHER_KEY })];
    const [changes = []] = changesOver(HEALTHY, strange);
    expect(changes.map(changeJson)).toEqual([
      {
        event: 'warning',
        at: AT + 1_000,
        kind: 'another-cluster',
        url: urlOf(C),
        clusterKey: OTHER_KEY,
        text: `${urlOf(C)} belongs to another cluster (key ElseElse…) and was not counted`,
      },
    ]);
    const [failover = []] = changesOver([says(A, A, { elections: PAST })], FAILED_OVER);
    expect(failover.map(changeJson)).toContainEqual({
      event: 'leader',
      at: AT + 1_000,
      leader: B,
      term: 5,
      cause: 'ended',
      before: A,
    });
  });
});
