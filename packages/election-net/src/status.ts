import type { ElectionView } from '@cloud-steg/election';
import type { ElectionStatus } from './election-node.ts';

type Report = ElectionView['nodes'][number];

/** The machine's view in the words of `/status`, members by address. What is no longer known is left out. */
export function statusOf(view: ElectionView): ElectionStatus {
  const role = ownRole(view);
  const nodes = view.nodes
    .map((node) => ({
      id: node.id,
      url: node.url,
      ...(node.id === view.id ? { role, ...knownOf(node) } : othersOf(view, node)),
      lastSeenMs: node.ageMs === null ? null : Math.round(node.ageMs),
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    id: view.id,
    role,
    term: view.term,
    leader: view.leader,
    leaderUrl: nodes.find(({ id }) => id === view.leader)?.url ?? null,
    nodes,
    elections: view.elections.map(({ ageMs, ...election }) => ({ ...election, agoMs: Math.round(ageMs) })),
  };
}

/** Without a valid lease nobody is shown to lead. */
function ownRole(view: ElectionView): ElectionStatus['role'] {
  if (view.role === 'follower') return 'follower';
  return view.leader === view.id ? 'leader' : 'candidate';
}

/**
 * Whoever was heard lately, but not in the leader's term, has not been heard since this leader was elected: for all
 * that is known it is what that election was about.
 */
function othersOf(view: ElectionView, node: Report) {
  const known = node.fresh && view.leader !== null && node.term === view.term;
  if (!known) return { role: 'unknown' as const, term: null, cpuPercent: null, lagMs: null };
  return { role: node.id === view.leader ? ('leader' as const) : ('follower' as const), ...knownOf(node) };
}

/** To a hundredth: more would be noise. */
function knownOf({ term, cpuPercent, lagMs }: Report) {
  return { term, cpuPercent: rounded(cpuPercent), lagMs: rounded(lagMs) };
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 100) / 100;
}
