/** What each server tells Prometheus of the election. What isn't known has no sample, rather than a stale one. */

import { ElectionCause, type ElectionRecord, NodeRole } from '@cloud-steg/protocol';
import type { Metric, Sample } from './metrics.ts';
import type { Leadership } from './ports.ts';

/** Counts elections by cause, however few of them are remembered at a time. */
export class ElectionTally {
  readonly #counts = new Map<ElectionCause, number>();
  #term = 0;

  /** Adds those that are new; `elections` are newest last. To be called before they are forgotten. */
  take(elections: readonly ElectionRecord[]): void {
    for (const { term, cause } of elections) {
      if (term <= this.#term) continue;
      this.#term = term;
      this.#counts.set(cause, (this.#counts.get(cause) ?? 0) + 1);
    }
  }

  /** Every cause, so that the first election of its kind is seen as an increase. */
  samples(): Sample[] {
    return ElectionCause.options.map((cause) => ({ labels: { cause }, value: this.#counts.get(cause) ?? 0 }));
  }
}

export function electionMetrics(leadership: Leadership, tally: ElectionTally): Metric[] {
  const nodes = () => leadership.status().nodes;
  return [
    {
      name: 'cloud_steg_is_leader',
      help: 'Whether this node leads.',
      read: () => (leadership.leading() ? 1 : 0),
    },
    { name: 'cloud_steg_term', help: 'The election’s term.', read: () => leadership.status().term },
    {
      name: 'cloud_steg_role',
      help: 'This node’s own role: 1 for the one it has.',
      read() {
        const { id, nodes } = leadership.status();
        const own = nodes.find((node) => node.id === id)?.role ?? 'unknown';
        return NodeRole.options.map((role) => ({ labels: { role }, value: role === own ? 1 : 0 }));
      },
    },
    {
      name: 'cloud_steg_elections_total',
      help: 'Elections with a winner that this node has learnt of since it started, by cause.',
      type: 'counter',
      read() {
        tally.take(leadership.status().elections);
        return tally.samples();
      },
    },
    {
      name: 'cloud_steg_node_last_seen_seconds',
      help: 'Since each node was last heard from; absent for one that never was.',
      read: () => nodes().flatMap(({ id, lastSeenMs }) => secondsOf(id, lastSeenMs)),
    },
    {
      name: 'cloud_steg_node_lag_seconds',
      help: 'Round trip of a heartbeat to each follower; only at the leader.',
      read: () => (leadership.leading() ? nodes().flatMap(({ id, lagMs }) => secondsOf(id, lagMs)) : []),
    },
  ];
}

function secondsOf(node: string, ms: number | null): Sample[] {
  return ms === null ? [] : [{ labels: { node }, value: ms / 1_000 }];
}
