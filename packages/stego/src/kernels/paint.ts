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

/** Gradient, glow and clouds, down to row `rows`. */
export function paintSky(
  light: Float32Array,
  width: number,
  height: number,
  rows: number,
  lattice: Float32Array,
  octaves: number,
  sky: Sky,
): void {
  const [zenithR, zenithG, zenithB] = sky.zenith;
  const [lowR, lowG, lowB] = sky.low;
  const [sunR, sunG, sunB] = sky.sun;
  const [shadeR, shadeG, shadeB] = sky.shade;
  const scale = 1 / Math.max(width, height);
  const threshold = 0.55 - 1.1 * sky.cover;
  for (let y = 0, at = 0; y < rows; y++) {
    const v = y * scale;
    const t = Math.min(1, y / height / sky.horizon);
    const toLow = t * t * (1.6 - 0.6 * t);
    // Clouds lie on a plane overhead, so they shrink towards the horizon.
    const distance = 1 / (1.12 - t);
    const cloudY = distance * 1.9 + sky.drift;
    const thinning = 1 - smooth(0.72, 1, t);
    for (let x = 0; x < width; x++, at += 3) {
      const u = x * scale;
      const dx = u - sky.sunX;
      const dy = v - sky.sunY;
      const square = dx * dx + dy * dy;
      const glow = 0.55 * Math.exp(-square * 14) + 0.5 * Math.exp(-square * 160);
      let r = zenithR + (lowR - zenithR) * toLow + sunR * glow;
      let g = zenithG + (lowG - zenithG) * toLow + sunG * glow;
      let b = zenithB + (lowB - zenithB) * toLow + sunB * glow;
      const cloudX = (u - sky.sunX) * distance * 1.5 + sky.drift;
      const bend = 0.35 * noiseAt(lattice, cloudX * 1.7 + 9.2, cloudY * 1.7);
      const thickness = fractalAt(lattice, cloudX + bend, cloudY * 1.25 - bend, octaves, 0.53) - threshold;
      if (thickness > 0) {
        const alpha = smooth(0, 0.75, thickness) * (0.25 + 0.75 * thinning);
        const towards =
          fractalAt(lattice, cloudX + bend - dx * 0.16, cloudY * 1.25 - bend - 0.12, 3, 0.53) - threshold;
        const lit = Math.min(
          1,
          Math.max(0, 0.62 + 0.75 * (thickness - towards) - 0.3 * thickness + glow * 0.4),
        );
        r += (shadeR + (0.25 + 0.75 * sunR - shadeR) * lit - r) * alpha;
        g += (shadeG + (0.25 + 0.75 * sunG - shadeG) * lit - g) * alpha;
        b += (shadeB + (0.25 + 0.75 * sunB - shadeB) * lit - b) * alpha;
      }
      light[at] = r;
      light[at + 1] = g;
      light[at + 2] = b;
    }
  }
}

export interface Ground {
  /** Colours of slopes in the sun and out of it. */
  readonly lit: Light;
  readonly shaded: Light;
  /** What distance fades to, how much of it at the crest, and how much more at the foot. */
  readonly air: Light;
  readonly haze: number;
  readonly mist: number;
  /** Texture: features per unit, how much wider than high they are, how steep. */
  readonly grain: number;
  readonly stretch: number;
  readonly relief: number;
  /** Snow lies above this height over the foot, in units; beyond the crest where there is none. */
  readonly snowline: number;
  /** -1 where the sun stands to the left, 1 to the right. */
  readonly sunSide: number;
  readonly seed: number;
}

/**
 * Land under the outline `crest` (row per column, fractional: the edge is blended), down to row `foot`,
 * but only as far as `hidden` (row per column) leaves it in sight.
 */
export function paintGround(
  light: Float32Array,
  width: number,
  height: number,
  crest: Float32Array,
  hidden: Float32Array,
  foot: number,
  lattice: Float32Array,
  octaves: number,
  ground: Ground,
): void {
  const [litR, litG, litB] = ground.lit;
  const [shadedR, shadedG, shadedB] = ground.shaded;
  const [airR, airG, airB] = ground.air;
  const scale = 1 / Math.max(width, height);
  const slopeOf = ground.relief / (ground.grain * scale);
  let top = foot;
  for (let x = 0; x < width; x++) top = Math.min(top, crest[x]!);
  for (let y = Math.max(0, Math.floor(top)); y < foot; y++) {
    let before = 0;
    let drawnBefore = false;
    const toFoot = (foot - y) * scale;
    for (let x = 0, at = y * width * 3; x < width; x++, at += 3) {
      const below = y + 0.5 - crest[x]!;
      if (below < -0.5 || y > hidden[x]! + 1) {
        drawnBefore = false;
        continue;
      }
      const u = x * scale * ground.grain;
      const v = y * scale * ground.grain * ground.stretch;
      const texture = fractalAt(lattice, u + ground.seed + v * 0.3, v + ground.seed, octaves, 0.58);
      const slope = drawnBefore ? (texture - before) * slopeOf : 0;
      before = texture;
      drawnBefore = true;
      const sun = Math.min(1, Math.max(0, 0.45 + slope * ground.sunSide + 0.12 * texture));
      let r = shadedR + (litR - shadedR) * sun;
      let g = shadedG + (litG - shadedG) * sun;
      let b = shadedB + (litB - shadedB) * sun;
      const snow = smooth(ground.snowline, ground.snowline + 0.02, toFoot + texture * 0.025 - slope * 0.004);
      if (snow > 0) {
        const white = 0.25 + 0.65 * sun;
        r += (white * 0.96 - r) * snow;
        g += (white * 0.98 - g) * snow;
        b += (white * 1.04 - b) * snow;
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
      const source = Math.round(2 * shore - 1 - y * 1 + ripple * swing);
      const row = source < 0 ? 0 : source >= shore ? shore - 1 : source;
      const column = Math.min(width - 1, Math.max(0, Math.round(x + ripple * swing * 0.15)));
      const from = (row * width + column) * 3;
      const mix = Math.min(1, Math.max(0, mirror + 0.1 * ripple));
      light[at] = deepR + (light[from]! - deepR) * mix;
      light[at + 1] = deepG + (light[from + 1]! - deepG) * mix;
      light[at + 2] = deepB + (light[from + 2]! - deepB) * mix;
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
