/** From what each server said to one picture of the cluster. Pure. */

import type { PublicKey } from '@cloud-steg/protocol';
import { mergeHistories } from './election-history.ts';
import { findingsIn } from './findings.ts';
import { leadershipFrom, quorumFrom, type Word } from './leadership.ts';
import { nodeLines, sameServer } from './node-lines.ts';
import type { ServerAnswer } from './servers-asked.ts';
import type { ClusterSnapshot, ServerLine } from './snapshot.ts';

export interface SnapshotOptions {
  /** The key this user knows the cluster by; without one, most servers that answer decide, then the order they come in. */
  readonly clusterKey?: PublicKey | undefined;
  /** The snapshot before, for what this one can't know: who was there, and what happened. */
  readonly previous?: ClusterSnapshot | undefined;
}

export function takeSnapshot(
  answers: readonly ServerAnswer[],
  at: number,
  { clusterKey: pinned, previous }: SnapshotOptions = {},
): ClusterSnapshot {
  const clusterKey = pinned ?? previous?.clusterKey ?? mostCommonKey(answers);
  const words = wordsOf(answers, clusterKey);
  const servers = answers.map((answer) => serverLine(answer, clusterKey, words, previous));
  const before = previous?.leadership;
  const silentSince = before?.kind === 'unreachable' ? before.since : (previous?.at ?? at);
  const leadership = leadershipFrom(words, servers, silentSince);
  const nodes = nodeLines(words, servers, leadership, previous);
  const elections = mergeHistories([
    ...words.map(({ at, status }) => ({
      by: status.node,
      elections: status.elections.map(({ agoMs, ...election }) => ({ ...election, at: at - agoMs })),
    })),
    { by: null, elections: previous?.elections ?? [] },
  ]);
  const facts = {
    at,
    clusterKey,
    leadership,
    quorum: quorumFrom(words, leadership),
    servers,
    nodes,
    elections,
  };
  return { ...facts, findings: findingsIn(facts, words) };
}

function mostCommonKey(answers: readonly ServerAnswer[]): PublicKey | null {
  const counts = new Map<PublicKey, number>();
  for (const answer of answers) {
    if (answer.kind !== 'answered') continue;
    const key = answer.status.cluster_key;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const [most] = [...counts].toSorted(([, a], [, b]) => b - a);
  return most?.[0] ?? null;
}

/** One word a node: two addresses may lead to the same server. */
function wordsOf(answers: readonly ServerAnswer[], clusterKey: PublicKey | null): Word[] {
  const words = new Map<string, Word>();
  for (const answer of answers) {
    if (answer.kind !== 'answered' || answer.status.cluster_key !== clusterKey) continue;
    words.set(answer.status.node, { at: answer.at, status: answer.status });
  }
  return [...words.values()];
}

function serverLine(
  answer: ServerAnswer,
  clusterKey: PublicKey | null,
  words: readonly Word[],
  previous: ClusterSnapshot | undefined,
): ServerLine {
  const { url } = answer;
  if (answer.kind === 'silent') {
    return {
      url,
      state: 'silent',
      ...NOTHING_SAID,
      reason: answer.reason,
      node: nodeAt(url, words, previous),
    };
  }
  const { status, roundTripMs } = answer;
  const { version } = status;
  if (status.cluster_key !== clusterKey) {
    const state = 'another-cluster';
    return { url, state, ...NOTHING_SAID, roundTripMs, clusterKey: status.cluster_key, version };
  }
  return {
    url,
    state: 'answers',
    reason: null,
    roundTripMs,
    node: status.node,
    isLeader: status.is_leader,
    leader: status.current_leader,
    term: status.term,
    clusterKey,
    version,
  };
}

const NOTHING_SAID = {
  reason: null,
  roundTripMs: null,
  node: null,
  isLeader: false,
  leader: null,
  term: null,
  clusterKey: null,
  version: null,
} as const;

/** Which node a server is that doesn't say so now. */
function nodeAt(url: string, words: readonly Word[], previous: ClusterSnapshot | undefined): string | null {
  const told = previous?.servers.find((server) => server.url === url)?.node;
  const others = words.flatMap(({ status }) => status.nodes);
  return told ?? others.find((node) => node.url !== null && sameServer(node.url, url))?.id ?? null;
}
