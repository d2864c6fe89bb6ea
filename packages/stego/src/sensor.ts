/** The camera that never was: how the light of a scene becomes noisy 8-bit samples. */

import { buildAlias } from './kernels/alias.ts';

/** Mean code values are told apart in steps of 1/16: 12 bits. */
const LEVELS_PER_CODE = 16;
const LEVELS = 256 * LEVELS_PER_CODE;
/** Values of one parity that a level can become: 16, so 32 neighbouring code values in all. */
const VALUES = 16;

/**
 * Variance in linear light (0..1) = shot * light + read. So chosen that the standard deviation in 8-bit
 * code values is least in the highlights, 1.4 there, and twice that at most in the shadows; under 1.1 the share of odd values would
 * begin to depend visibly on the mean, and forcing parities would show.
 */
const SHOT_NOISE = 1.5e-4;
const READ_NOISE = 3e-7;

/** Light, 0..1, of a code value, 0..255: the sRGB curve (IEC 61966-2-1). */
export function lightOf(code: number): number {
  const x = code / 255;
  return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
}

/** Code value, 0..255 and not rounded, of light 0..1. */
export function codeOf(light: number): number {
  return 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055);
}

/** Light below which a value is the next lower one; 257 of them. */
const EDGES = Float64Array.from({ length: 257 }, (_, value) =>
  lightOf(Math.min(255, Math.max(0, value - 0.5))),
);

/**
 * Probabilities of the code values `first .. first + 31` where the mean is `code`: Gaussian noise in
 * linear light, rounded to a code value. Each value's interval is integrated by Simpson's rule, and the
 * distribution is cut off at its ends (at 8 standard deviations or more) and at 0 and 255.
 */
export function noiseAt(code: number): { first: number; weights: number[] } {
  const first = Math.min(224, Math.max(0, 2 * Math.round((code - 15.5) / 2)));
  const mean = lightOf(code);
  const variance = SHOT_NOISE * mean + READ_NOISE;
  const density = (light: number) => Math.exp(-((light - mean) ** 2) / (2 * variance));
  const weights: number[] = [];
  for (let value = first; value < first + 2 * VALUES; value++) {
    const low = EDGES[value] ?? 0;
    const step = ((EDGES[value + 1] ?? 1) - low) / 4;
    const ends = density(low) + density(low + 4 * step);
    const quarters = density(low + step) + density(low + 3 * step);
    weights.push((step * (ends + 4 * quarters + 2 * density(low + 2 * step))) / 3);
  }
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return { first, weights: weights.map((weight) => weight / sum) };
}

let built: Uint32Array | undefined;

/** Alias tables for `drawSamples`: of every level, for even and for odd values. Half a megabyte, built once. */
export function noiseTables(): Uint32Array {
  built ??= buildTables();
  return built;
}

function buildTables(): Uint32Array {
  const table = new Uint32Array(LEVELS * 2 * VALUES);
  const stack = new Uint8Array(VALUES);
  for (let level = 0; level < LEVELS; level++) {
    const { first, weights } = noiseAt((level + 0.5) / LEVELS_PER_CODE);
    for (const parity of [0, 1]) {
      const ofParity = Float64Array.from(weights.filter((_, i) => (i & 1) === parity));
      buildAlias(table, level * 2 * VALUES + parity * VALUES, first + parity, ofParity, stack);
    }
  }
  return table;
}
