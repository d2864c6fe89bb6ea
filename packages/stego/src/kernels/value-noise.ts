/**
 * Smooth noise over the plane, from a lattice of 128 x 128 values in -1..1 that repeats (value noise
 * with Perlin's quintic fade, SIGGRAPH 2002).
 */
export function noiseAt(lattice: Float32Array, x: number, y: number): number {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const u = x - left;
  const v = y - top;
  const across = u * u * u * (u * (u * 6 - 15) + 10);
  const down = v * v * v * (v * (v * 6 - 15) + 10);
  const x0 = left & 127;
  const x1 = (left + 1) & 127;
  const y0 = (top & 127) << 7;
  const y1 = ((top + 1) & 127) << 7;
  const a = lattice[y0 | x0]!;
  const b = lattice[y1 | x0]!;
  const upper = a + across * (lattice[y0 | x1]! - a);
  const lower = b + across * (lattice[y1 | x1]! - b);
  return upper + down * (lower - upper);
}

/** Octaves of noise summed, each about twice as fine as the last and `gain` times as strong. */
export function fractalAt(
  lattice: Float32Array,
  x: number,
  y: number,
  octaves: number,
  gain: number,
): number {
  let sum = 0;
  let strength = 1;
  for (let octave = 0; octave < octaves; octave++) {
    sum += strength * noiseAt(lattice, x, y);
    // Shifted and not quite doubled, so that the octaves' lattices never line up.
    x = x * 2.03 + 17.13;
    y = y * 2.01 + 5.71;
    strength *= gain;
  }
  return sum;
}

/** Like `fractalAt` with creases upward, as of eroded mountains; 0..1 before scaling by the sum of strengths. */
export function ridgedAt(lattice: Float32Array, x: number, y: number, octaves: number, gain: number): number {
  let sum = 0;
  let strength = 1;
  for (let octave = 0; octave < octaves; octave++) {
    const crease = 1 - Math.abs(noiseAt(lattice, x, y));
    sum += strength * crease * crease;
    x = x * 2.07 + 31.7;
    y = y * 2.03 + 11.3;
    strength *= gain;
  }
  return sum;
}
