/** How keys reach this package: as streams of bytes someone else's cipher makes. */

/**
 * Fills `out` with the next bytes of a stream. Only the sequence counts, never how it is cut into
 * calls. For orders it is a cipher's output under a derived key; for noise and signs any
 * cryptographic generator.
 */
export type Keystream = (out: Uint8Array) => void;

/** The next `count` unsigned 32-bit numbers, little-endian. */
export function drawU32s(keystream: Keystream, count: number): Uint32Array {
  const bytes = new Uint8Array(count * 4);
  keystream(bytes);
  const view = new DataView(bytes.buffer);
  return Uint32Array.from({ length: count }, (_, i) => view.getUint32(i * 4, true));
}

/**
 * Maps a 32-bit draw to `0..bound-1` as `floor(draw * bound / 2^32)`, exact in a double for bounds up
 * to 2^21. No value is likelier than another by more than `bound / 2^32`: under 7e-6 for the largest
 * bound here (29,295 blocks), so no draw is ever rejected and a table always takes the same bytes.
 */
export function scaleDraw(draw: number, bound: number): number {
  return Math.floor((draw * bound) / 2 ** 32);
}
