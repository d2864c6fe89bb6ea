/** Lines that are drawn over themselves, below what the terminal showed before. */

import type { Sink } from '../shell.ts';
import { crop, type Line, paint, span } from './styled-text.ts';

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

const ESCAPE = '\u001b[';
/** Cursor to the first column of the first row, all rows cleared. */
const CLEAR = `${ESCAPE}H${ESCAPE}2J`;
const END_OF_LINE = `${ESCAPE}K`;
const END_OF_SCREEN = `${ESCAPE}J`;
/** Terminals that know it (mode 2026) show nothing until the end; others pass over it. */
const BEGIN_FRAME = `${ESCAPE}?2026h${ESCAPE}?25l`;
const END_FRAME = `${ESCAPE}?25h${ESCAPE}?2026l`;

/**
 * Each frame is one write that overwrites line by line, so nothing flickers, and hides the cursor only while it is
 * drawn, so that a process that is killed or suspended leaves nothing to restore.
 */
export class LiveScreen {
  readonly #sink: Sink;
  readonly #color: boolean;
  #drawn: { readonly rows: number; readonly size: ScreenSize } | undefined;

  constructor(sink: Sink, color: boolean) {
    this.#sink = sink;
    this.#color = color;
  }

  /** What fits is drawn; the cursor rests below. */
  draw(lines: readonly Line[], size: ScreenSize): void {
    const fitting = fit(lines, size);
    const text = fitting.map((line) => `${paint(line, this.#color)}${END_OF_LINE}\n`).join('');
    this.#sink.write(BEGIN_FRAME + this.#start(size) + text + END_OF_SCREEN + END_FRAME);
    this.#drawn = { rows: fitting.length, size: { columns: size.columns, rows: size.rows } };
  }

  #start({ columns, rows }: ScreenSize): string {
    const drawn = this.#drawn;
    if (!drawn) return '\r';
    const resized = drawn.size.columns !== columns || drawn.size.rows !== rows;
    // Terminals differ in what they make of lines on being resized; a frame of old must not stay to be believed.
    return resized ? CLEAR : `\r${ESCAPE}${drawn.rows}A`;
  }

  /** Leaves the last frame, without the `^C` that a terminal may have written below it. */
  end(): void {
    this.#sink.write(`\r${END_OF_SCREEN}`);
  }
}

/** A line as wide as the terminal would leave the cursor in between lines, and a frame as high would scroll. */
function fit(lines: readonly Line[], { columns, rows }: ScreenSize): Line[] {
  const cropped = lines.map((line) => crop(line, columns - 1));
  const room = Math.max(1, rows - 1);
  if (cropped.length <= room) return cropped;
  const hidden = cropped.length - room + 1;
  return [...cropped.slice(0, room - 1), crop([span(`… ${hidden} more lines`, 'unknown')], columns - 1)];
}
