/** A change as one line, and as one JSON object. */

import type { Change } from './cluster-changes.ts';
import { causeWords, findingWords, formatAge, formatMoment } from './cluster-wording.ts';
import type { Finding } from './snapshot.ts';

export function changeLine(change: Change): string {
  return `${formatMoment(change.at)}  ${changeWords(change)}`;
}

export function changeJson(change: Change): object {
  if (!('finding' in change)) return change;
  const { event, at, finding } = change;
  return { event, at, ...finding, text: findingWords(finding, at) };
}

function changeWords(change: Change): string {
  switch (change.event) {
    case 'leader': {
      const why = change.cause === null ? '' : `: ${causeWords(change.cause, change.before ?? undefined)}`;
      return `leader: ${change.leader}, term ${change.term}${why}`;
    }
    case 'no-leader':
      return `no leader: ${change.before} leads no more`;
    case 'role':
      return `${change.node}: ${change.from} → ${change.to}`;
    case 'node-lost': {
      const seen = change.lastSeenMs === null ? 'never' : `${formatAge(change.lastSeenMs)} ago`;
      const http = change.reason === null ? '' : ` (${change.reason})`;
      return `${change.node} lost: was ${change.was}, last heard ${seen}${http}`;
    }
    case 'node-back':
      return `${change.node} is there: ${change.role}`;
    case 'warning':
      return `warning: ${findingWords(change.finding, change.at)}`;
    case 'warning-over':
      return `over: ${overWords(change.finding)}`;
    case 'unreachable':
      return 'no server answers';
    case 'reachable':
      return `servers answer again, after ${formatAge(change.afterMs)}`;
  }
}

function overWords(finding: Finding): string {
  switch (finding.kind) {
    case 'disagreement':
      return 'the servers agree on who leads';
    case 'two-leaders-in-a-term':
      return `two leaders in term ${finding.term} are remembered by nobody any more`;
    case 'silent':
    case 'silent-but-heard':
      return `${finding.node ?? 'a server'} answers at ${finding.url}`;
    case 'answers-but-not-heard':
      return `${finding.node} is not cut off from the leader any more`;
    case 'another-cluster':
      return `${finding.url} answers no more for another cluster`;
    case 'other-members':
      return `${finding.node} is configured like the others`;
  }
}
