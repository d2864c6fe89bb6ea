/** Each node as it says it is, or as those say who heard it. */

import type { NodeStatus } from '@cloud-steg/protocol';
import { tellerOf, type Word } from './leadership.ts';
import type { ClusterSnapshot, Leadership, NodeLine, ServerLine } from './snapshot.ts';

/** A node's line in one server's table, with that server and the time of its answer. */
interface Saying {
  readonly by: string;
  readonly term: number;
  readonly at: number;
  readonly line: NodeStatus;
}

/**
 * By address. A node's own word comes first, then the leader's, then that of the latest term. A node that nobody
 * is in touch with is unknown; what `previous` knew of it is kept only as its address and when it was last seen.
 */
export function nodeLines(
  words: readonly Word[],
  servers: readonly ServerLine[],
  leadership: Leadership,
  previous: ClusterSnapshot | undefined,
): NodeLine[] {
  const sayings = words.flatMap(({ at, status }) =>
    status.nodes.map((line): Saying => ({ by: status.node, term: status.term, at, line })),
  );
  const before = new Map(previous?.nodes.map((node) => [node.id, node]));
  const ids = new Set([...before.keys(), ...sayings.map(({ line }) => line.id)]);
  const teller = 'id' in leadership ? tellerOf(words, leadership.id)?.node : undefined;
  return [...ids].toSorted().map((id): NodeLine => {
    const about = sayings.filter(({ line }) => line.id === id);
    const known = knownOf(about, id, teller, leadership);
    const server = servers.find(({ node, state }) => node === id && state !== 'another-cluster');
    const url = about.find(({ line }) => line.url !== null)?.line.url ?? before.get(id)?.url ?? null;
    return {
      id,
      url: url ?? server?.url ?? null,
      ...known,
      lagMs: known.toldBy === null ? null : lagOf(about, id, leadership),
      lastSeenAt: latest([before.get(id)?.lastSeenAt ?? null, ...about.map(seenAt)]),
      http: server === undefined ? 'not-asked' : server.state === 'answers' ? 'answers' : 'silent',
      reason: server?.reason ?? null,
    };
  });
}

const UNKNOWN = { role: 'unknown', term: null, cpuPercent: null, toldBy: null } as const;

function knownOf(
  about: readonly Saying[],
  id: string,
  teller: string | undefined,
  leadership: Leadership,
): Pick<NodeLine, 'role' | 'term' | 'cpuPercent' | 'toldBy'> {
  const best =
    about.find(({ by }) => by === id) ??
    about.find(({ by }) => by === teller) ??
    about.filter(({ line }) => line.role !== 'unknown').toSorted((a, b) => b.term - a.term)[0];
  if (!best || best.line.role === 'unknown') return UNKNOWN;
  const { role, term, cpuPercent } = best.line;
  // Whom others still take for the leader of an earlier term may be anything by now.
  const deposed = role === 'leader' && best.by !== id && !('id' in leadership && leadership.id === id);
  return deposed ? UNKNOWN : { role, term, cpuPercent, toldBy: best.by };
}

/** Only a leader measures it; its followers pass on what it told, but nobody knows its own. */
function lagOf(about: readonly Saying[], id: string, leadership: Leadership): number | null {
  if (!('id' in leadership) || leadership.id === id) return null;
  const leader = about.find(({ by }) => by === leadership.id);
  if (leader) return leader.line.lagMs;
  const told = about.filter(({ by, term }) => by !== id && term === leadership.term);
  return told.find(({ line }) => line.lagMs !== null)?.line.lagMs ?? null;
}

function seenAt({ at, line }: Saying): number | null {
  return line.lastSeenMs === null ? null : at - line.lastSeenMs;
}

function latest(times: readonly (number | null)[]): number | null {
  return times.reduce((a, b) => (a === null || (b !== null && b > a) ? b : a), null);
}

const THIS_MACHINE = ['localhost', '127.0.0.1', '[::1]'];

/** Whether two addresses lead to the same server, as far as can be told without asking: this machine has many names. */
export function sameServer(a: string, b: string): boolean {
  const [one, other] = [new URL(a), new URL(b)];
  if (one.protocol !== other.protocol || one.port !== other.port) return false;
  const bothHere = [one, other].every(({ hostname }) => THIS_MACHINE.includes(hostname));
  return bothHere || one.hostname === other.hostname;
}
