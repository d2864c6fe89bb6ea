/**
 * Landscapes out of nothing: sky, sun, clouds, hills behind hills, at times a lake. Painted small and
 * without noise; `SynthCanvas` stretches and develops them.
 */

import { outlineHills, plantConifer } from './kernels/outline.ts';
import { exposeLight, type Ground, type Light, paintGround, paintSky, paintWater } from './kernels/paint.ts';
import { drawU32s, type Keystream } from './keystream.ts';
import { checkSize } from './picture.ts';
import { codeOf } from './sensor.ts';

/** Scenes are painted with at most about so many pixels, whatever the picture's size. */
const SCENE_PIXELS_MAX = 1_000_000;
/** Steps of the table from light to code. */
const CURVE_STEPS = 16_384;
/** Means stay this far inside 0..255, so that noise never reaches the ends. */
const CODE_MIN = 24;
const CODE_MAX = 231;
const LATTICE = 65_536;

/** A noise-free picture: `codes` are mean code values times 256, RGB interleaved. */
export interface Scene {
  readonly width: number;
  readonly height: number;
  readonly codes: Uint16Array;
}

/** Colours of an hour of the day, in light. */
interface Mood {
  readonly zenith: Light;
  readonly low: Light;
  readonly sun: Light;
  readonly shade: Light;
  readonly air: Light;
  readonly lit: Light;
  readonly shaded: Light;
  /** Sun's height over the horizon, as a share of the sky. */
  readonly sunHeight: number;
}

const MOODS: readonly [Mood, ...Mood[]] = [
  {
    zenith: [0.08, 0.2, 0.52],
    low: [0.5, 0.66, 0.82],
    sun: [0.9, 0.84, 0.72],
    shade: [0.42, 0.47, 0.55],
    air: [0.46, 0.58, 0.72],
    lit: [0.3, 0.34, 0.12],
    shaded: [0.05, 0.08, 0.05],
    sunHeight: 0.75,
  },
  {
    zenith: [0.13, 0.24, 0.46],
    low: [0.82, 0.6, 0.36],
    sun: [0.95, 0.66, 0.3],
    shade: [0.4, 0.33, 0.36],
    air: [0.66, 0.5, 0.4],
    lit: [0.36, 0.27, 0.1],
    shaded: [0.05, 0.06, 0.05],
    sunHeight: 0.35,
  },
  {
    zenith: [0.07, 0.1, 0.26],
    low: [0.66, 0.34, 0.26],
    sun: [0.9, 0.45, 0.22],
    shade: [0.2, 0.16, 0.24],
    air: [0.38, 0.27, 0.33],
    lit: [0.18, 0.13, 0.09],
    shaded: [0.025, 0.03, 0.04],
    sunHeight: 0.12,
  },
  {
    zenith: [0.3, 0.4, 0.52],
    low: [0.72, 0.72, 0.68],
    sun: [0.7, 0.66, 0.56],
    shade: [0.5, 0.53, 0.56],
    air: [0.62, 0.65, 0.66],
    lit: [0.2, 0.25, 0.13],
    shaded: [0.05, 0.075, 0.06],
    sunHeight: 0.55,
  },
];

/**
 * Paints a landscape for a picture of this size, in its proportions, of at most about a megapixel.
 * All of it follows from `seed`. Throws like `layoutOf` for impossible sizes.
 */
export function generateScene(width: number, height: number, seed: Keystream): Scene {
  checkSize(width, height);
  const shrink = Math.min(1, Math.sqrt(SCENE_PIXELS_MAX / (width * height)));
  const size = {
    width: Math.max(1, Math.round(width * shrink)),
    height: Math.max(1, Math.round(height * shrink)),
  };
  const light = paint(size.width, size.height, seed);
  const codes = new Uint16Array(light.length);
  exposeLight(light, size.width, size.height, exposureCurve(), codes);
  return { ...size, codes };
}

function paint(width: number, height: number, seed: Keystream): Float32Array {
  const latticeBytes = new Uint8Array(LATTICE);
  seed(latticeBytes);
  const lattice = Float32Array.from(latticeBytes, (byte) => byte / 127.5 - 1);
  const draw = (from: number, to: number) => from + (to - from) * ((drawU32s(seed, 1)[0] ?? 0) / 2 ** 32);
  const longer = Math.max(width, height);
  const octaves = Math.max(3, Math.round(Math.log2(longer / 24)));

  const mood = blend(pick(draw), pick(draw), draw(0, 0.4));
  const horizon = draw(0.46, 0.6);
  const sunX = draw(0.12, 0.88) * (width / longer);
  const sunSide = sunX > width / longer / 2 ? 1 : -1;
  const sunY = horizon * (1 - mood.sunHeight * draw(0.7, 1)) * (height / longer);
  const light = new Float32Array(3 * width * height);
  const lake = draw(0, 1) < 0.5;
  const shore = Math.min(height, Math.round(height * Math.min(0.74, horizon + draw(0.06, 0.14))));
  const rangeFoot = lake ? shore : height;

  paintSky(light, width, height, Math.min(height, Math.ceil(height * (horizon + 0.1))), lattice, octaves, {
    ...mood,
    horizon,
    sunX,
    sunY,
    cover: draw(0.15, 0.75),
    drift: draw(0, 100),
  });

  const layers = Math.round(draw(3.6, 5.4));
  const hills = Array.from({ length: layers }, (_, i) => {
    const near = i / (layers - 1);
    const crest = new Float32Array(width);
    const sharp = Math.max(0, 1 - near * 1.8);
    const span = lake ? shore / height - horizon : (1 - horizon) * 0.72;
    const base = height * (horizon + span * near ** 1.25);
    const rise = height * (0.24 - 0.15 * near) * draw(0.75, 1.2);
    outlineHills(crest, 1 / longer, lattice, octaves, base, rise, 1.6 + 2 * near, sharp, draw(0, 200));
    return { near, crest };
  });
  hills.forEach(({ near, crest }, i) => {
    if (near < 0.45) return;
    const tall = longer * (0.006 + 0.03 * (near - 0.4));
    for (let x = draw(0, tall); x < width; x += tall * draw(0.12, 0.9))
      plantConifer(crest, lattice, x, tall * draw(0.5, 1.1), i * 977 + Math.round(x) * 31);
  });
  hills.forEach(({ near, crest }, i) => {
    const hidden = new Float32Array(width).fill(height);
    for (const nearer of hills.slice(i + 1))
      nearer.crest.forEach((row, x) => (hidden[x] = Math.min(hidden[x] ?? row, row)));
    paintGround(
      light,
      width,
      height,
      crest,
      hidden,
      rangeFoot,
      lattice,
      octaves,
      groundOf(mood, near, sunSide, draw),
    );
  });
  if (lake) paintWater(light, width, height, shore, lattice, mixLight(mood.shaded, mood.zenith, 0.35));
  return light;
}

function groundOf(
  mood: Mood,
  near: number,
  sunSide: number,
  draw: (from: number, to: number) => number,
): Ground {
  const rock: Light = [0.3, 0.28, 0.27];
  const forest: Light = [0.1, 0.14, 0.06];
  const lit = near < 0.4 ? mixLight(rock, mood.lit, 0.3) : mixLight(mood.lit, forest, 0.5);
  return {
    lit,
    shaded: mood.shaded,
    air: mixLight(mood.air, mood.low, 0.35 * (1 - near)),
    haze: 0.78 * (1 - near) ** 1.3,
    mist: 0.55 * (1 - near),
    grain: 8 + 40 * near,
    stretch: 1 + 1.2 * near,
    relief: near < 0.4 ? 0.09 : 0.05,
    snowline: near < 0.3 ? draw(0.1, 0.3) : 9,
    sunSide,
    seed: draw(0, 250),
  };
}

function pick(draw: (from: number, to: number) => number): Mood {
  return MOODS[Math.floor(draw(0, MOODS.length))] ?? MOODS[0];
}

function blend(a: Mood, b: Mood, share: number): Mood {
  return {
    zenith: mixLight(a.zenith, b.zenith, share),
    low: mixLight(a.low, b.low, share),
    sun: mixLight(a.sun, b.sun, share),
    shade: mixLight(a.shade, b.shade, share),
    air: mixLight(a.air, b.air, share),
    lit: mixLight(a.lit, b.lit, share),
    shaded: mixLight(a.shaded, b.shaded, share),
    sunHeight: a.sunHeight + (b.sunHeight - a.sunHeight) * share,
  };
}

function mixLight(a: Light, b: Light, share: number): Light {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}

/** From light 0..1 to code * 256: a soft shoulder instead of burnt-out highlights, then sRGB. */
function exposureCurve(): Uint16Array {
  return Uint16Array.from({ length: CURVE_STEPS + 1 }, (_, i) => {
    const developed = 1 - Math.exp(-1.75 * (i / CURVE_STEPS));
    return Math.round(256 * Math.min(CODE_MAX, Math.max(CODE_MIN, codeOf(developed))));
  });
}
