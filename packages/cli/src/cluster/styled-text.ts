/** Text with meaning instead of colours, and the one place that turns it into what a terminal obeys. */

import { printable } from '../wording.ts';

/** What a piece of text says of the thing it names. `unknown` is grey: it is never to look like health. */
export type Tone = 'plain' | 'heading' | 'leader' | 'good' | 'warning' | 'bad' | 'unknown';

export interface Span {
  readonly text: string;
  readonly tone: Tone;
}
export type Line = readonly Span[];

export function span(text: string, tone: Tone = 'plain'): Span {
  return { text: printable(text), tone };
}

/** Each counts as one column, which is right for addresses, numbers and our own words. */
function charactersOf(text: string): string[] {
  return Array.from(text);
}

export function widthOf(line: Line): number {
  return line.reduce((sum, { text }) => sum + charactersOf(text).length, 0);
}

const ELLIPSIS = '…';

/** The line in at most `columns`, with what is missing marked. */
export function crop(line: Line, columns: number): Line {
  if (widthOf(line) <= columns) return line;
  const cropped: Span[] = [];
  let left = Math.max(0, columns - 1);
  for (const { text, tone } of line) {
    const part = charactersOf(text).slice(0, left).join('');
    if (part !== '') cropped.push({ text: part, tone });
    left -= charactersOf(part).length;
  }
  return [...cropped, span(ELLIPSIS)];
}

/** A sentence broken between words; later lines are indented. A word longer than a line stays whole. */
export function wrap(text: string, tone: Tone, columns: number, indent: string): Line[] {
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(' ')) {
    const longer = current === '' ? word : `${current} ${word}`;
    if (charactersOf(longer).length <= columns || current === '') current = longer;
    else {
      lines.push(current);
      current = indent + word;
    }
  }
  return [...lines, current].map((line) => [span(line, tone)]);
}

/** SGR parameters: names of colours, so that the terminal's own palette decides. */
const SGR: Readonly<Record<Tone, string>> = {
  plain: '',
  heading: '1',
  leader: '1;32',
  good: '32',
  warning: '33',
  bad: '1;31',
  unknown: '90',
};

/** The line as it is written to a terminal or, without `color`, to anything. */
export function paint(line: Line, color: boolean): string {
  return line
    .map(({ text, tone }) => (color && SGR[tone] !== '' ? `\u001b[${SGR[tone]}m${text}\u001b[0m` : text))
    .join('');
}
