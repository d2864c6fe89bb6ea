/** What the demo leaves behind to look at: a cover, its carrier, and the difference between them. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { coverAsUsed, decodeCarrier, encodeCarrier, writeFileDurably } from '@cloud-steg/peer';
import { invariant } from '@cloud-steg/protocol';

type Picture = Awaited<ReturnType<typeof decodeCarrier>>;

/** A difference of one step in a colour value is shown as so many, around a middle grey. */
const AMPLIFICATION = 100;
const GREY = 128;
const EXHIBIT_MODE = 0o644;

export interface Comparison {
  readonly width: number;
  readonly height: number;
  /** Share of colour values that differ, 0..1. */
  readonly changed: number;
  /** Largest difference of any of them, of 255. */
  readonly largest: number;
}

/** Writes `cover.png`, `carrier.png` and `difference.png` into `folder`. */
export async function exhibitPair(
  folder: string,
  coverPath: string,
  carrierPath: string,
): Promise<Comparison> {
  const png = await readFile(carrierPath);
  const carrier = await decodeCarrier(png, 'carrier.png');
  const cover = await coverAsUsed(coverPath, carrier);
  const { picture, changed, largest } = difference(cover, carrier);
  await writeFileDurably(join(folder, 'cover.png'), await encodeCarrier(cover), EXHIBIT_MODE);
  await writeFileDurably(join(folder, 'carrier.png'), png, EXHIBIT_MODE);
  await writeFileDurably(join(folder, 'difference.png'), await encodeCarrier(picture), EXHIBIT_MODE);
  return { width: carrier.width, height: carrier.height, changed, largest };
}

/** Writes `generated-carrier.png` into `folder`. */
export async function exhibitGenerated(folder: string, carrierPath: string): Promise<void> {
  await writeFileDurably(join(folder, 'generated-carrier.png'), await readFile(carrierPath), EXHIBIT_MODE);
}

/** Two pictures of one size, subtracted and amplified: grey where they agree. */
export function difference(
  before: Picture,
  after: Picture,
): { picture: Picture; changed: number; largest: number } {
  invariant(before.data.length === after.data.length, 'pictures to compare have one size');
  const data = new Uint8ClampedArray(after.data.length);
  let changed = 0;
  let largest = 0;
  for (let i = 0; i < data.length; i++) {
    const step = (after.data[i] ?? 0) - (before.data[i] ?? 0);
    if (step !== 0) changed += 1;
    largest = Math.max(largest, Math.abs(step));
    data[i] = GREY + step * AMPLIFICATION;
  }
  const picture = { width: after.width, height: after.height, data: new Uint8Array(data.buffer) };
  return { picture, changed: changed / data.length, largest };
}
