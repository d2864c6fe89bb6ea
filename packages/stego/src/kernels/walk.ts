/** Samples of the header's walk from its start, `positions.length` of them, column by column within each row. */
export function walkPositions(
  positions: Uint32Array,
  table: Uint16Array,
  bases: Uint32Array,
  rotations: Uint16Array,
  xors: Uint16Array,
): void {
  const columns = bases.length;
  for (let k = 0, row = 0, column = 0; k < positions.length; k++) {
    positions[k] = bases[column]! + (table[(row + rotations[column]!) & 4095]! ^ xors[column]!);
    if (++column === columns) {
      column = 0;
      row++;
    }
  }
}
