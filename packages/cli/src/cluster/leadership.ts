/** Who leads, and how many failures the cluster survives, from what servers of one cluster say. */

import type { ClusterStatus } from '@cloud-steg/protocol';
import type { Claim, Leadership, Quorum, ServerLine } from './snapshot.ts';

/** A server's own word: at most one of each node. */
export interface Word {
  readonly at: number;
  readonly status: ClusterStatus;
}

/**
 * A server's word on itself beats what others say of it. What others say counts only in the latest term: a leader
 * of an earlier one may be gone. `servers` tells whether a leader that is merely named was asked. No `words`: since
 * when.
 */
export function leadershipFrom(
  words: readonly Word[],
  servers: readonly ServerLine[],
  silentSince: number,
): Leadership {
  if (words.length === 0) return { kind: 'unreachable', since: silentSince };
  const latestFirst = words.map(({ status }) => status).toSorted((a, b) => b.term - a.term);
  const serving = latestFirst.find(({ is_leader }) => is_leader);
  if (serving) return { kind: 'serving', ...selfOf(serving) };
  const claiming = latestFirst.find(({ node, current_leader }) => current_leader === node);
  const term = latestFirst[0]?.term ?? 0;
  if (claiming && claiming.term === term) return { kind: 'claiming', ...selfOf(claiming) };

  // Whoever answered and does not claim to lead doesn't, whatever others still believe.
  const deniers = new Set(latestFirst.map(({ node }) => node));
  const naming = latestFirst.filter(
    (status) => status.term === term && status.current_leader !== null && !deniers.has(status.current_leader),
  );
  const [first] = naming;
  if (!first || first.current_leader === null) return { kind: 'none', term };
  const id = first.current_leader;
  const by = naming.flatMap(({ node, current_leader }) => (current_leader === id ? [node] : []));
  const named = { id, url: first.leader_url, term, by };
  const asked = servers.find(({ node, state }) => node === id && state === 'silent');
  return asked ? { kind: 'silent', ...named, reason: asked.reason ?? '' } : { kind: 'named', ...named };
}

function selfOf({ node, nodes, term }: ClusterStatus) {
  return { id: node, url: nodes.find(({ id }) => id === node)?.url ?? null, term };
}

/** The leader's own count of whom it is in touch with, or where it was not asked, that of one who follows it. */
export function quorumFrom(words: readonly Word[], leadership: Leadership): Quorum | null {
  if (words.length === 0) return null;
  // A leader that does not answer may be gone: what others counted while it was there says nothing of the next failure.
  const led = 'id' in leadership && leadership.kind !== 'silent';
  const teller = led ? tellerOf(words, leadership.id) : undefined;
  const members = teller?.nodes.length ?? Math.max(...words.map(({ status }) => status.nodes.length));
  const nodes = Math.max(members, 1);
  const needed = Math.floor(nodes / 2) + 1;
  const inTouch = teller ? teller.nodes.filter(({ role }) => role !== 'unknown').length : words.length;
  return { nodes, needed, inTouch, mayFail: teller ? Math.max(0, inTouch - needed) : null };
}

/** Who knows best how the nodes that follow `leader` are: itself, or else the latest who follows it. */
export function tellerOf(words: readonly Word[], leader: string): ClusterStatus | undefined {
  const statuses = words.map(({ status }) => status).toSorted((a, b) => b.term - a.term);
  return (
    statuses.find(({ node }) => node === leader) ??
    statuses.find(({ current_leader }) => current_leader === leader)
  );
}

/** What each says about who leads; agreed where all say the same. */
export function claimsIn(words: readonly Word[]): { claims: Claim[]; agreed: boolean } {
  const claims = words.map(({ status: { node, current_leader, term } }) => ({
    node,
    leader: current_leader,
    term,
  }));
  return { claims, agreed: new Set(claims.map(({ leader }) => leader)).size <= 1 };
}
