/** Kernels that stretch a small scene to a picture's row: 16-bit values, RGB interleaved, bilinear. */

/**
 * `strip` = row `upper` and the row below it (or itself, at the end) of `codes`, mixed `weight`/256 to
 * the lower; its last pixel is repeated once more, as the right neighbour of itself.
 */
export function blendRows(codes: Uint16Array, upper: number, weight: number, strip: Uint16Array): void {
  const length = strip.length - 3;
  const top = upper * length;
  const bottom = top + length < codes.length ? top + length : top;
  for (let i = 0; i < length; i++)
    strip[i] = (codes[top + i]! * (256 - weight) + codes[bottom + i]! * weight) >>> 8;
  for (let i = length; i < length + 3; i++) strip[i] = strip[i - 3]!;
}

/**
 * Pixel `x` of `levels` = pixel `lefts[x]` of the strip and its right neighbour, mixed `weights[x]`/256
 * to the right, and reduced from 16 bits to 12.
 */
export function stretchRow(
  strip: Uint16Array,
  lefts: Uint16Array,
  weights: Uint16Array,
  levels: Uint16Array,
): void {
  for (let x = 0, out = 0; x < lefts.length; x++, out += 3) {
    const left = lefts[x]! * 3;
    const weight = weights[x]!;
    const rest = 256 - weight;
    levels[out] = (strip[left]! * rest + strip[left + 3]! * weight) >>> 12;
    levels[out + 1] = (strip[left + 1]! * rest + strip[left + 4]! * weight) >>> 12;
    levels[out + 2] = (strip[left + 2]! * rest + strip[left + 5]! * weight) >>> 12;
  }
}
