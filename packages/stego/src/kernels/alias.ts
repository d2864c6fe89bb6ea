/**
 * Alias tables (Walker 1977; built as by Vose, IEEE TSE 17(9), 1991) of 16 values, for drawing with one
 * 32-bit number: its low 4 bits pick a column, its high 20 decide between that column's own value and
 * its alias. An entry packs threshold (bits 12-31), alias column (bits 8-11) and the value of column 0
 * (bits 0-7); column `c` stands for that value plus `2 c`.
 */

const COLUMNS = 16;
const ONE = 2 ** 20;

/** Writes 16 entries at `at`. `weights` (16, not negative, some positive) are used up; `stack` is scratch for 16. */
export function buildAlias(
  table: Uint32Array,
  at: number,
  firstValue: number,
  weights: Float64Array,
  stack: Uint8Array,
): void {
  let sum = 0;
  for (let c = 0; c < COLUMNS; c++) sum += weights[c]!;
  // Columns below average grow from the bottom of the stack, the others from its top.
  let small = 0;
  let large = COLUMNS;
  for (let c = 0; c < COLUMNS; c++) {
    weights[c] = (weights[c]! * COLUMNS) / sum;
    if (weights[c]! < 1) stack[small++] = c;
    else stack[--large] = c;
  }
  while (small > 0 && large < COLUMNS) {
    const poor = stack[--small]!;
    const rich = stack[large]!;
    table[at + poor] = entry(Math.round(weights[poor]! * ONE), rich, firstValue);
    weights[rich]! += weights[poor]! - 1;
    if (weights[rich]! < 1) {
      large++;
      stack[small++] = rich;
    }
  }
  // What rounding left over on either side keeps its whole column.
  while (small > 0) keepWhole(table, at, stack[--small]!, firstValue);
  while (large < COLUMNS) keepWhole(table, at, stack[large++]!, firstValue);
}

function keepWhole(table: Uint32Array, at: number, column: number, firstValue: number): void {
  table[at + column] = entry(0, column, firstValue);
}

function entry(threshold: number, alias: number, firstValue: number): number {
  return ((Math.min(threshold, ONE - 1) << 12) | (alias << 8) | firstValue) >>> 0;
}

/**
 * Draws samples `first .. first + count - 1` of `data`: sample `first + i` from the table of level
 * `levels[levelAt + i]` and of the parity that bit `bitAt + i` of `parities` (packed LSB first) asks for,
 * with `random[i]`. The tables stand by level, then parity: entry `level << 5 | parity << 4 | column`.
 */
export function drawSamples(
  data: Uint8Array,
  first: number,
  count: number,
  levels: Uint16Array,
  levelAt: number,
  parities: Uint8Array,
  bitAt: number,
  random: Uint32Array,
  table: Uint32Array,
): void {
  for (let i = 0; i < count; i++) {
    const bit = bitAt + i;
    const parity = (parities[bit >>> 3]! >> (bit & 7)) & 1;
    const draw = random[i]!;
    const own = draw & 15;
    const packed = table[(levels[levelAt + i]! << 5) | (parity << 4) | own]!;
    const column = draw >>> 12 < packed >>> 12 ? own : (packed >>> 8) & 15;
    data[first + i] = (packed & 255) + (column << 1);
  }
}
