/** Columns that line up, and give way where there is little room. */

import { type Line, type Span, span, widthOf } from './styled-text.ts';

export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
  /** Columns leave a table that is too wide in this order, the lowest first; without one, never. */
  readonly dispensable?: number;
}

const BETWEEN = '  ';

/** A heading and one line a row. `columns` of the terminal: Infinity where there is none. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly Span[])[],
  terminalColumns: number,
): Line[] {
  const heading = columns.map(({ title }) => span(title, 'heading'));
  const all = [heading, ...rows];
  const widths = columns.map((_, i) => Math.max(...all.map((row) => widthOf(row.slice(i, i + 1)))));
  const shown = columnsThatFit(columns, widths, terminalColumns);
  return all.map((row) =>
    shown.flatMap((i, at): Span[] => {
      const cell = row[i] ?? span('');
      const padding = ' '.repeat((widths[i] ?? 0) - widthOf([cell]));
      const gap = at === 0 ? '' : BETWEEN;
      if (columns[i]?.align === 'right') return [span(gap + padding), cell];
      return [span(gap), cell, span(at === shown.length - 1 ? '' : padding)];
    }),
  );
}

function columnsThatFit(
  columns: readonly Column[],
  widths: readonly number[],
  terminalColumns: number,
): number[] {
  let shown = columns.map((_, i) => i);
  const order = shown
    .filter((i) => columns[i]?.dispensable !== undefined)
    .toSorted((a, b) => (columns[a]?.dispensable ?? 0) - (columns[b]?.dispensable ?? 0));
  const widthNow = () => shown.reduce((sum, i) => sum + (widths[i] ?? 0) + BETWEEN.length, -BETWEEN.length);
  for (const i of order) {
    if (widthNow() <= terminalColumns) break;
    shown = shown.filter((other) => other !== i);
  }
  return shown;
}
