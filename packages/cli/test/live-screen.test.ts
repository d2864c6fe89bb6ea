import { describe, expect, it } from 'vitest';
import { LiveScreen } from '../src/cluster/live-screen.ts';
import { crop, type Line, paint, span, wrap } from '../src/cluster/styled-text.ts';
import { memorySink } from './shell.ts';

const SIZE = { columns: 20, rows: 6 };
const linesOf = (...texts: string[]): Line[] => texts.map((text) => [span(text)]);

/** Escapes as a character that may stand in a pattern. */
const visible = (text: string) => text.replaceAll('\u001b', '␛');

/** What a terminal shows that obeys just what the screen asks of it. Throws on anything else. */
class Terminal {
  readonly rows: string[] = [];
  cursorShown = true;
  #row = 0;
  #column = 0;

  feed(text: string): void {
    const pieces = visible(text).matchAll(/␛\[\??\d*[A-Za-z]|\r|\n|[^␛\r\n]+|␛/g);
    for (const [piece] of pieces) this.#take(piece);
  }

  #take(piece: string): void {
    const [, up] = /^␛\[(\d+)A$/.exec(piece) ?? [];
    if (piece === '\r') this.#column = 0;
    else if (piece === '\n') [this.#row, this.#column] = [this.#row + 1, 0];
    else if (up !== undefined) this.#row -= Number(up);
    else if (piece === '␛[K') this.#write(this.#before());
    else if (piece === '␛[J')
      this.rows.splice(this.#row, Infinity, ...(this.#column > 0 ? [this.#before()] : []));
    else if (piece === '␛[H') [this.#row, this.#column] = [0, 0];
    else if (piece === '␛[2J') this.rows.length = 0;
    else if (piece === '␛[?25l' || piece === '␛[?25h') this.cursorShown = piece.endsWith('h');
    else if (piece.startsWith('␛')) {
      if (!piece.startsWith('␛[?2026')) throw new Error(`unknown sequence ${JSON.stringify(piece)}`);
    } else {
      const line = this.rows[this.#row] ?? '';
      this.#write(this.#before() + piece + line.slice(this.#column + piece.length));
      this.#column += piece.length;
    }
    if (this.#row < 0) throw new Error('above the first row');
  }

  #before(): string {
    return (this.rows[this.#row] ?? '').slice(0, this.#column);
  }
  #write(line: string): void {
    while (this.rows.length < this.#row) this.rows.push('');
    this.rows[this.#row] = line;
  }
}

/** A terminal that showed a prompt before, and what each step leaves on it. */
function drawn(...steps: ((screen: LiveScreen) => void)[]): Terminal {
  const terminal = new Terminal();
  terminal.feed('$ watch\n');
  const screen = new LiveScreen({ isTty: true, write: (text) => terminal.feed(text) }, false);
  for (const step of steps) step(screen);
  return terminal;
}

describe('the live screen', () => {
  it('draws below what was there, and then over itself', () => {
    const terminal = drawn(
      (screen) => screen.draw(linesOf('one', 'two longer', 'three'), SIZE),
      (screen) => screen.draw(linesOf('1', '2'), SIZE),
    );
    expect(terminal.rows).toEqual(['$ watch', '1', '2']);
    expect(terminal.cursorShown).toBe(true);
  });

  it('leaves the last frame, without what the terminal wrote at Ctrl-C', () => {
    const terminal = drawn((screen) => screen.draw(linesOf('one', 'two'), SIZE));
    const screen = new LiveScreen({ isTty: true, write: (text) => terminal.feed(text) }, false);
    terminal.feed('^C');
    expect(terminal.rows.at(-1)).toBe('^C');
    screen.end();
    expect(terminal.rows).toEqual(['$ watch', 'one', 'two']);
  });

  it('shows what fits, and says how much does not', () => {
    const terminal = drawn((screen) =>
      screen.draw(linesOf('a line of many more than 20', '2', '3', '4', '5', '6', '7'), SIZE),
    );
    expect(terminal.rows).toEqual(['$ watch', 'a line of many mor…', '2', '3', '4', '… 3 more lines']);
    for (const row of terminal.rows) expect(row.length).toBeLessThan(SIZE.columns);
  });

  it('starts from an empty window after a change of its size, so that no old frame is left to be believed', () => {
    const terminal = drawn(
      (screen) => screen.draw(linesOf('old leader', 'old node'), SIZE),
      (screen) => screen.draw(linesOf('new leader'), { columns: 10, rows: 6 }),
      (screen) => screen.draw(linesOf('newer'), { columns: 10, rows: 6 }),
    );
    expect(terminal.rows).toEqual(['newer']);
  });

  it('writes each frame at once and hides the cursor only within it', () => {
    const writes: string[] = [];
    const screen = new LiveScreen({ isTty: true, write: (text) => writes.push(text) }, true);
    screen.draw([[span('unknown', 'unknown')]], SIZE);
    expect(writes).toHaveLength(1);
    expect(visible(writes.join())).toMatch(/^␛\[\?2026h␛\[\?25l[^]*␛\[\?25h␛\[\?2026l$/);
    expect(writes[0]).toContain('\u001b[90munknown\u001b[0m');
    const plain = memorySink(true);
    new LiveScreen(plain, false).draw([[span('unknown', 'unknown')]], SIZE);
    expect(plain.text).not.toContain('\u001b[90m');
  });
});

describe('lines', () => {
  it('are cropped across their pieces, with a mark', () => {
    const line = [span('abc', 'leader'), span('def')];
    expect(paint(crop(line, 6), false)).toBe('abcdef');
    expect(paint(crop(line, 5), false)).toBe('abcd…');
    expect(crop(line, 5)[0]).toEqual({ text: 'abc', tone: 'leader' });
  });

  it('are wrapped between words, with an indent', () => {
    const wrapped = wrap('! one two three', 'warning', 8, '  ').map((line) => paint(line, false));
    expect(wrapped).toEqual(['! one', '  two', '  three']);
    expect(wrap('short', 'plain', Number.POSITIVE_INFINITY, '  ')).toHaveLength(1);
  });
});
