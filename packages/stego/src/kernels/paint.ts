/**
 * Brushes of the landscape. They paint linear light (RGB interleaved floats, row by row, about 0..1) into
 * `light`, `width * height` pixels. Distances are in units of the picture's longer side, colours are
 * triples of light.
 */

import { fractalAt, noiseAt } from './value-noise.ts';

export type Light = readonly [red: number, green: number, blue: number];

export interface Sky {
  /** Row where sky and land would meet on a plain, as a fraction of the height. */
  readonly horizon: number;
  readonly sunX: number;
  readonly sunY: number;
  readonly zenith: Light;
  readonly low: Light;
  readonly sun: Light;
  /** Undersides of clouds. */
  readonly shade: Light;
  /** 0 clear .. 1 overcast. */
  readonly cover: number;
  /** Where in the noise the clouds are cut out. */
  readonly drift: number;
}

function smooth(from: number, to: number, x: number): number {
  const t = Math.min(1, Math.max(0, (x - from) / (to - from)));
  return t * t * (3 - 2 * t);
}

/** Gradient, glow and clouds, down to row `rows`. `glowAcross` is scratch, one number a column. */
export function paintSky(
  light: Float32Array,
  width: number,
  height: number,
  rows: number,
  lattice: Float32Array,
  octaves: number,
  sky: Sky,
  glowAcross: Float32Array,
): void {
  const [zenithR, zenithG, zenithB] = sky.zenith;
  const [lowR, lowG, lowB] = sky.low;
  const [sunR, sunG, sunB] = sky.sun;
  const [shadeR, shadeG, shadeB] = sky.shade;
  const scale = 1 / Math.max(width, height);
  const threshold = 0.55 - 1.1 * sky.cover;
  for (let x = 0; x < width; x++) glowAcross[x] = Math.exp(-14 * (x * scale - sky.sunX) ** 2);
  for (let y = 0, at = 0; y < rows; y++) {
    const glowDown = Math.exp(-14 * (y * scale - sky.sunY) ** 2);
    const t = Math.min(1, y / height / sky.horizon);
    const toLow = t * t * (1.6 - 0.6 * t);
    // Clouds lie on a plane overhead, so they shrink towards the horizon, and haze swallows them.
    const distance = 1 / (1.12 - t);
    const cloudY = distance * 1.9 + sky.drift;
    const opacity = 1 - 0.75 * smooth(0.72, 1, t);
    for (let x = 0; x < width; x++, at += 3) {
      const dx = x * scale - sky.sunX;
      const wide = glowAcross[x]! * glowDown;
      const narrow = wide * wide * wide * wide;
      const glow = 0.55 * wide + 0.5 * narrow * narrow * narrow;
      light[at] = zenithR + (lowR - zenithR) * toLow + sunR * glow;
      light[at + 1] = zenithG + (lowG - zenithG) * toLow + sunG * glow;
      light[at + 2] = zenithB + (lowB - zenithB) * toLow + sunB * glow;
      const cloudX = dx * distance * 1.5 + sky.drift;
      const bend = 0.35 * noiseAt(lattice, cloudX * 1.7 + 9.2, cloudY * 1.7);
      const u = cloudX + bend;
      const w = cloudY * 1.25 - bend;
      // Most of a clear sky is told from the coarsest octave.
      if (noiseAt(lattice, u, w) < threshold - 0.85) continue;
      const thickness = fractalAt(lattice, u, w, octaves, 0.53) - threshold;
      if (thickness <= 0) continue;
      const alpha = smooth(0, 0.75, thickness) * opacity;
      const sunward = fractalAt(lattice, u - dx * 0.16, w - 0.12, 3, 0.53) - threshold;
      const bright = 0.62 + 0.75 * (thickness - sunward) - 0.3 * thickness + 0.4 * glow;
      const lit = Math.min(1, Math.max(0, bright));
      light[at]! += (shadeR + (0.25 + 0.75 * sunR - shadeR) * lit - light[at]!) * alpha;
      light[at + 1]! += (shadeG + (0.25 + 0.75 * sunG - shadeG) * lit - light[at + 1]!) * alpha;
      light[at + 2]! += (shadeB + (0.25 + 0.75 * sunB - shadeB) * lit - light[at + 2]!) * alpha;
    }
  }
}

export interface Ground {
  /** Colours of slopes in the sun and out of it, and of the patches that woods make on them. */
  readonly lit: Light;
  readonly shaded: Light;
  readonly woods: Light;
  /** What distance fades to, how much of it at the crest, and how much more at the foot. */
  readonly air: Light;
  readonly haze: number;
  readonly mist: number;
  /** Texture: features per unit, how much wider than high they are, how steep. */
  readonly grain: number;
  readonly stretch: number;
  readonly relief: number;
  /** Row above which snow lies; negative where there is none. */
  readonly snowRow: number;
  /** -1 where the sun stands to the left, 1 to the right. */
  readonly sunSide: number;
  readonly seed: number;
}

/**
 * Land under the outline `crest` (row per column, fractional: the edge is blended), down to row `foot`,
 * but only as far as `hidden` (row per column) leaves it in sight. What stands above `bare` is trees.
 */
export function paintGround(
  light: Float32Array,
  width: number,
  height: number,
  bare: Float32Array,
  crest: Float32Array,
  hidden: Float32Array,
  foot: number,
  lattice: Float32Array,
  octaves: number,
  ground: Ground,
): void {
  const [litR, litG, litB] = ground.lit;
  const [shadedR, shadedG, shadedB] = ground.shaded;
  const [woodsR, woodsG, woodsB] = ground.woods;
  const [airR, airG, airB] = ground.air;
  const scale = 1 / Math.max(width, height);
  const slopeOf = (ground.relief * ground.sunSide) / (ground.grain * scale);
  let top = foot;
  for (let x = 0; x < width; x++) top = Math.min(top, crest[x]!);
  for (let y = Math.max(0, Math.floor(top)); y < foot; y++) {
    const v = y * scale * ground.grain * ground.stretch + ground.seed;
    const aboveSnow = (ground.snowRow - y) * scale;
    let before = 0;
    let inSight = false;
    for (let x = 0, at = y * width * 3; x < width; x++, at += 3) {
      const below = y + 0.5 - crest[x]!;
      if (below < -0.5 || y > hidden[x]! + 1) {
        inSight = false;
        continue;
      }
      const u = x * scale * ground.grain + ground.seed + v * 0.3;
      const texture = fractalAt(lattice, u, v, octaves, 0.58);
      const slope = inSight ? Math.min(0.5, Math.max(-0.5, (texture - before) * slopeOf)) : 0;
      before = texture;
      inSight = true;
      const patch =
        noiseAt(lattice, u * 0.17 + 3.7, v * 0.21) + 0.45 * noiseAt(lattice, u * 0.6, v * 0.7 + 8.1);
      const tree = smooth(-1, 1, bare[x]! - y);
      const sun = Math.min(1, Math.max(0, 0.42 + slope + 0.1 * texture + 0.22 * patch - 0.25 * tree));
      const wooded = Math.max(tree, smooth(-0.25, 0.3, -patch + 0.3 * texture));
      let r = shadedR + (litR + (woodsR - litR) * wooded - shadedR) * sun;
      let g = shadedG + (litG + (woodsG - litG) * wooded - shadedG) * sun;
      let b = shadedB + (litB + (woodsB - litB) * wooded - shadedB) * sun;
      const snow = smooth(0, 0.03, aboveSnow + texture * 0.02 - Math.abs(slope) * 0.03);
      if (snow > 0) {
        const white = 0.22 + 0.75 * sun;
        r += (white * 0.95 - r) * snow;
        g += (white * 0.98 - g) * snow;
        b += (white * 1.05 - b) * snow;
      }
      const haze = ground.haze + (1 - ground.haze) * ground.mist * smooth(0, foot - crest[x]!, below);
      r += (airR - r) * haze;
      g += (airG - g) * haze;
      b += (airB - b) * haze;
      const edge = Math.min(1, below + 0.5);
      light[at]! += (r - light[at]!) * edge;
      light[at + 1]! += (g - light[at + 1]!) * edge;
      light[at + 2]! += (b - light[at + 2]!) * edge;
    }
  }
}

/** A lake from row `shore` to the bottom: mirrors what stands above it, rippled the more the nearer it is. */
export function paintWater(
  light: Float32Array,
  width: number,
  height: number,
  shore: number,
  lattice: Float32Array,
  deep: Light,
): void {
  const [deepR, deepG, deepB] = deep;
  const scale = 1 / Math.max(width, height);
  for (let y = shore; y < height; y++) {
    const near = (y - shore + 1) / (height - shore + 1);
    // Ripples lie on a plane that runs to the shore.
    const rippleY = 14 / (near + 0.06);
    const along = 26 / (near + 0.12);
    const swing = Math.max(width, height) * (0.003 + 0.03 * near);
    const mirror = 0.86 - 0.5 * near;
    for (let x = 0, at = y * width * 3; x < width; x++, at += 3) {
      const u = (x * scale - 0.5) * along;
      const ripple = noiseAt(lattice, u, rippleY) + 0.5 * noiseAt(lattice, u * 2.3 + 7, rippleY * 2.6);
      const source = Math.min(shore - 1, Math.max(0, 2 * shore - 1 - y + ripple * swing));
      const row = Math.floor(source);
      const lower = source - row;
      const column = Math.min(width - 1, Math.max(0, Math.round(x + ripple * swing * 0.15)));
      const from = (row * width + column) * 3;
      const next = row + 1 < shore ? from + 3 * width : from;
      const mix = Math.min(1, Math.max(0, mirror + 0.1 * ripple));
      light[at] = deepR + (light[from]! + (light[next]! - light[from]!) * lower - deepR) * mix;
      light[at + 1] =
        deepG + (light[from + 1]! + (light[next + 1]! - light[from + 1]!) * lower - deepG) * mix;
      light[at + 2] =
        deepB + (light[from + 2]! + (light[next + 2]! - light[from + 2]!) * lower - deepB) * mix;
    }
  }
}

/**
 * Blurs by 1-2-1 both ways, so that stretching shows no stairs: followed by bilinear stretching about what
 * a quadratic spline does. `rows` is scratch for two rows of floats.
 */
export function softenLight(light: Float32Array, width: number, height: number, rows: Float32Array): void {
  const length = 3 * width;
  for (let y = 0; y < height; y++) {
    const at = y * length;
    for (let i = 0; i < length; i++) {
      const here = light[at + i]!;
      const left = i < 3 ? here : rows[length + i - 3]!;
      const right = i + 3 < length ? light[at + i + 3]! : here;
      rows[length + i] = here;
      light[at + i] = (left + here + here + right) / 4;
    }
  }
  for (let y = 0; y < height; y++) {
    const at = y * length;
    const below = y + 1 < height ? at + length : at;
    for (let i = 0; i < length; i++) {
      const here = light[at + i]!;
      const above = y === 0 ? here : rows[i]!;
      rows[i] = here;
      light[at + i] = (above + here + here + light[below + i]!) / 4;
    }
  }
}

/** Turns light into 16-bit codes by a table over 0..1 in even steps; darker at the corners. */
export function exposeLight(
  light: Float32Array,
  width: number,
  height: number,
  curve: Uint16Array,
  codes: Uint16Array,
): void {
  const scale = 1 / Math.max(width, height);
  const last = curve.length - 1;
  for (let y = 0, at = 0; y < height; y++) {
    const dy = (y - height / 2) * scale;
    for (let x = 0; x < width; x++) {
      const dx = (x - width / 2) * scale;
      const gain = last * (1 - 0.6 * (dx * dx + dy * dy));
      for (let channel = 0; channel < 3; channel++, at++)
        codes[at] = curve[Math.max(0, Math.min(last, light[at]! * gain)) | 0]!;
    }
  }
}
