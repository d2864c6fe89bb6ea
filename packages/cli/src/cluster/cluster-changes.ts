/** What happened between two snapshots. */

import type { ElectionCause, NodeRole } from '@cloud-steg/protocol';
import { leaderBefore } from './cluster-wording.ts';
import { type ClusterSnapshot, type Finding, leaderOf, type NodeLine } from './snapshot.ts';

export type Change =
  | {
      readonly event: 'leader';
      readonly at: number;
      readonly leader: string;
      readonly term: number;
      /** Null where no server that answers remembers. */
      readonly cause: ElectionCause | null;
      readonly before: string | null;
    }
  | { readonly event: 'no-leader'; readonly at: number; readonly before: string }
  | {
      readonly event: 'role';
      readonly at: number;
      readonly node: string;
      readonly from: NodeRole;
      readonly to: NodeRole;
    }
  /** Nobody knows any more how it is. */
  | {
      readonly event: 'node-lost';
      readonly at: number;
      readonly node: string;
      readonly was: NodeRole;
      readonly lastSeenMs: number | null;
      readonly reason: string | null;
    }
  | { readonly event: 'node-back'; readonly at: number; readonly node: string; readonly role: NodeRole }
  | { readonly event: 'warning'; readonly at: number; readonly finding: Finding }
  | { readonly event: 'warning-over'; readonly at: number; readonly finding: Finding }
  | { readonly event: 'unreachable'; readonly at: number }
  | { readonly event: 'reachable'; readonly at: number; readonly afterMs: number };

/** Compares each snapshot with the last one that told anything, so that a time without any answer changes nothing. */
export class ClusterChanges {
  #known: ClusterSnapshot | undefined;
  /** The leader told of last, until its loss is. */
  #leader: string | undefined;
  /** The latest term known to have had a leader: later elections are news. */
  #termLed = 0;
  #silentSince: number | undefined;

  /** Since the snapshot taken before; nothing for the first. Each tells when it was noticed. */
  take(next: ClusterSnapshot): Change[] {
    const { at, leadership } = next;
    if (leadership.kind === 'unreachable') {
      if (this.#silentSince !== undefined) return [];
      this.#silentSince = leadership.since;
      return [{ event: 'unreachable', at }];
    }
    const changes: Change[] = [];
    if (this.#silentSince !== undefined) {
      changes.push({ event: 'reachable', at, afterMs: Math.max(0, at - this.#silentSince) });
      this.#silentSince = undefined;
    }
    const before = this.#known;
    this.#known = next;
    if (!before) {
      this.#leader = leaderOf(next) ?? undefined;
      this.#termLed = latestTermLed(next);
      return changes;
    }
    const led = this.#leaderChanges(next);
    const named = new Set(
      led.flatMap((change) => [change.before, 'leader' in change ? change.leader : null]),
    );
    return [
      ...changes,
      ...nodesLost(before, next),
      ...led,
      ...roleChanges(before, next, named),
      ...news(before, next),
    ];
  }

  #leaderChanges(next: ClusterSnapshot) {
    const changes: Extract<Change, { event: 'leader' | 'no-leader' }>[] = [];
    const { at, elections, leadership } = next;
    const newest = this.#termLed;
    this.#termLed = Math.max(newest, latestTermLed(next));
    for (const [i, { term, leader, cause }] of [...elections.entries()].toReversed()) {
      if (term <= newest) continue;
      const previous = leaderBefore(next, i) ?? this.#leader ?? null;
      changes.push({ event: 'leader', at, leader, term, cause, before: previous });
      this.#leader = leader;
    }
    const leader = leaderOf(next);
    if (leader !== null && leader !== this.#leader && 'term' in leadership) {
      const { term } = leadership;
      const cause = elections.find((row) => row.term === term && row.leader === leader)?.cause ?? null;
      changes.push({ event: 'leader', at, leader, term, cause, before: this.#leader ?? null });
      this.#leader = leader;
    } else if (leadership.kind === 'none' && this.#leader !== undefined) {
      changes.push({ event: 'no-leader', at, before: this.#leader });
      this.#leader = undefined;
    }
    return changes;
  }
}

function latestTermLed({ elections, leadership }: ClusterSnapshot): number {
  return Math.max(elections[0]?.term ?? 0, 'id' in leadership ? leadership.term : 0);
}

function pairs(
  before: ClusterSnapshot,
  next: ClusterSnapshot,
): { was: NodeLine | undefined; is: NodeLine }[] {
  return next.nodes.map((is) => ({ was: before.nodes.find(({ id }) => id === is.id), is }));
}

function nodesLost(before: ClusterSnapshot, next: ClusterSnapshot): Change[] {
  return pairs(before, next).flatMap(({ was, is }): Change[] => {
    if (!was || was.role === 'unknown' || is.role !== 'unknown') return [];
    const lastSeenMs = is.lastSeenAt === null ? null : Math.max(0, next.at - is.lastSeenAt);
    return [{ event: 'node-lost', at: next.at, node: is.id, was: was.role, lastSeenMs, reason: is.reason }];
  });
}

/** But for nodes `named` in a change of leader, which tells their part. */
function roleChanges(
  before: ClusterSnapshot,
  next: ClusterSnapshot,
  named: ReadonlySet<string | null>,
): Change[] {
  return pairs(before, next).flatMap(({ was, is }): Change[] => {
    const from = was?.role ?? 'unknown';
    if (from === is.role || is.role === 'unknown') return [];
    if (from === 'unknown') return [{ event: 'node-back', at: next.at, node: is.id, role: is.role }];
    return named.has(is.id) ? [] : [{ event: 'role', at: next.at, node: is.id, from, to: is.role }];
  });
}

/** Warnings that came or went. A disagreement counts as one, whatever is said. */
function news(before: ClusterSnapshot, next: ClusterSnapshot): Change[] {
  const missingIn = (findings: readonly Finding[]) => {
    const keys = new Set(findings.map(keyOf));
    return (finding: Finding) => !keys.has(keyOf(finding));
  };
  const { at } = next;
  return [
    ...next.findings
      .filter(missingIn(before.findings))
      .map((finding): Change => ({ event: 'warning', at, finding })),
    ...before.findings
      .filter(missingIn(next.findings))
      .map((finding): Change => ({ event: 'warning-over', at, finding })),
  ];
}

function keyOf(finding: Finding): string {
  switch (finding.kind) {
    case 'disagreement':
      return finding.kind;
    case 'two-leaders-in-a-term':
      return `${finding.kind} ${finding.term}`;
    case 'answers-but-not-heard':
    case 'other-members':
      return `${finding.kind} ${finding.node}`;
    case 'another-cluster':
      return `${finding.kind} ${finding.url}`;
    // Whether others hear it or not: what it says is that nobody answers there.
    case 'silent':
    case 'silent-but-heard':
      return `silent ${finding.url}`;
  }
}
