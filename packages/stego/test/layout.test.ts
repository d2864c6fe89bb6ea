import { CARRIER_PIXELS_MAX, IMAGE_BYTES_MAX_AT_1_BPS } from '@cloud-steg/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { capacityBytes, layoutOf, requireCapacity, sizeFor } from '../src/index.ts';
import { thrownBy } from './seeded.ts';

describe('layout of a picture', () => {
  it('divides the smallest carrier there is', () => {
    expect(layoutOf(192, 128)).toEqual({
      width: 192,
      height: 128,
      blocks: 18,
      usableBlocks: 17,
      headerRows: 3856,
      bodyRows: 240,
      capacityBytes: 510,
    });
  });

  it('refuses anything smaller, naming what is needed', () => {
    const { code, data } = thrownBy(() => layoutOf(191, 128));
    expect(code).toBe('carrier/cover-too-small');
    expect(data).toEqual({ width: 191, height: 128, neededPixels: 24_576 });
    expect(capacityBytes(191, 128)).toBe(0);
  });

  it.each([
    [0, 100],
    [-3, 10],
    [1.5, 1000],
    [Number.NaN, 10],
    [Number.POSITIVE_INFINITY, 1],
  ])('refuses %d x %d as no size', (width, height) => {
    expect(thrownBy(() => layoutOf(width, height)).code).toBe('input/invalid');
    expect(capacityBytes(width, height)).toBe(0);
  });

  it('refuses more pixels than a carrier may have', () => {
    expect(thrownBy(() => layoutOf(CARRIER_PIXELS_MAX + 1, 1)).code).toBe('image/too-large');
    expect(capacityBytes(CARRIER_PIXELS_MAX + 1, 1)).toBe(0);
  });

  it('holds a 12 megapixel picture’s 4.5 MB', () => {
    expect(capacityBytes(4000, 3000)).toBe(Math.floor(((4096 - 8) * 8788) / 8));
  });

  it('gives the header just the rows it needs', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 192, max: 7000 }),
        fc.integer({ min: 128, max: 5000 }),
        (width, height) => {
          const { blocks, usableBlocks, headerRows, bodyRows } = layoutOf(width, height);
          expect(blocks * 4096).toBeLessThanOrEqual(3 * width * height);
          expect(headerRows * usableBlocks).toBeGreaterThanOrEqual(65_536);
          expect((headerRows - 1) * usableBlocks).toBeLessThan(65_536);
          expect(headerRows + bodyRows).toBe(4096);
        },
      ),
    );
  });
});

describe('size for a payload', () => {
  it('fits 14 MiB and an envelope’s kilobyte under the pixel limit', () => {
    const bytes = IMAGE_BYTES_MAX_AT_1_BPS + 1024;
    const { width, height } = sizeFor(bytes);
    expect(width * height).toBeLessThanOrEqual(CARRIER_PIXELS_MAX);
    expect(capacityBytes(width, height)).toBeGreaterThanOrEqual(bytes);
  });

  it('always fits, in even sides of the proportions asked for, with little to spare', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 14_700_000 }),
        fc.double({ min: 0.5, max: 2, noNaN: true }),
        (bytes, aspect) => {
          const { width, height } = sizeFor(bytes, aspect);
          expect([width % 2, height % 2]).toEqual([0, 0]);
          expect(capacityBytes(width, height)).toBeGreaterThanOrEqual(bytes);
          expect(Math.abs(width / height / aspect - 1)).toBeLessThan(0.04);
          // A block more than needed, and the rounding of the height up to an even number.
          const waste = capacityBytes(width, height) - Math.max(bytes, 510);
          expect(waste).toBeLessThan(2 * 512 + (2 * 3 * width) / 8);
        },
      ),
    );
  });

  it('names the limit where no carrier is large enough', () => {
    const { code, data } = thrownBy(() => sizeFor(14_990_000));
    expect(code).toBe('carrier/payload-too-large');
    expect(data).toEqual({ bytes: 14_990_000, bytesMax: 14_988_054, pixelsMax: CARRIER_PIXELS_MAX });
    expect(thrownBy(() => sizeFor(1e12)).code).toBe('carrier/payload-too-large');
  });

  it('refuses what is no number of bytes and no aspect', () => {
    for (const bytes of [-1, 0.5, Number.NaN])
      expect(thrownBy(() => sizeFor(bytes)).code).toBe('input/invalid');
    for (const aspect of [0, -1, Number.NaN, 1000])
      expect(thrownBy(() => sizeFor(10, aspect)).code).toBe('input/invalid');
  });

  it('tells sizes apart even where they round to the same', () => {
    const layout = layoutOf(320, 240);
    expect(() => requireCapacity(layout, 20_000)).toThrow(
      'cover too small: needs 20000, 320x240 holds 19965 bytes',
    );
    expect(() => requireCapacity(layout, 30_000)).toThrow(
      'cover too small: needs 30.0 kB, 320x240 holds 20.0 kB',
    );
  });

  it('tells the owner of a small cover how large it should be', () => {
    const layout = layoutOf(192, 128);
    requireCapacity(layout, 510);
    const { code, data } = thrownBy(() => requireCapacity(layout, 100_000));
    expect(code).toBe('carrier/cover-too-small');
    expect(data).toMatchObject({ capacityBytes: 510, neededBytes: 100_000 });
    expect(capacityBytes(Number(data['neededWidth']), Number(data['neededHeight']))).toBeGreaterThanOrEqual(
      100_000,
    );
    expect(thrownBy(() => requireCapacity(layout, 20_000_000)).code).toBe('carrier/payload-too-large');
  });
});
