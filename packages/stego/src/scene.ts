/**
 * Landscapes out of nothing: sky, sun, clouds, hills behind hills, at times a lake. Painted small and
 * without noise; `SynthCanvas` stretches and develops them.
 */

import { outlineHills, plantConifer } from './kernels/outline.ts';
import {
  exposeLight,
  type Ground,
  type Light,
  paintGround,
  paintSky,
  paintWater,
  softenLight,
} from './kernels/paint.ts';
import { drawU32s, type Keystream } from './keystream.ts';
import { checkSize } from './picture.ts';
import { codeOf } from './sensor.ts';

/** Scenes are painted whole up to the first size in pixels, at a tenth of larger pictures, up to the second. */
const SCENE_PIXELS_WHOLE = 600_000;
const SCENE_PIXELS_MAX = 1_500_000;
/** Scenes smaller than this in proportion to their picture are softened, since their pixels would show. */
const SHARP_SHRINK_MIN = 0.6;
/** Steps of the table from light to code. */
const CURVE_STEPS = 16_384;
/** Means stay this far inside 0..255, so that noise never reaches the ends. */
const CODE_MIN = 24;
const CODE_MAX = 231;
/** Values of the noise's lattice, 128 x 128. */
const LATTICE = 16_384;

/** A noise-free picture: `codes` are mean code values times 256, RGB interleaved. */
export interface Scene {
  readonly width: number;
  readonly height: number;
  readonly codes: Uint16Array;
}

/** A uniform number between two. */
type Draw = (from: number, to: number) => number;

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
 * Paints a landscape for a picture of this size, in its proportions, but of at most 1.5 megapixels.
 * All of it follows from `seed`. Throws like `layoutOf` for impossible sizes.
 */
export function generateScene(width: number, height: number, seed: Keystream): Scene {
  checkSize(width, height);
  const pixels = width * height;
  const painted = Math.min(SCENE_PIXELS_MAX, Math.max(SCENE_PIXELS_WHOLE, pixels / 10));
  const shrink = Math.min(1, Math.sqrt(painted / pixels));
  const size = {
    width: Math.max(1, Math.round(width * shrink)),
    height: Math.max(1, Math.round(height * shrink)),
  };
  const light = paint(size.width, size.height, seed);
  if (shrink < SHARP_SHRINK_MIN)
    softenLight(light, size.width, size.height, new Float32Array(6 * size.width));
  const codes = new Uint16Array(light.length);
  exposeLight(light, size.width, size.height, exposureCurve(), codes);
  return { ...size, codes };
}

function paint(width: number, height: number, seed: Keystream): Float32Array {
  const latticeBytes = new Uint8Array(LATTICE);
  seed(latticeBytes);
  const lattice = Float32Array.from(latticeBytes, (byte) => byte / 127.5 - 1);
  const draw: Draw = (from, to) => from + (to - from) * ((drawU32s(seed, 1)[0] ?? 0) / 2 ** 32);
  const longer = Math.max(width, height);
  /** Octaves down to details of about two pixels, for so many features across the picture. */
  const octavesFor = (features: number) => Math.min(7, Math.max(2, Math.round(Math.log2(longer / features))));

  const mood = blend(pick(draw), pick(draw), draw(0, 0.4));
  const horizon = draw(0.46, 0.6);
  const sunX = draw(0.12, 0.88) * (width / longer);
  const sunY = horizon * (1 - mood.sunHeight * draw(0.7, 1)) * (height / longer);
  const sunSide = sunX > width / longer / 2 ? 1 : -1;
  const hasLake = draw(0, 1) < 0.5;
  const shore = Math.min(height, Math.round(height * Math.min(0.74, horizon + draw(0.08, 0.15))));
  const foot = hasLake ? shore : height;
  const light = new Float32Array(3 * width * height);

  const skyRows = Math.min(height, Math.ceil(height * (horizon + 0.1)));
  const clouds = { cover: draw(0.15, 0.75), drift: draw(0, 100) };
  const sky = { ...mood, ...clouds, horizon, sunX, sunY };
  paintSky(light, width, height, skyRows, lattice, octavesFor(24), sky, new Float32Array(width));

  const layers = Math.round(draw(3.6, 5.4));
  const hills = Array.from({ length: layers }, (_, i) => {
    const near = i / (layers - 1);
    const crest = new Float32Array(width);
    const span = hasLake ? shore / height - horizon : (1 - horizon) * 0.72;
    const base = height * (horizon + span * near ** 1.25);
    const rise = height * (0.3 - 0.2 * near) * draw(0.75, 1.2);
    const sharp = Math.max(0, 1 - near * 1.8);
    outlineHills(crest, 1 / longer, lattice, octavesFor(8), base, rise, 1.6 + 2 * near, sharp, draw(0, 120));
    const bare = crest.slice();
    if (near >= 0.45) plantForest(crest, lattice, longer * (0.006 + 0.032 * (near - 0.4)), draw);
    const snowRow = near < 0.35 ? base - rise * draw(0.2, 0.9) : -1;
    return { near, bare, crest, snowRow };
  });
  for (const [i, { near, bare, crest, snowRow }] of hills.entries()) {
    const hidden = new Float32Array(width).fill(height);
    for (const nearer of hills.slice(i + 1)) lowerTo(hidden, nearer.crest);
    const ground = groundOf(mood, near, snowRow, sunSide, draw(0, 120));
    paintGround(light, width, height, bare, crest, hidden, foot, lattice, octavesFor(ground.grain), ground);
  }
  if (hasLake) paintWater(light, width, height, shore, lattice, mixLight(mood.shaded, mood.zenith, 0.35));
  return light;
}

/** Conifers along a crest, in groups: about `tall` rows high. */
function plantForest(crest: Float32Array, lattice: Float32Array, tall: number, draw: Draw): void {
  const step = Math.max(1, tall);
  for (let x = draw(0, step); x < crest.length; x += step * (draw(0, 1) < 0.07 ? draw(1, 5) : draw(0.1, 0.5)))
    plantConifer(crest, lattice, x, tall * draw(0.45, 1.1), Math.floor(draw(0, LATTICE)));
}

function lowerTo(rows: Float32Array, others: Float32Array): void {
  for (const [x, other] of others.entries()) rows[x] = Math.min(rows[x] ?? other, other);
}

function groundOf(mood: Mood, near: number, snowRow: number, sunSide: number, seed: number): Ground {
  const rock: Light = [0.26, 0.24, 0.24];
  const forest: Light = [0.05, 0.085, 0.04];
  const far = near < 0.4;
  return {
    lit: far ? mixLight(rock, mood.lit, 0.25) : mood.lit,
    shaded: mood.shaded,
    woods: far ? mixLight(rock, forest, 0.6) : mixLight(forest, mood.lit, 0.15),
    air: mixLight(mood.air, mood.low, 0.35 * (1 - near)),
    haze: 0.68 * (1 - near) ** 1.4,
    mist: 0.6 * (1 - near),
    grain: 9 + 36 * near,
    stretch: 1 + 1.6 * near,
    relief: far ? 0.1 : 0.045,
    snowRow,
    sunSide,
    seed,
  };
}

function pick(draw: Draw): Mood {
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

/** From light 0..1 to code * 256: a soft shoulder instead of burnt-out highlights, deeper shadows, then sRGB. */
function exposureCurve(): Uint16Array {
  return Uint16Array.from({ length: CURVE_STEPS + 1 }, (_, i) => {
    const developed = (1 - Math.exp(-1.85 * (i / CURVE_STEPS))) ** 1.2;
    return Math.round(256 * Math.min(CODE_MAX, Math.max(CODE_MIN, codeOf(developed))));
  });
}
