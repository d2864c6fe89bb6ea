/** Kernels between scattered samples (or a packed plane of their parities) and one byte for each. */

/** `parities[i]` = parity of the sample at `positions[i]`. */
export function gatherParities(data: Uint8Array, positions: Uint32Array, parities: Uint8Array): void {
  for (let i = 0; i < positions.length; i++) parities[i] = data[positions[i]!]! & 1;
}

/** `parities[i]` = bit `positions[i]` of the plane, packed LSB first. */
export function gatherPlane(plane: Uint8Array, positions: Uint32Array, parities: Uint8Array): void {
  for (let i = 0; i < positions.length; i++) {
    const position = positions[i]!;
    parities[i] = (plane[position >>> 3]! >> (position & 7)) & 1;
  }
}

/** Sets bit `positions[i]` of the plane to `parities[i]`. */
export function scatterPlane(plane: Uint8Array, positions: Uint32Array, parities: Uint8Array): void {
  for (let i = 0; i < positions.length; i++) {
    const position = positions[i]!;
    const shift = position & 7;
    plane[position >>> 3] = (plane[position >>> 3]! & ~(1 << shift)) | (parities[i]! << shift);
  }
}

/** `costs[i]` = what changing the sample at `positions[i]` costs, by its value. */
export function gatherCosts(
  data: Uint8Array,
  positions: Uint32Array,
  costOfValue: Uint8Array,
  costs: Uint8Array,
): void {
  for (let i = 0; i < positions.length; i++) costs[i] = costOfValue[data[positions[i]!]!]!;
}

/**
 * Replaces each flipped sample by its partner: `partners[2 * value + direction]`, `directions` packed
 * LSB first.
 */
export function applyFlips(
  data: Uint8Array,
  positions: Uint32Array,
  flips: Uint8Array,
  directions: Uint8Array,
  partners: Uint8Array,
): void {
  for (let i = 0; i < positions.length; i++) {
    if (flips[i] === 0) continue;
    const position = positions[i]!;
    const direction = (directions[i >> 3]! >> (i & 7)) & 1;
    data[position] = partners[(data[position]! << 1) | direction]!;
  }
}
