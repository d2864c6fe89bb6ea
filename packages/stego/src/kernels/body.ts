/**
 * Kernels over a tile of up to 32 neighbouring columns of the body, from column `first` on; lane `l`
 * is column `first + l`. Sample of row `i` in column `j`:
 * `bases[j] + (table[(rows[turns[j] + i] + rotations[j]) & 4095] ^ xors[j])`, its bit being bit `l` of
 * `words[i]` and, among all `bits`, number `i * bases.length + j`.
 */

const LANES = 32;

/**
 * Gives each sample the parity of its bit: `steps[value << 2 | sign << 1 | bit]`, the sign being bit
 * `l` of `signs[i]`.
 */
export function embedTile(
  data: Uint8Array,
  table: Uint16Array,
  rows: Uint16Array,
  turns: Uint16Array,
  bases: Uint32Array,
  rotations: Uint16Array,
  xors: Uint16Array,
  first: number,
  bits: number,
  words: Uint32Array,
  signs: Uint32Array,
  steps: Uint8Array,
): void {
  const end = Math.min(first + LANES, bases.length, bits);
  for (let column = first; column < end; column++) {
    const count = Math.ceil((bits - column) / bases.length);
    const lane = column - first;
    const base = bases[column]!;
    const rotation = rotations[column]!;
    const xor = xors[column]!;
    const turn = turns[column]!;
    for (let i = 0; i < count; i++) {
      const position = base + (table[(rows[turn + i]! + rotation) & 4095]! ^ xor);
      const choice = (((signs[i]! >>> lane) & 1) << 1) | ((words[i]! >>> lane) & 1);
      data[position] = steps[(data[position]! << 2) | choice]!;
    }
  }
}

/** Sets (by or) each sample's bit in `words` to its parity. */
export function extractTile(
  data: Uint8Array,
  table: Uint16Array,
  rows: Uint16Array,
  turns: Uint16Array,
  bases: Uint32Array,
  rotations: Uint16Array,
  xors: Uint16Array,
  first: number,
  bits: number,
  words: Uint32Array,
): void {
  const end = Math.min(first + LANES, bases.length, bits);
  for (let column = first; column < end; column++) {
    const count = Math.ceil((bits - column) / bases.length);
    const lane = column - first;
    const base = bases[column]!;
    const rotation = rotations[column]!;
    const xor = xors[column]!;
    const turn = turns[column]!;
    for (let i = 0; i < count; i++) {
      const position = base + (table[(rows[turn + i]! + rotation) & 4095]! ^ xor);
      words[i]! |= (data[position]! & 1) << lane;
    }
  }
}

/** Sets each sample's bit of a packed plane (LSB first) to its bit in `words`. */
export function plantTile(
  plane: Uint8Array,
  table: Uint16Array,
  rows: Uint16Array,
  turns: Uint16Array,
  bases: Uint32Array,
  rotations: Uint16Array,
  xors: Uint16Array,
  first: number,
  bits: number,
  words: Uint32Array,
): void {
  const end = Math.min(first + LANES, bases.length, bits);
  for (let column = first; column < end; column++) {
    const count = Math.ceil((bits - column) / bases.length);
    const lane = column - first;
    const base = bases[column]!;
    const rotation = rotations[column]!;
    const xor = xors[column]!;
    const turn = turns[column]!;
    for (let i = 0; i < count; i++) {
      const position = base + (table[(rows[turn + i]! + rotation) & 4095]! ^ xor);
      const shift = position & 7;
      const at = position >>> 3;
      plane[at] = (plane[at]! & ~(1 << shift)) | (((words[i]! >>> lane) & 1) << shift);
    }
  }
}
