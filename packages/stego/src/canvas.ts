/** A generated picture in the making: its noise is drawn so that it says what it should. */

import { AppError } from '@cloud-steg/protocol';
import { checkAnchor } from './anchor.ts';
import { drawSamples } from './kernels/alias.ts';
import { blendRows, stretchRow } from './kernels/upsample.ts';
import type { Keystream } from './keystream.ts';
import { BLOCK_SAMPLES, type Layout } from './layout.ts';
import { checkPlane, type ParityPlane } from './parity-plane.ts';
import type { Picture } from './picture.ts';
import type { Scene } from './scene.ts';
import { noiseTables } from './sensor.ts';

/**
 * Develops a scene in two steps, since the header's order depends on the anchor's bytes: `drawAnchor`
 * first, once, then `develop`, once. Every sample comes from the noise distribution of its level
 * conditioned on its parity, so a picture that says something and one of random parities
 * have the very same distribution. Memory: the picture, and a few rows.
 */
export class SynthCanvas {
  readonly layout: Layout;
  readonly #scene: Scene;
  readonly #noise: Keystream;
  readonly #data: Uint8Array;
  readonly #tables = noiseTables();
  readonly #strip: Uint16Array;
  readonly #lefts: Uint16Array;
  readonly #weights: Uint16Array;
  readonly #levels: Uint16Array;
  readonly #random: Uint32Array;
  readonly #randomBytes: Uint8Array;
  #anchor: number | undefined;
  #developed = false;

  /** `noise` is fresh randomness that nobody can guess or keep; not part of the format. */
  constructor(layout: Layout, scene: Scene, noise: Keystream) {
    this.layout = layout;
    this.#scene = scene;
    this.#noise = noise;
    const { width, height } = layout;
    this.#data = new Uint8Array(3 * width * height);
    this.#strip = new Uint16Array(3 * (scene.width + 1));
    const across = Array.from({ length: width }, (_, x) => sourceOf(x, width, scene.width));
    this.#lefts = Uint16Array.from(across, ({ index }) => index);
    this.#weights = Uint16Array.from(across, ({ weight }) => weight);
    this.#levels = new Uint16Array(3 * width);
    this.#random = new Uint32Array(3 * width);
    this.#randomBytes = new Uint8Array(this.#random.buffer);
  }

  /** Draws block `index` with random parities. The 4096 bytes are for the caller to hash. */
  drawAnchor(index: number): Uint8Array {
    checkAnchor(this.layout, index);
    if (this.#anchor !== undefined) throw new AppError('program/bug', 'the anchor is drawn already');
    this.#anchor = index;
    const parities = new Uint8Array(BLOCK_SAMPLES / 8);
    this.#noise(parities);
    const start = index * BLOCK_SAMPLES;
    const end = start + BLOCK_SAMPLES;
    const rowSamples = 3 * this.layout.width;
    for (let y = Math.floor(start / rowSamples); y * rowSamples < end; y++) {
      this.#exposeRow(y);
      const from = Math.max(start, y * rowSamples);
      this.#drawRange(y, from, Math.min(end, (y + 1) * rowSamples), parities, from - start);
    }
    return this.#data.slice(start, end);
  }

  /** Draws every sample but the anchor's with the parity the plane has for it. The picture is the caller's. */
  develop(parities: ParityPlane): Picture {
    checkPlane(parities, this.layout);
    if (this.#anchor === undefined || this.#developed)
      throw new AppError('program/bug', 'a canvas is developed once, after its anchor is drawn');
    this.#developed = true;
    const { width, height } = this.layout;
    const start = this.#anchor * BLOCK_SAMPLES;
    const end = start + BLOCK_SAMPLES;
    const rowSamples = 3 * width;
    for (let y = 0; y < height; y++) {
      this.#exposeRow(y);
      const from = y * rowSamples;
      const to = from + rowSamples;
      this.#drawRange(y, from, Math.min(to, start), parities.bits, from);
      const after = Math.max(from, end);
      this.#drawRange(y, after, to, parities.bits, after);
    }
    return { width, height, data: this.#data };
  }

  /** Puts the noise-free row `y` into the levels. */
  #exposeRow(y: number): void {
    const { index, weight } = sourceOf(y, this.layout.height, this.#scene.height);
    blendRows(this.#scene.codes, index, weight, this.#strip);
    stretchRow(this.#strip, this.#lefts, this.#weights, this.#levels);
  }

  /** Draws samples `from..to-1`, all of row `y` (none where `to <= from`), with parities from bit `bitAt` on. */
  #drawRange(y: number, from: number, to: number, parities: Uint8Array, bitAt: number): void {
    const count = to - from;
    if (count <= 0) return;
    this.#noise(this.#randomBytes.subarray(0, count * 4));
    const levelAt = from - y * 3 * this.layout.width;
    drawSamples(this.#data, from, count, this.#levels, levelAt, parities, bitAt, this.#random, this.#tables);
  }
}

/** Where pixel `at` of `size` falls among `sourceSize` pixels: between `index` and the next, `weight`/256 to it. */
function sourceOf(at: number, size: number, sourceSize: number): { index: number; weight: number } {
  const exact = Math.min(sourceSize - 1, Math.max(0, ((at + 0.5) * sourceSize) / size - 0.5));
  const index = Math.floor(exact);
  return { index, weight: Math.round((exact - index) * 256) };
}
