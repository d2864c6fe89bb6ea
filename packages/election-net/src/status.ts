import type { ElectionView } from '@cloud-steg/election';
import type { ElectionStatus } from './election-node.ts';

/** The machine's view in the words of `/status`, members by address. What is no longer known is left out. */
export function statusOf(view: ElectionView): ElectionStatus {
  const role = ownRole(view);
  const nodes = view.nodes
    .map(({ id, url, cpuPercent, ageMs, fresh }) => ({
      id,
      url,
      role: id === view.id ? role : othersRole(view, id, fresh),
      cpuPercent: fresh ? cpuPercent : null,
      lastSeenMs: ageMs === null ? null : Math.round(ageMs),
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    id: view.id,
    role,
    term: view.term,
    leader: view.leader,
    leaderUrl: nodes.find(({ id }) => id === view.leader)?.url ?? null,
    nodes,
  };
}

/** Without a valid lease nobody is shown to lead. */
function ownRole(view: ElectionView): ElectionStatus['role'] {
  if (view.role === 'follower') return 'follower';
  return view.leader === view.id ? 'leader' : 'candidate';
}

function othersRole(view: ElectionView, id: string, fresh: boolean): 'leader' | 'follower' | 'unknown' {
  if (!fresh) return 'unknown';
  return id === view.leader ? 'leader' : 'follower';
}
