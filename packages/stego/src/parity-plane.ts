/**
 * The parities of all samples of a picture yet to be drawn, packed LSB first in sample order:
 * random, but for what they are made to say.
 */

import { AppError } from '@cloud-steg/protocol';
import { rowsUsed, TILE_COLUMNS, withSlack } from './body.ts';
import type { BodyOrder } from './body-order.ts';
import { checkHeader } from './header.ts';
import { COLUMNS } from './header-code.ts';
import type { HeaderOrder } from './header-order.ts';
import { plantTile } from './kernels/body.ts';
import { gatherPlane, scatterPlane } from './kernels/parity.ts';
import { settleSyndrome } from './kernels/syndrome.ts';
import { gatherWords } from './kernels/transpose.ts';
import type { Keystream } from './keystream.ts';
import { HEADER_SAMPLES, type Layout, requireCapacity } from './layout.ts';

export interface ParityPlane {
  readonly layout: Layout;
  readonly bits: Uint8Array;
}

/** A plane of uniform bits. `random` is fresh and can't be guessed; not part of the format. */
export function randomParities(layout: Layout, random: Keystream): ParityPlane {
  const bits = new Uint8Array(planeBytes(layout));
  random(bits);
  return { layout, bits };
}

/** Makes the plane say `bytes` where `extractBody` looks. Throws `carrier/cover-too-small` beyond the capacity. */
export function plantBody(plane: ParityPlane, order: BodyOrder, bytes: Uint8Array): void {
  const { layout, table, rows, turns, bases, rotations, xors } = order;
  checkPlane(plane, layout);
  requireCapacity(layout, bytes.length);
  const bits = bytes.length * 8;
  const padded = withSlack(bytes);
  const words = new Uint32Array(layout.bodyRows);
  for (let first = 0; first < Math.min(bits, layout.usableBlocks); first += TILE_COLUMNS) {
    gatherWords(padded, layout.usableBlocks, first, words, rowsUsed(layout, bits, first));
    plantTile(plane.bits, table, rows, turns, bases, rotations, xors, first, bits, words);
  }
}

/**
 * Makes the plane say `header` (384 bytes) where `extractHeader` looks: random parities become uniform
 * over all those that say it. Throws `input/invalid` for another length.
 */
export function plantHeader(plane: ParityPlane, order: HeaderOrder, header: Uint8Array): void {
  checkPlane(plane, order.layout);
  checkHeader(header);
  const parities = new Uint8Array(HEADER_SAMPLES);
  gatherPlane(plane.bits, order.positions, parities);
  settleSyndrome(parities, COLUMNS, header);
  scatterPlane(plane.bits, order.positions, parities);
}

/** Throws `input/invalid` unless the plane is of the layout's size. */
export function checkPlane(plane: ParityPlane, layout: Layout): void {
  const { width, height } = plane.layout;
  if (width !== layout.width || height !== layout.height || plane.bits.length !== planeBytes(layout))
    throw new AppError(
      'input/invalid',
      `parities for ${width}x${height} don't fit a picture of ${layout.width}x${layout.height}`,
    );
}

function planeBytes(layout: Layout): number {
  return Math.ceil((3 * layout.width * layout.height) / 8);
}
