/** A snapshot as people read it: who leads and how safely, the nodes, the last elections, and what to know besides. */

import {
  agoWords,
  causeWords,
  findingWords,
  formatAge,
  formatLag,
  formatMoment,
  leaderBefore,
  leaderWords,
  quorumWords,
} from './cluster-wording.ts';
import { gapsIn } from './election-history.ts';
import type { ClusterSnapshot, ElectionLine, Finding, Leadership, NodeLine, Quorum } from './snapshot.ts';
import { type Line, type Span, span, type Tone, wrap } from './styled-text.ts';
import { type Column, tableLines } from './table.ts';

/** Later ones are in the JSON. */
const ELECTIONS_SHOWN_MAX = 8;

/** `columns` of the terminal; Infinity where the text goes elsewhere. */
export function clusterPage(snapshot: ClusterSnapshot, columns: number): Line[] {
  const { leadership, quorum, nodes, elections, at } = snapshot;
  return [
    ...fact('Leader', leaderWords(leadership, quorum, at), leadershipTone(leadership), columns),
    ...(quorum ? fact('Quorum', quorumWords(quorum), quorumTone(quorum), columns) : []),
    ...(nodes.length > 0 ? [[], ...nodeTable(snapshot, columns)] : []),
    ...(elections.length > 0 ? [[], ...electionTable(snapshot, columns)] : []),
    ...findingLines(snapshot, columns),
  ];
}

function fact(name: string, words: string, tone: Tone, columns: number): Line[] {
  const lines = wrap(`${name.padEnd(8)}${words}`, tone, columns, ' '.repeat(8));
  const [first = [], ...others] = lines;
  const text = first.map((piece) => piece.text).join('');
  return [[span(text.slice(0, 8), 'heading'), span(text.slice(8), tone)], ...others];
}

function leadershipTone({ kind }: Leadership): Tone {
  if (kind === 'serving') return 'leader';
  if (kind === 'unreachable') return 'unknown';
  return kind === 'none' ? 'bad' : 'warning';
}

function quorumTone({ mayFail }: Quorum): Tone {
  if (mayFail === null) return 'bad';
  return mayFail === 0 ? 'warning' : 'good';
}

const NODE_COLUMNS: readonly Column[] = [
  { title: 'NODE', align: 'left' },
  { title: 'ROLE', align: 'left' },
  { title: 'TERM', align: 'right', dispensable: 3 },
  { title: 'CPU', align: 'right', dispensable: 4 },
  { title: 'LAG', align: 'right', dispensable: 2 },
  { title: 'LAST SEEN', align: 'right' },
  { title: 'HTTP', align: 'left', dispensable: 5 },
  { title: 'ADDRESS', align: 'left', dispensable: 1 },
];

function nodeTable({ nodes, leadership, at }: ClusterSnapshot, columns: number): Line[] {
  const led = 'id' in leadership;
  return tableLines(
    NODE_COLUMNS,
    nodes.map((node) => nodeCells(node, led, at)),
    columns,
  );
}

function nodeCells(node: NodeLine, led: boolean, at: number): Span[] {
  const { id, role, term, cpuPercent, lagMs, lastSeenAt, http, reason, url } = node;
  const known = role !== 'unknown';
  const tone = known ? 'plain' : 'unknown';
  // A leader has no lag to itself.
  const lag = role === 'leader' ? span('–') : maybe(lagMs, formatLag);
  return [
    span(id, tone),
    span(role, roleTone(node, led)),
    maybe(term, String),
    maybe(cpuPercent, (percent) => `${percent.toFixed(0)} %`),
    lag,
    span(http === 'answers' ? 'now' : agoWords(lastSeenAt, at), tone),
    http === 'answers'
      ? span('answers')
      : span(http === 'silent' ? (reason ?? '') : 'not asked', httpTone(http)),
    span(url ?? 'unknown', url === null ? 'unknown' : tone),
  ];
}

/** Green is only for what a node says of itself, and for following somebody. */
function roleTone({ role, http }: NodeLine, led: boolean): Tone {
  if (role === 'unknown') return 'unknown';
  if (http === 'silent' || role === 'candidate' || !led) return 'warning';
  if (http === 'not-asked') return 'plain';
  return role === 'leader' ? 'leader' : 'good';
}

function httpTone(http: NodeLine['http']): Tone {
  return http === 'silent' ? 'bad' : 'unknown';
}

function maybe<T>(value: T | null, words: (value: T) => string): Span {
  return value === null ? span('?', 'unknown') : span(words(value));
}

const ELECTION_COLUMNS: readonly Column[] = [
  { title: 'TERM', align: 'right' },
  { title: 'ELECTED', align: 'left' },
  { title: 'AT', align: 'left', dispensable: 1 },
  { title: 'AGO', align: 'right', dispensable: 2 },
  { title: 'WHY', align: 'left' },
];

function electionTable(snapshot: ClusterSnapshot, columns: number): Line[] {
  const { elections, at } = snapshot;
  const shown = elections.slice(0, ELECTIONS_SHOWN_MAX);
  const [heading = [], ...lines] = tableLines(
    ELECTION_COLUMNS,
    shown.map((row, i) => electionCells(row, leaderBefore(snapshot, i), at)),
    columns,
  );
  const gaps = new Map(gapsIn(elections).map(({ before, from, to }) => [before, gapWords(from, to)]));
  const hidden = elections.length - shown.length;
  return [
    heading,
    ...lines.flatMap((line, i) => {
      const gap = gaps.get(i + 1);
      return gap === undefined ? [line] : [line, [span(gap, 'unknown')]];
    }),
    ...(hidden > 0 ? [[span(`${hidden} earlier with --json`, 'unknown')]] : []),
  ];
}

function electionCells(
  { term, leader, cause, at: electedAt }: ElectionLine,
  before: string | undefined,
  at: number,
) {
  return [
    span(String(term)),
    span(leader),
    span(formatMoment(electedAt)),
    span(formatAge(at - electedAt)),
    span(causeWords(cause, before)),
  ];
}

function gapWords(from: number, to: number): string {
  const terms = from === to ? `term ${from}` : `terms ${from} to ${to}`;
  return `   · ${terms}: nobody was elected, or nobody who answers remembers`;
}

function findingLines({ findings, at }: ClusterSnapshot, columns: number): Line[] {
  if (findings.length === 0) return [];
  const lines = findings.flatMap((finding) =>
    wrap(`! ${findingWords(finding, at)}`, findingTone(finding), columns, '  '),
  );
  return [[], ...lines];
}

function findingTone({ kind }: Finding): Tone {
  return kind === 'two-leaders-in-a-term' ? 'bad' : 'warning';
}
