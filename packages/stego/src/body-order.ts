/** Which sample carries which bit of the body. */

import type { HeaderOrder } from './header-order.ts';
import { shuffle } from './kernels/shuffle.ts';
import { drawU32s, type Keystream, scaleDraw } from './keystream.ts';
import type { Layout } from './layout.ts';

/**
 * A keyed walk through the samples that header rows leave, column by column within each row. Bit `k`
 * lies in row `i = floor(k / usableBlocks)` and column `j = k mod usableBlocks`, at
 * `bases[j] + (table[(rows[i + turns[j]] + rotations[j]) & 4095] ^ xors[j])`. Arrays are owned by the
 * order; treat them as constant.
 */
export interface BodyOrder {
  readonly layout: Layout;
  /** The header order's. */
  readonly table: Uint16Array;
  /** Rows of the header's walk from `headerRows` on, permuted; twice over, so that `i + turn` needs no modulo. */
  readonly rows: Uint16Array;
  /** Where in `rows` a column starts, 0..bodyRows-1. */
  readonly turns: Uint16Array;
  /** The header order's per column, in the body's order of columns. */
  readonly bases: Uint32Array;
  readonly rotations: Uint16Array;
  readonly xors: Uint16Array;
}

/**
 * Draws the body's order from a keystream whose key the header holds, so that it survives every
 * rewrite of the header. Takes, in this order: `bodyRows - 1` u32 for the order of rows,
 * `usableBlocks - 1` u32 for the order of columns, `usableBlocks` u32 for `turns`.
 */
export function bodyOrder(header: HeaderOrder, keystream: Keystream): BodyOrder {
  const { layout, table } = header;
  const { bodyRows, headerRows, usableBlocks } = layout;
  const permuted = new Uint16Array(bodyRows);
  shuffle(permuted, drawU32s(keystream, bodyRows - 1));
  const rows = new Uint16Array(2 * bodyRows);
  rows.set(permuted.map((row) => headerRows + row));
  rows.copyWithin(bodyRows, 0, bodyRows);
  const columns = new Uint16Array(usableBlocks);
  shuffle(columns, drawU32s(keystream, usableBlocks - 1));
  const turns = Uint16Array.from(drawU32s(keystream, usableBlocks), (draw) => scaleDraw(draw, bodyRows));
  const bases = new Uint32Array(usableBlocks);
  const rotations = new Uint16Array(usableBlocks);
  const xors = new Uint16Array(usableBlocks);
  for (const [slot, column] of columns.entries()) {
    bases[slot] = header.bases[column] ?? 0;
    rotations[slot] = header.rotations[column] ?? 0;
    xors[slot] = header.xors[column] ?? 0;
  }
  return { layout, table, rows, turns, bases, rotations, xors };
}
