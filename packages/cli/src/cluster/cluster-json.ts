/** A snapshot as programs read it. `docs/commands.md` documents the shape; members are added, never renamed. */

import { findingWords } from './cluster-wording.ts';
import { gapsIn } from './election-history.ts';
import { type ClusterSnapshot, leaderOf, type NodeLine } from './snapshot.ts';

export function clusterJson(snapshot: ClusterSnapshot) {
  const { at, clusterKey, leadership, quorum, servers, nodes, elections, findings } = snapshot;
  const known = 'id' in leadership ? leadership : undefined;
  return {
    status: statusWord(snapshot),
    leader: known?.id ?? null,
    leaderUrl: known?.url ?? null,
    term: 'term' in leadership ? leadership.term : null,
    quorum,
    servers,
    nodes: nodes.map((node) => nodeJson(node, at)),
    elections,
    unknownTerms: gapsIn(elections).map(({ from, to }) => ({ from, to })),
    findings: findings.map((finding) => ({ ...finding, text: findingWords(finding, at) })),
    clusterKey,
    version:
      servers.find(({ isLeader }) => isLeader)?.version ??
      servers.find(({ state }) => state === 'answers')?.version ??
      null,
    at,
  };
}

/** `ok` where clients can be served. */
function statusWord(snapshot: ClusterSnapshot) {
  if (leaderOf(snapshot) !== null) return 'ok';
  const { kind } = snapshot.leadership;
  if (kind === 'silent') return 'leader_not_answering';
  if (kind === 'claiming') return 'leader_not_serving';
  return kind === 'none' ? 'no_leader' : 'unreachable';
}

function nodeJson(node: NodeLine, at: number) {
  const { id, url, role, term, cpuPercent, lagMs, lastSeenAt, toldBy, http, reason } = node;
  const lastSeenMs = lastSeenAt === null ? null : Math.max(0, at - lastSeenAt);
  return { id, url, role, term, cpuPercent, lagMs, lastSeenMs, toldBy, http, reason };
}
