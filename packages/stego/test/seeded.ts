import type { Keystream, Picture } from '../src/index.ts';

/** A reproducible stream for tests: sfc32 (Doty-Humphrey, PractRand), one byte per step. Not for keys. */
export function seeded(seed: number): Keystream {
  let [a, b, c, counter] = [0x9e3779b9, 0x243f6a88, seed | 0, 1];
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum;
  };
  for (let i = 0; i < 12; i++) next();
  return (out) => {
    for (let i = 0; i < out.length; i++) out[i] = next() >>> 24;
  };
}

export function bytesOf(seed: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  seeded(seed)(bytes);
  return bytes;
}

/** A cover of pure noise, all values from 0 to 255. */
export function noisyPicture(width: number, height: number, seed: number): Picture {
  return { width, height, data: bytesOf(seed, 3 * width * height) };
}

/** The `AppError` that `act` throws, as its code and data. */
export function thrownBy(act: () => unknown): { code: unknown; data: Record<string, unknown> } {
  try {
    act();
  } catch (error) {
    const { code, data } = error as { code: unknown; data: Record<string, unknown> };
    return { code, data };
  }
  throw new Error('nothing was thrown');
}
