/**
 * Fills `table` with a permutation of `0..table.length-1`: Fisher-Yates from the top down (Durstenfeld,
 * CACM 7(7), 1964), index `i` swapped with `floor(draws[n] * (i + 1) / 2^32)`, `n` counting from 0.
 * Needs `table.length - 1` draws.
 */
export function shuffle(table: Uint16Array, draws: Uint32Array): void {
  for (let i = 0; i < table.length; i++) table[i] = i;
  for (let i = table.length - 1, n = 0; i > 0; i--, n++) {
    const j = Math.floor((draws[n]! * (i + 1)) / 4294967296);
    const kept = table[i]!;
    table[i] = table[j]!;
    table[j] = kept;
  }
}
