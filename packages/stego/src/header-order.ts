/** Which samples carry the header, in which order, and which way each one is changed. */

import { checkAnchor } from './anchor.ts';
import { shuffle } from './kernels/shuffle.ts';
import { walkPositions } from './kernels/walk.ts';
import { drawU32s, type Keystream } from './keystream.ts';
import { BLOCK_SAMPLES, HEADER_SAMPLES, type Layout } from './layout.ts';

/**
 * A keyed walk through all usable samples, column (block) by column within each row. Sample of row `i`
 * in column `j`: `bases[j] + (table[(i + rotations[j]) & 4095] ^ xors[j])`. Arrays are owned by the
 * order; treat them as constant.
 */
export interface HeaderOrder {
  readonly layout: Layout;
  /** Block that is never modified. */
  readonly anchor: number;
  /** One permutation of 0..4095 for all blocks. */
  readonly table: Uint16Array;
  /** First sample of each column's block; a permutation of all blocks but the anchor. */
  readonly bases: Uint32Array;
  /** 12 bits per column. */
  readonly rotations: Uint16Array;
  /** 12 bits per column. */
  readonly xors: Uint16Array;
  /** The first 65,536 samples of the walk: the header's. */
  readonly positions: Uint32Array;
  /** One bit for each of them, packed LSB first: see `embedHeader`. */
  readonly directions: Uint8Array;
}

/**
 * Draws the order from a keystream that depends on the pair key, the picture's size and the anchor's
 * hash. Takes, in this order: 4095 u32 for `table`, `usableBlocks - 1` u32 for the order of blocks,
 * `usableBlocks` u32 whose bits 0-11 are the rotation and 12-23 the xor, 8192 bytes of directions.
 * Throws `input/invalid` for an anchor outside the layout.
 */
export function headerOrder(layout: Layout, anchor: number, keystream: Keystream): HeaderOrder {
  checkAnchor(layout, anchor);
  const { usableBlocks } = layout;
  const table = new Uint16Array(BLOCK_SAMPLES);
  shuffle(table, drawU32s(keystream, BLOCK_SAMPLES - 1));
  const blocks = new Uint16Array(usableBlocks);
  shuffle(blocks, drawU32s(keystream, usableBlocks - 1));
  const bases = Uint32Array.from(blocks, (block) => (block < anchor ? block : block + 1) * BLOCK_SAMPLES);
  const turns = drawU32s(keystream, usableBlocks);
  const rotations = Uint16Array.from(turns, (turn) => turn & 4095);
  const xors = Uint16Array.from(turns, (turn) => (turn >>> 12) & 4095);
  const directions = new Uint8Array(HEADER_SAMPLES / 8);
  keystream(directions);
  const positions = new Uint32Array(HEADER_SAMPLES);
  walkPositions(positions, table, bases, rotations, xors);
  return { layout, anchor, table, bases, rotations, xors, positions, directions };
}
