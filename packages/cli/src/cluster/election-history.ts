/** What several servers remember of past elections, as one history. */

import { ELECTIONS_REMEMBERED_MAX } from '@cloud-steg/protocol';
import type { ElectionLine } from './snapshot.ts';

/** One server's memory. `by` led in some of these terms, perhaps, and then knows them best. */
export interface Memory {
  readonly by: string | null;
  readonly elections: readonly ElectionLine[];
}

/**
 * One row a term, newest first; the winner's own word on the cause, and the earliest time anybody tells. Two rows
 * for a term that two are said to have won, which the rules of election exclude.
 */
export function mergeHistories(memories: readonly Memory[]): ElectionLine[] {
  const rows = new Map<string, ElectionLine>();
  for (const { by, elections } of memories) {
    for (const election of elections) {
      const key = `${election.term} ${election.leader}`;
      const known = rows.get(key);
      const cause = known && by !== election.leader ? known.cause : election.cause;
      rows.set(key, { ...election, cause, at: Math.min(election.at, known?.at ?? election.at) });
    }
  }
  return [...rows.values()]
    .sort((a, b) => b.term - a.term || (a.leader < b.leader ? -1 : 1))
    .slice(0, ELECTIONS_REMEMBERED_MAX);
}

/** Terms without an election among `rows`, which are newest first: `before` the row with that index. */
export interface Gap {
  readonly before: number;
  readonly from: number;
  readonly to: number;
}

/** The last gap is what came before the oldest row. */
export function gapsIn(rows: readonly ElectionLine[]): Gap[] {
  return rows.flatMap(({ term }, i) => {
    const older = rows[i + 1]?.term ?? 0;
    return term - older > 1 ? [{ before: i + 1, from: older + 1, to: term - 1 }] : [];
  });
}

/** Terms that two nodes are said to have won. */
export function doubleTerms(rows: readonly ElectionLine[]): { term: number; leaders: string[] }[] {
  const terms = new Map<number, string[]>();
  for (const { term, leader } of rows) terms.set(term, [...(terms.get(term) ?? []), leader]);
  return [...terms].flatMap(([term, leaders]) => (leaders.length > 1 ? [{ term, leaders }] : []));
}
