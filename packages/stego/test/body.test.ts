import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  anchorBytes,
  bodyOrder,
  embedBody,
  embedHeader,
  extractBody,
  extractHeader,
  headerOrder,
  layoutOf,
  sizeFor,
} from '../src/index.ts';
import { gatherWords, scatterWords } from '../src/kernels/transpose.ts';
import { bitOf, slowOrders } from './reference/orders.ts';
import { bytesOf, noisyPicture, seeded, thrownBy } from './seeded.ts';

const coverSize = fc.record({
  width: fc.integer({ min: 192, max: 600 }),
  height: fc.integer({ min: 128, max: 400 }),
});

function ordersOf(width: number, height: number, seed: number) {
  const layout = layoutOf(width, height);
  const anchor = seed % layout.blocks;
  const header = headerOrder(layout, anchor, seeded(seed));
  return { layout, anchor, header, body: bodyOrder(header, seeded(seed + 1)) };
}

describe('body', () => {
  it('comes back whole, beside a header written before and one written after', () => {
    fc.assert(
      fc.property(
        coverSize,
        fc.nat(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        ({ width, height }, seed, share) => {
          const { layout, anchor, header, body } = ordersOf(width, height, seed);
          const picture = noisyPicture(width, height, seed + 2);
          const anchored = anchorBytes(picture, layout, anchor);
          const bytes = bytesOf(seed + 3, Math.round(share * layout.capacityBytes));
          embedHeader(picture, header, bytesOf(seed + 4, 384));
          embedBody(picture, body, bytes, seeded(seed + 5));
          expect(extractHeader(picture, header)).toEqual(bytesOf(seed + 4, 384));
          embedHeader(picture, header, bytesOf(seed + 6, 384));
          expect(Buffer.compare(extractBody(picture, body, bytes.length), bytes)).toBe(0);
          expect(anchorBytes(picture, layout, anchor)).toEqual(anchored);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('is what the slow walk says, sample by sample, of any picture', () => {
    fc.assert(
      fc.property(coverSize, fc.nat(), fc.nat({ max: 3000 }), ({ width, height }, seed, count) => {
        const { layout, anchor, body } = ordersOf(width, height, seed);
        const picture = noisyPicture(width, height, seed + 2);
        const byteCount = Math.min(count, layout.capacityBytes);
        const slow = slowOrders(width, height, anchor, seeded(seed), seeded(seed + 1));
        const bytes = extractBody(picture, body, byteCount);
        const astray = Array.from({ length: byteCount * 8 }, (_, k) => k).filter(
          (k) => bitOf(bytes, k) !== (picture.data[slow.bodyPosition(k)] ?? 0) % 2,
        );
        expect(astray).toEqual([]);
        expect(bytes.length).toBe(byteCount);
      }),
      { numRuns: 20 },
    );
  });

  it('changes half of the samples it needs, each by one, even and odd ones as often up as down', () => {
    const { layout, body } = ordersOf(400, 300, 9);
    const picture = noisyPicture(400, 300, 10);
    const cover = picture.data.slice();
    embedBody(picture, body, bytesOf(11, layout.capacityBytes), seeded(12));
    const moves = [0, 0, 0, 0];
    let changed = 0;
    let largest = 0;
    for (const [i, value] of picture.data.entries()) {
      const before = cover[i] ?? 0;
      if (value === before) continue;
      changed++;
      largest = Math.max(largest, Math.abs(value - before));
      const kind = 2 * (before % 2) + (value > before ? 1 : 0);
      moves[kind] = (moves[kind] ?? 0) + 1;
    }
    expect(largest).toBe(1);
    const samples = layout.capacityBytes * 8;
    expect(Math.abs(changed - samples / 2)).toBeLessThan((4 * Math.sqrt(samples)) / 2);
    // 0 and 255 only ever step inward, one sample in 128: hence the margin.
    for (const count of moves) expect(Math.abs(count / changed - 0.25)).toBeLessThan(0.006);
  });

  it('stays within 0..255 on black and white', () => {
    const { layout, body } = ordersOf(256, 192, 20);
    for (const value of [0, 255]) {
      const picture = { width: 256, height: 192, data: new Uint8Array(147_456).fill(value) };
      const bytes = bytesOf(21, layout.capacityBytes);
      embedBody(picture, body, bytes, seeded(22));
      expect(new Set(picture.data)).toEqual(new Set([value, Math.abs(value - 1)]));
      expect(Buffer.compare(extractBody(picture, body, bytes.length), bytes)).toBe(0);
    }
  });

  it('touches no more samples than it has bits, spread over all blocks', () => {
    const { layout, body } = ordersOf(512, 384, 30);
    const picture = noisyPicture(512, 384, 31);
    const cover = picture.data.slice();
    embedBody(picture, body, bytesOf(32, 1000), seeded(33));
    const changed = [...picture.data.keys()].filter((i) => picture.data[i] !== cover[i]);
    expect(changed.length).toBeLessThan(8000 * 0.56);
    expect(new Set(changed.map((i) => Math.floor(i / 4096))).size).toBe(layout.usableBlocks);
  });

  it('reads as noise under another key', () => {
    const { layout, header, body } = ordersOf(300, 200, 40);
    const picture = noisyPicture(300, 200, 41);
    const bytes = bytesOf(42, layout.capacityBytes);
    embedBody(picture, body, bytes, seeded(43));
    const read = extractBody(picture, bodyOrder(header, seeded(44)), bytes.length);
    let same = 0;
    for (let k = 0; k < bytes.length * 8; k++) if (bitOf(read, k) === bitOf(bytes, k)) same++;
    expect(Math.abs(same / (bytes.length * 8) - 0.5)).toBeLessThan(0.01);
  });

  it('fits up to the capacity and not a byte more', () => {
    for (const [width, height] of [
      [192, 128],
      [193, 128],
      [333, 222],
      [410, 401],
    ] as const) {
      const { layout, body } = ordersOf(width, height, 50);
      const picture = noisyPicture(width, height, 51);
      const bytes = bytesOf(52, layout.capacityBytes + 1);
      embedBody(picture, body, bytes.subarray(0, -1), seeded(53));
      expect(Buffer.compare(extractBody(picture, body, bytes.length - 1), bytes.subarray(0, -1))).toBe(0);
      expect(thrownBy(() => embedBody(picture, body, bytes, seeded(53))).code).toBe(
        'carrier/cover-too-small',
      );
      expect(thrownBy(() => extractBody(picture, body, bytes.length)).code).toBe('carrier/damaged');
    }
  });

  it('fits into the size that was found for it', () => {
    const { width, height } = sizeFor(40_000);
    const { body } = ordersOf(width, height, 60);
    const picture = noisyPicture(width, height, 61);
    embedBody(picture, body, bytesOf(62, 40_000), seeded(63));
    expect(Buffer.compare(extractBody(picture, body, 40_000), bytesOf(62, 40_000))).toBe(0);
  });

  it('refuses counts that are none and pictures of another size', () => {
    const { body } = ordersOf(256, 192, 70);
    const picture = noisyPicture(256, 192, 71);
    for (const count of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(thrownBy(() => extractBody(picture, body, count)).code).toMatch(
        /^(input\/invalid|carrier\/damaged)$/,
      );
    for (const other of [noisyPicture(192, 256, 1), { ...picture, data: new Uint8Array(0) }]) {
      expect(thrownBy(() => extractBody(other, body, 1)).code).toBe('input/invalid');
      expect(thrownBy(() => embedBody(other, body, new Uint8Array(1), seeded(1))).code).toBe('input/invalid');
    }
  });
});

describe('words of 32 columns', () => {
  it('gather and scatter the bits that their twin picks one by one', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 40, maxLength: 200 }),
        fc.integer({ min: 32, max: 150 }),
        fc.nat({ max: 31 }),
        (bits, stride, first) => {
          const rows = Math.floor((bits.length * 8 - first - 72) / stride);
          fc.pre(rows > 0);
          const words = new Uint32Array(rows);
          gatherWords(bits, stride, first, words, rows);
          const expected = new Uint8Array(bits.length);
          for (let i = 0; i < rows; i++)
            for (let lane = 0; lane < 32; lane++) {
              const k = i * stride + first + lane;
              expect(((words[i] ?? 0) >>> lane) & 1).toBe(bitOf(bits, k));
              expected[k >> 3] = (expected[k >> 3] ?? 0) | (bitOf(bits, k) << (k & 7));
            }
          const scattered = new Uint8Array(bits.length);
          scatterWords(scattered, stride, first, words, rows);
          expect(scattered).toEqual(expected);
        },
      ),
    );
  });
});
