/**
 * How a picture is divided, from its size alone: blocks of samples, rows kept for the header, room
 * for the body. `docs/carrier-format.md` says the same in words.
 */

import { AppError, CARRIER_PIXELS_MAX } from '@cloud-steg/protocol';
import { checkSize } from './picture.ts';

/** Samples (one channel of one pixel) in a block. */
export const BLOCK_SAMPLES = 4096;
/** Samples that carry the header. */
export const HEADER_SAMPLES = 65_536;

/** Fewest usable blocks in which header rows leave any row to the body. */
const USABLE_BLOCKS_MIN = HEADER_SAMPLES / BLOCK_SAMPLES + 1;
/** Default width / height of generated pictures. */
const ASPECT_DEFAULT = 3 / 2;
/** A generated picture may stray this far from the aspect asked for, to be smaller. */
const ASPECT_TOLERANCE = 0.02;

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Blocks of 4096 samples; samples after the last whole block are never used. */
  readonly blocks: number;
  /** All blocks but the anchor. */
  readonly usableBlocks: number;
  /** Rows (one sample of each usable block) that belong to the header. */
  readonly headerRows: number;
  /** Rows left to the body. */
  readonly bodyRows: number;
  /** Whole bytes the body holds at 1 bit per sample. */
  readonly capacityBytes: number;
}

/**
 * Layout of a picture. Throws `input/invalid` for sides that are no positive integers,
 * `image/too-large` above `CARRIER_PIXELS_MAX` and `carrier/cover-too-small` (data: `width`, `height`,
 * `neededPixels`) where the header alone doesn't fit.
 */
export function layoutOf(width: number, height: number): Layout {
  checkSize(width, height);
  const layout = divide(width, height);
  if (layout.usableBlocks < USABLE_BLOCKS_MIN) {
    const neededPixels = pixelsFor(USABLE_BLOCKS_MIN);
    throw new AppError(
      'carrier/cover-too-small',
      `cover too small: needs ${neededPixels} pixels, ${width}x${height} has ${width * height}`,
      { hint: sizeHint(sizeOf(neededPixels, width / height)), data: { width, height, neededPixels } },
    );
  }
  return layout;
}

/** Bytes a picture of this size can hide as its body; 0 where it can't carry anything. Never throws. */
export function capacityBytes(width: number, height: number): number {
  const whole = Number.isSafeInteger(width) && Number.isSafeInteger(height) && width > 0 && height > 0;
  if (!whole || width * height > CARRIER_PIXELS_MAX) return 0;
  const layout = divide(width, height);
  return layout.usableBlocks < USABLE_BLOCKS_MIN ? 0 : layout.capacityBytes;
}

/**
 * Smallest generated picture that holds `bytes`: both sides even, width / height within 2% of
 * `aspect` (for pictures of more than a few hundred pixels a side). Throws
 * `carrier/payload-too-large` (data: `bytes`, `bytesMax`) where no carrier can.
 */
export function sizeFor(bytes: number, aspect: number = ASPECT_DEFAULT): { width: number; height: number } {
  if (!(Number.isSafeInteger(bytes) && bytes >= 0))
    throw new AppError('input/invalid', `${bytes} is no number of bytes`);
  if (!(aspect >= 0.1 && aspect <= 10))
    throw new AppError('input/invalid', `aspect ${aspect} is not between 0.1 and 10`);
  const pixels = pixelsFor(usableBlocksFor(bytes));
  const size = sizeOf(pixels, aspect);
  if (size.width * size.height > CARRIER_PIXELS_MAX) throw payloadTooLarge(bytes);
  return size;
}

/**
 * Throws `carrier/cover-too-small` (data: `width`, `height`, `capacityBytes`, `neededBytes`,
 * `neededWidth`, `neededHeight`, the latter in the cover's own proportions) unless the layout has
 * room for a body of `bytes`; `carrier/payload-too-large` where no cover would do.
 */
export function requireCapacity(layout: Layout, bytes: number): void {
  const { width, height } = layout;
  if (bytes <= layout.capacityBytes) return;
  const rounded = [readable(bytes), readable(layout.capacityBytes)];
  const [needs, holds] = rounded[0] === rounded[1] ? [bytes, `${layout.capacityBytes} bytes`] : rounded;
  const needed = sizeFor(bytes, Math.min(10, Math.max(0.1, width / height)));
  throw new AppError(
    'carrier/cover-too-small',
    `cover too small: needs ${needs}, ${width}x${height} holds ${holds}`,
    {
      hint: sizeHint(needed),
      data: {
        width,
        height,
        capacityBytes: layout.capacityBytes,
        neededBytes: bytes,
        neededWidth: needed.width,
        neededHeight: needed.height,
      },
    },
  );
}

function divide(width: number, height: number): Layout {
  const blocks = Math.floor((3 * width * height) / BLOCK_SAMPLES);
  const usableBlocks = Math.max(0, blocks - 1);
  const headerRows = usableBlocks === 0 ? BLOCK_SAMPLES : Math.ceil(HEADER_SAMPLES / usableBlocks);
  const bodyRows = Math.max(0, BLOCK_SAMPLES - headerRows);
  const capacityBytes = Math.floor((bodyRows * usableBlocks) / 8);
  return { width, height, blocks, usableBlocks, headerRows, bodyRows, capacityBytes };
}

/** Capacity grows with every block, and a header costs under one row more than its samples. */
function usableBlocksFor(bytes: number): number {
  let blocks = Math.max(USABLE_BLOCKS_MIN, Math.floor((bytes * 8 + HEADER_SAMPLES) / BLOCK_SAMPLES));
  while (Math.floor(((BLOCK_SAMPLES - Math.ceil(HEADER_SAMPLES / blocks)) * blocks) / 8) < bytes) blocks++;
  return blocks;
}

function pixelsFor(usableBlocks: number): number {
  return Math.ceil(((usableBlocks + 1) * BLOCK_SAMPLES) / 3);
}

/** Of the even widths near the ideal one, the one whose even height wastes the fewest pixels. */
function sizeOf(pixels: number, aspect: number): { width: number; height: number } {
  const ideal = Math.sqrt(pixels * aspect);
  let best = withWidth(pixels, evenUp(ideal));
  for (
    let width = evenUp(ideal * (1 - ASPECT_TOLERANCE / 2));
    width <= ideal * (1 + ASPECT_TOLERANCE / 2);
    width += 2
  ) {
    const size = withWidth(pixels, width);
    if (size.width * size.height < best.width * best.height) best = size;
  }
  return best;
}

function withWidth(pixels: number, width: number): { width: number; height: number } {
  return { width, height: evenUp(pixels / width) };
}

function evenUp(length: number): number {
  return 2 * Math.ceil(length / 2);
}

function payloadTooLarge(bytes: number): AppError {
  const bytesMax = divide(CARRIER_PIXELS_MAX, 1).capacityBytes;
  return new AppError(
    'carrier/payload-too-large',
    `${readable(bytes)} can't be hidden: a carrier of ${CARRIER_PIXELS_MAX / 1e6} megapixels, the largest allowed, holds ${readable(bytesMax)}`,
    {
      hint: 'send a smaller version of the picture',
      data: { bytes, bytesMax, pixelsMax: CARRIER_PIXELS_MAX },
    },
  );
}

function sizeHint({ width, height }: { width: number; height: number }): string {
  return `use a picture of at least ${width}x${height}, or let one be made (omit --cover)`;
}

function readable(bytes: number): string {
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`;
  return bytes >= 1e3 ? `${(bytes / 1e3).toFixed(1)} kB` : `${bytes} bytes`;
}
