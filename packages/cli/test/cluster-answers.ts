/** What servers answer, made up. Three nodes, `A` leads term 4, unless a test says otherwise. */

import type { ClusterStatus, ElectionRecord, NodeStatus, PublicKey } from '@cloud-steg/protocol';
import type { ServerAnswer } from '../src/cluster/servers-asked.ts';

export const [A, B, C] = ['10.0.0.1:5001', '10.0.0.2:5001', '10.0.0.3:5001'] as const;
/** When everybody answered. */
export const AT = Date.UTC(2026, 10, 29, 3, 12, 4);
export const KEY = 'OursOursOursOursOursOursOursOursOursOursOur' as PublicKey;
export const OTHER_KEY = 'ElseElseElseElseElseElseElseElseElseElseEls' as PublicKey;

/** Where a node answers HTTP. */
export function urlOf(id: string): string {
  return `http://${id.replace(':5001', ':8000')}`;
}

/** A member as somebody in touch with it sees it. */
export function member(id: string, change: Partial<NodeStatus> = {}): NodeStatus {
  const url = urlOf(id);
  return { id, url, role: 'follower', term: 4, cpuPercent: 20, lagMs: 1.5, lastSeenMs: 400, ...change };
}

/** A member as somebody sees it who hasn't heard of it for 12 s. */
export function lost(id: string, change: Partial<NodeStatus> = {}): NodeStatus {
  const nothing = { role: 'unknown', term: null, cpuPercent: null, lagMs: null } as const;
  return member(id, { ...nothing, lastSeenMs: 12_000, ...change });
}

export function election(term: number, leader: string, change: Partial<ElectionRecord> = {}): ElectionRecord {
  return { term, leader, cause: 'silence', agoMs: 60_000, ...change };
}

/** What `node` says, `leader` leading by its word. Its own line among `nodes` is filled in. */
export function says(
  node: string,
  leader: string | null,
  change: Partial<ClusterStatus> & { others?: readonly NodeStatus[] } = {},
): ServerAnswer {
  const { others, ...changed } = change;
  const term = changed.term ?? 4;
  const role = leader === node ? 'leader' : leader === null ? 'candidate' : 'follower';
  const own = member(node, { role, term, lagMs: null, lastSeenMs: 0 });
  const seen =
    others ??
    [A, B, C]
      .filter((id) => id !== node)
      .map((id) =>
        leader === null
          ? lost(id)
          : member(id, id === leader ? { role: 'leader', lagMs: null, term } : { term }),
      );
  const status: ClusterStatus = {
    status: leader === null ? 'no_leader' : 'ok',
    node,
    is_leader: leader === node,
    current_leader: leader,
    leader_url: leader === null ? null : urlOf(leader),
    leader_statement: null,
    term,
    cluster_key: KEY,
    nodes: [own, ...seen].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    elections: [],
    version: '1.2.3',
    now: AT,
    ...changed,
  };
  return { kind: 'answered', url: urlOf(node), at: AT, roundTripMs: 3, status };
}

export function silent(node: string, reason = 'refused'): ServerAnswer {
  return { kind: 'silent', url: urlOf(node), at: AT, reason };
}
