/** What an operator should know besides who leads: contradictions, silence, strangers. */

import { doubleTerms } from './election-history.ts';
import { claimsIn, tellerOf, type Word } from './leadership.ts';
import type { ClusterSnapshot, Finding, NodeLine, ServerLine } from './snapshot.ts';

/** The gravest first. While no server of the cluster answers, there is only that to tell. */
export function findingsIn(snapshot: Omit<ClusterSnapshot, 'findings'>, words: readonly Word[]): Finding[] {
  const { servers, nodes, elections } = snapshot;
  const { claims, agreed } = claimsIn(words);
  const silent = words.length === 0 ? [] : servers.filter(({ state }) => state === 'silent');
  return [
    ...doubleTerms(elections).map((double) => ({ kind: 'two-leaders-in-a-term' as const, ...double })),
    ...(agreed ? [] : [{ kind: 'disagreement' as const, claims }]),
    ...silent.map((server) => silence(server, nodes)),
    ...notHeard(snapshot, words),
    ...otherMembers(words),
    ...servers.flatMap(({ url, state, clusterKey }) =>
      state === 'another-cluster'
        ? [{ kind: 'another-cluster' as const, url, clusterKey: clusterKey ?? '' }]
        : [],
    ),
  ];
}

function silence({ url, node, reason }: ServerLine, nodes: readonly NodeLine[]): Finding {
  const line = nodes.find(({ id }) => id === node);
  const told = { url, reason: reason ?? '', heardAt: line?.lastSeenAt ?? null };
  return line && line.toldBy !== null
    ? { kind: 'silent-but-heard', node: line.id, by: line.toldBy, ...told }
    : { kind: 'silent', node, ...told };
}

function notHeard(
  { leadership, nodes }: Pick<ClusterSnapshot, 'leadership' | 'nodes'>,
  words: readonly Word[],
): Finding[] {
  const teller = 'id' in leadership ? tellerOf(words, leadership.id) : undefined;
  if (!teller) return [];
  return teller.nodes.flatMap(({ id, role, lastSeenMs }): Finding[] => {
    const answers = nodes.find((node) => node.id === id)?.http === 'answers';
    if (role !== 'unknown' || !answers) return [];
    const at = words.find(({ status }) => status === teller)?.at ?? 0;
    const heardAt = lastSeenMs === null ? null : at - lastSeenMs;
    return [{ kind: 'answers-but-not-heard', node: id, by: teller.node, heardAt }];
  });
}

/** Servers that were configured with other members than most. They can't vote together. */
function otherMembers(words: readonly Word[]): Finding[] {
  const lists = words.map(({ status }) => ({
    node: status.node,
    members: status.nodes
      .map(({ id }) => id)
      .toSorted()
      .join(' '),
  }));
  const counts = new Map<string, number>();
  for (const { members } of lists) counts.set(members, (counts.get(members) ?? 0) + 1);
  const [usual] = [...counts].toSorted(([, a], [, b]) => b - a);
  return lists.flatMap(({ node, members }) =>
    members === usual?.[0] ? [] : [{ kind: 'other-members' as const, node }],
  );
}
