/** What is known of a cluster in words. */

import type { ElectionCause } from '@cloud-steg/protocol';
import type { Claim, ClusterSnapshot, Finding, Leadership, Quorum } from './snapshot.ts';

/** `2026-12-31 23:59:58`, local time. */
export function formatMoment(unixMs: number): string {
  const at = new Date(unixMs);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-');
  return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':')}`;
}

/** `0.4 s`, `12 s`, `3 min`, `2 h`, `4 d`: short for a table's cell. */
export function formatAge(ms: number): string {
  if (ms < 9_950) return `${(Math.max(0, ms) / 1_000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
}

/** `0.42 ms`, `3.1 ms`, `120 ms`. */
export function formatLag(ms: number): string {
  return `${ms < 1 ? ms.toFixed(2) : ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}

/** Why there was an election. `before` is who led before, where that is certain. */
export function causeWords(cause: ElectionCause, before: string | undefined): string {
  const leader = before ?? 'the leader';
  const words: Readonly<Record<ElectionCause, string>> = {
    first: 'nobody had led before',
    alone: 'the only node',
    silence: `${leader} fell silent`,
    ended: `${before === undefined ? 'the leader’s' : `${before}’s`} process ended`,
    idler: `${leader} handed over to an idler node`,
    stopping: `${leader} was told to stop`,
    returned: `${leader} handed over to a node that did not take over`,
    'no-quorum': `${leader} lost touch with the majority`,
    refused: `the store refused ${leader}, or was out of its reach`,
    terms: `a member was ahead of ${leader} in terms`,
  };
  return words[cause];
}

export function leaderWords(leadership: Leadership, quorum: Quorum | null, at: number): string {
  switch (leadership.kind) {
    case 'serving':
      return `${placeOf(leadership)}, term ${leadership.term}`;
    case 'claiming':
      return `${leadership.id} is elected (term ${leadership.term}) but does not serve yet: the store has not granted its claim`;
    case 'named':
      return `${placeOf(leadership)}, term ${leadership.term}: so says ${andList(leadership.by)}; it was not asked itself`;
    case 'silent':
      return `${leadership.id} does not answer (${leadership.reason}); ${andList(leadership.by)} ${leadership.by.length > 1 ? 'take' : 'takes'} it for the leader (term ${leadership.term})`;
    case 'none': {
      const enough = quorum !== null && quorum.inTouch >= quorum.needed;
      return `none (term ${leadership.term}): ${enough ? 'an election is under way' : 'too few nodes answer here to elect one'}`;
    }
    case 'unreachable':
      return at - leadership.since < 1_000
        ? 'unknown: no server answers'
        : `unknown: no server has answered for ${formatAge(at - leadership.since)}`;
  }
}

function placeOf({ id, url }: { id: string; url: string | null }): string {
  return url === null ? id : `${id} at ${url}`;
}

/** How many failures the cluster survives. */
export function quorumWords({ nodes, needed, inTouch, mayFail }: Quorum): string {
  if (nodes === 1) return 'a single node: when it fails, nobody serves';
  if (mayFail === null)
    return `${inTouch} of ${nodes} nodes answer here, ${needed} are needed to elect a leader`;
  const survives = mayFail === 0 ? 'no more may fail' : `${mayFail} more may fail`;
  return `${inTouch} of ${nodes} nodes in touch with the leader, ${needed} needed: ${survives}`;
}

export function findingWords(finding: Finding, at: number): string {
  switch (finding.kind) {
    case 'disagreement':
      return `The servers don’t agree on who leads: ${finding.claims.map(claimWords).join('; ')}`;
    case 'two-leaders-in-a-term':
      return `Term ${finding.term} is said to have been won by ${andList(finding.leaders)}: this must never happen, please report it`;
    case 'silent-but-heard':
      return `${finding.node} does not answer at ${finding.url} (${finding.reason}), but ${finding.by} heard it ${agoWords(finding.heardAt, at)}`;
    case 'silent':
      return finding.node === null
        ? `No server at ${finding.url} (${finding.reason})`
        : `${finding.node} does not answer at ${finding.url} (${finding.reason}); last heard ${agoWords(finding.heardAt, at)}`;
    case 'answers-but-not-heard':
      return `${finding.node} answers here, but ${finding.by} last heard it ${agoWords(finding.heardAt, at)}: if this lasts, look at the network between them`;
    case 'another-cluster':
      return `${finding.url} belongs to another cluster (key ${finding.clusterKey.slice(0, 8)}…) and was not counted`;
    case 'other-members':
      return `${finding.node} is configured with other members than most: compare the configuration files`;
  }
}

function claimWords({ node, leader, term }: Claim): string {
  const says = leader === null ? 'knows of none' : leader === node ? 'says it does itself' : `says ${leader}`;
  return `${node} ${says} (term ${term})`;
}

/** `0.4 s ago`, `never`. */
export function agoWords(time: number | null, at: number): string {
  return time === null ? 'never' : `${formatAge(at - time)} ago`;
}

function andList(names: readonly string[]): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** Who led before the row at `index` of a history, newest first, if no term in between is unaccounted for. */
export function leaderBefore(
  { elections }: Pick<ClusterSnapshot, 'elections'>,
  index: number,
): string | undefined {
  const [row, older] = [elections[index], elections[index + 1]];
  return row && older && row.term - older.term === 1 ? older.leader : undefined;
}
