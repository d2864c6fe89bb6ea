/**
 * The anchor: one block that nothing ever modifies. Its hash goes into the key of the header's order,
 * so that two carriers of one pair don't share places.
 */

import { AppError } from '@cloud-steg/protocol';
import { BLOCK_SAMPLES, type Layout } from './layout.ts';
import { checkPicture, type Picture } from './picture.ts';

/** Which block is the anchor: a keyed unsigned 32-bit number modulo the number of blocks. */
export function anchorIndex(layout: Layout, keyedU32: number): number {
  if (!Number.isInteger(keyedU32) || keyedU32 < 0 || keyedU32 >= 2 ** 32)
    throw new AppError('input/invalid', `${keyedU32} is no unsigned 32-bit number`);
  return keyedU32 % layout.blocks;
}

/** A copy of the anchor's 4096 bytes, for the caller to hash. */
export function anchorBytes(picture: Picture, layout: Layout, index: number): Uint8Array {
  checkPicture(picture, layout);
  checkAnchor(layout, index);
  return picture.data.slice(index * BLOCK_SAMPLES, (index + 1) * BLOCK_SAMPLES);
}

/** Throws `input/invalid` unless `index` is a block of the layout. */
export function checkAnchor(layout: Layout, index: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= layout.blocks)
    throw new AppError('input/invalid', `block ${index} is not one of 0..${layout.blocks - 1}`);
}
