/** Writing the 384 bytes of the sealed header into a picture, and reading them. */

import { AppError, HEADER_BYTES } from '@cloud-steg/protocol';
import { COLUMNS } from './header-code.ts';
import type { HeaderOrder } from './header-order.ts';
import { applyFlips, gatherCosts, gatherParities } from './kernels/parity.ts';
import { cheapestFlips, readSyndrome } from './kernels/syndrome.ts';
import { HEADER_SAMPLES } from './layout.ts';
import { checkPicture, type Picture } from './picture.ts';

/** A change at or next to the ends of the range shows more than any other. */
const COST_AT_ENDS = 64;
const COST_OF_VALUE = Uint8Array.from({ length: 256 }, (_, v) => (v <= 1 || v >= 254 ? COST_AT_ENDS : 1));

/**
 * What a sample becomes when its parity must change, by value and keyed direction: direction 0 swaps
 * 2k and 2k+1, direction 1 swaps 2k-1 and 2k; 0 and 255, that have no such partner, step inward.
 */
const PARTNERS = Uint8Array.from({ length: 512 }, (_, index) => {
  const value = index >> 1;
  const partner = index & 1 ? ((value + 1) ^ 1) - 1 : value ^ 1;
  return partner < 0 ? 1 : partner > 255 ? 254 : partner;
});

/**
 * Hides `header` (384 bytes) in `picture`, in place, by changing as few of the header's samples as it
 * can (about 400) by one. A header that is there already is replaced the same way: a sample's
 * direction is part of its key, so that changing it again brings it back, and rewriting never drifts.
 * Neither body nor anchor are touched. Throws `input/invalid` for other sizes.
 */
export function embedHeader(picture: Picture, order: HeaderOrder, header: Uint8Array): void {
  checkPicture(picture, order.layout);
  checkHeader(header);
  const { data } = picture;
  const costs = new Uint8Array(HEADER_SAMPLES);
  gatherCosts(data, order.positions, COST_OF_VALUE, costs);
  const present = extractHeader(picture, order);
  const wanted = header.map((byte, i) => byte ^ (present[i] ?? 0));
  const flips = new Uint8Array(HEADER_SAMPLES);
  cheapestFlips(costs, COLUMNS, wanted, flips, new Int32Array(256), new Uint32Array(HEADER_SAMPLES * 8));
  applyFlips(data, order.positions, flips, order.directions, PARTNERS);
}

/** The 384 bytes that the header's samples say: noise, unless a header was hidden under this very order. */
export function extractHeader(picture: Picture, order: HeaderOrder): Uint8Array {
  checkPicture(picture, order.layout);
  const parities = new Uint8Array(HEADER_SAMPLES);
  gatherParities(picture.data, order.positions, parities);
  const header = new Uint8Array(HEADER_BYTES);
  readSyndrome(parities, COLUMNS, header);
  return header;
}

/** Throws `input/invalid` unless `header` has 384 bytes. */
export function checkHeader(header: Uint8Array): void {
  if (header.length !== HEADER_BYTES)
    throw new AppError('input/invalid', `a header has ${HEADER_BYTES} bytes, not ${header.length}`);
}
