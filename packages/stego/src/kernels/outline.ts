/** Outlines of hills: for each column the row where land begins. Lower numbers are higher up. */

import { fractalAt, ridgedAt } from './value-noise.ts';

/** Rolling (`sharp` 0) to craggy (1) crests around row `base`, at most about `rise` rows above it. */
export function outlineHills(
  crest: Float32Array,
  scale: number,
  lattice: Float32Array,
  octaves: number,
  base: number,
  rise: number,
  frequency: number,
  sharp: number,
  seed: number,
): void {
  for (let x = 0; x < crest.length; x++) {
    const u = x * scale * frequency + seed;
    const rolling = 0.5 + 0.42 * fractalAt(lattice, u, seed, Math.min(octaves, 3), 0.4);
    const craggy = sharp > 0 ? ridgedAt(lattice, u * 0.8, seed + 3.3, octaves, 0.45) * 0.95 - 0.75 : 0;
    crest[x] = base - rise * (rolling + (craggy - rolling) * sharp);
  }
}

/** Raises the crest by a conifer around column `middle`: `tall` rows high, jagged by the lattice. */
export function plantConifer(
  crest: Float32Array,
  lattice: Float32Array,
  middle: number,
  tall: number,
  seed: number,
): void {
  const ground = crest[Math.min(crest.length - 1, Math.max(0, Math.round(middle)))]!;
  const reach = tall * 0.2;
  const from = Math.max(0, Math.ceil(middle - reach));
  const to = Math.min(crest.length - 1, Math.floor(middle + reach));
  for (let x = from; x <= to; x++) {
    const off = Math.abs(x - middle) / reach;
    const jag = 0.14 * lattice[(seed + Math.round(off * 9) * 7 + (x < middle ? 128 : 0)) & 16383]!;
    const row = ground - tall * Math.max(0, 1 - off + jag * Math.min(1, off * 4)) + tall * 0.05;
    if (row < crest[x]!) crest[x] = row;
  }
}
