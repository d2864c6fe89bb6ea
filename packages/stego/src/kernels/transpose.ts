/**
 * Between packed bits in the body's order (column by column within each row) and words that hold one
 * row of 32 neighbouring columns, so that a block's bits can be handled together. Bits are packed LSB
 * first; `bits` has at least 8 bytes beyond the last bit used, for reads and writes of whole words.
 */

/** `words[i]` = the 32 bits from bit `i * stride + first` on, for `rows` rows. */
export function gatherWords(
  bits: Uint8Array,
  stride: number,
  first: number,
  words: Uint32Array,
  rows: number,
): void {
  for (let i = 0, k = first; i < rows; i++, k += stride) {
    const at = k >>> 3;
    const shift = k & 7;
    const low = bits[at]! | (bits[at + 1]! << 8) | (bits[at + 2]! << 16) | (bits[at + 3]! << 24);
    // A shift by 32 would be one by 0, hence in two steps.
    words[i] = (low >>> shift) | ((bits[at + 4]! << 1) << (31 - shift));
  }
}

/** Sets (by or) the 32 bits from bit `i * stride + first` on to `words[i]`, for `rows` rows. */
export function scatterWords(
  bits: Uint8Array,
  stride: number,
  first: number,
  words: Uint32Array,
  rows: number,
): void {
  for (let i = 0, k = first; i < rows; i++, k += stride) {
    const at = k >>> 3;
    const shift = k & 7;
    const word = words[i]!;
    const low = word << shift;
    bits[at]! |= low;
    bits[at + 1]! |= low >>> 8;
    bits[at + 2]! |= low >>> 16;
    bits[at + 3]! |= low >>> 24;
    bits[at + 4]! |= (word >>> 1) >>> (31 - shift);
  }
}
