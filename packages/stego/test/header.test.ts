import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COLUMNS } from '../src/header-code.ts';
import {
  anchorBytes,
  embedHeader,
  extractHeader,
  headerOrder,
  layoutOf,
  type Picture,
} from '../src/index.ts';
import { cheapestFlips, readSyndrome, settleSyndrome } from '../src/kernels/syndrome.ts';
import { samplesFor, slowCheapestFlips, slowSyndrome } from './reference/trellis.ts';
import { bytesOf, noisyPicture, seeded, thrownBy } from './seeded.ts';

/** How far `picture` is from `cover`: samples changed, and the largest change. */
function changes(picture: Picture, cover: Uint8Array): { count: number; largest: number } {
  let count = 0;
  let largest = 0;
  picture.data.forEach((value, i) => {
    const change = Math.abs(value - (cover[i] ?? 0));
    if (change > 0) count++;
    largest = Math.max(largest, change);
  });
  return { count, largest };
}

describe('header', () => {
  it('comes back from any picture, at the price of few changes by one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 192, max: 600 }),
        fc.integer({ min: 128, max: 400 }),
        fc.nat(),
        (width, height, seed) => {
          const layout = layoutOf(width, height);
          const anchor = seed % layout.blocks;
          const picture = noisyPicture(width, height, seed);
          const cover = picture.data.slice();
          const anchored = anchorBytes(picture, layout, anchor);
          const order = headerOrder(layout, anchor, seeded(seed + 1));
          const header = bytesOf(seed + 2, 384);
          embedHeader(picture, order, header);
          expect(extractHeader(picture, order)).toEqual(header);
          const { count, largest } = changes(picture, cover);
          expect(count).toBeGreaterThan(350);
          expect(count).toBeLessThan(500);
          expect(largest).toBe(1);
          expect(anchorBytes(picture, layout, anchor)).toEqual(anchored);
        },
      ),
      { numRuns: 10 },
    );
  });

  it('comes back from a cover that is black, white, or both', () => {
    const layout = layoutOf(256, 256);
    for (const data of [
      new Uint8Array(196_608),
      new Uint8Array(196_608).fill(255),
      Uint8Array.from({ length: 196_608 }, (_, i) => 255 * (i & 1)),
    ]) {
      const picture = { width: 256, height: 256, data };
      const cover = data.slice();
      const order = headerOrder(layout, 0, seeded(5));
      embedHeader(picture, order, bytesOf(6, 384));
      expect(extractHeader(picture, order)).toEqual(bytesOf(6, 384));
      expect(changes(picture, cover).largest).toBe(1);
    }
  });

  it('spares samples at the ends of the range while others will do', () => {
    const layout = layoutOf(256, 256);
    const data = Uint8Array.from({ length: 196_608 }, (_, i) => (i % 2 ? 255 : 100));
    const picture = { width: 256, height: 256, data };
    embedHeader(picture, headerOrder(layout, 0, seeded(7)), bytesOf(8, 384));
    expect(data.filter((value, i) => i % 2 === 1 && value !== 255).length).toBe(0);
  });

  it('moves even and odd samples up as often as down, unlike replacing low bits', () => {
    const layout = layoutOf(256, 256);
    const picture = noisyPicture(256, 256, 13);
    const cover = picture.data.slice();
    embedHeader(picture, headerOrder(layout, 0, seeded(14)), bytesOf(15, 384));
    const moves = new Map<string, number>();
    cover.forEach((value, i) => {
      const move = `${value % 2 ? 'odd' : 'even'} ${(picture.data[i] ?? 0) - value}`;
      moves.set(move, (moves.get(move) ?? 0) + 1);
    });
    for (const move of ['even 1', 'even -1', 'odd 1', 'odd -1']) expect(moves.get(move)).toBeGreaterThan(60);
  });

  it('reads as something else under another key or with another anchor', () => {
    const layout = layoutOf(300, 200);
    const picture = noisyPicture(300, 200, 1);
    const header = bytesOf(2, 384);
    embedHeader(picture, headerOrder(layout, 3, seeded(3)), header);
    for (const other of [headerOrder(layout, 3, seeded(4)), headerOrder(layout, 4, seeded(3))]) {
      const read = extractHeader(picture, other);
      const wrong = read.filter((byte, i) => byte !== header[i]).length;
      expect(wrong).toBeGreaterThan(370);
    }
  });

  it('never drifts, however often it is rewritten', () => {
    const layout = layoutOf(256, 256);
    const picture = noisyPicture(256, 256, 11);
    const cover = picture.data.slice();
    const order = headerOrder(layout, 1, seeded(12));
    for (let rewrite = 0; rewrite < 60; rewrite++) {
      const header = bytesOf(1000 + rewrite, 384);
      embedHeader(picture, order, header);
      expect(extractHeader(picture, order)).toEqual(header);
    }
    // Each sample is its old self or its one partner; only from 0 and 255 it may be two steps away.
    const { count, largest } = changes(picture, cover);
    expect(count).toBeGreaterThan(10_000);
    expect(largest).toBeLessThanOrEqual(2);
    const farther = picture.data.filter((value, i) => Math.abs(value - (cover[i] ?? 0)) === 2);
    expect(farther.every((value) => value === 2 || value === 253)).toBe(true);
  });

  it('is 384 bytes in a whole picture of the order’s size, or an error', () => {
    const order = headerOrder(layoutOf(256, 256), 0, seeded(1));
    const picture = noisyPicture(256, 256, 1);
    for (const length of [0, 383, 385])
      expect(thrownBy(() => embedHeader(picture, order, new Uint8Array(length))).code).toBe('input/invalid');
    for (const other of [noisyPicture(128, 512, 1), { ...picture, data: picture.data.subarray(1) }]) {
      expect(thrownBy(() => extractHeader(other, order)).code).toBe('input/invalid');
      expect(thrownBy(() => embedHeader(other, order, new Uint8Array(384))).code).toBe('input/invalid');
    }
  });
});

describe('header code', () => {
  it('has distinct columns that begin and end with a one', () => {
    expect(new Set(COLUMNS).size).toBe(22);
    expect(COLUMNS.every((column) => (column & 129) === 129)).toBe(true);
    expect(samplesFor(COLUMNS, 3072)).toBe(65_536);
  });

  const message = fc.uint8Array({ minLength: 3, maxLength: 12 }).filter((bytes) => bytes.length % 3 === 0);

  it('reads syndromes like its slow twin', () => {
    fc.assert(
      fc.property(message, fc.nat(), ({ length }, seed) => {
        const parities = bytesOf(seed, samplesFor(COLUMNS, length * 8)).map((byte) => byte & 1);
        const read = new Uint8Array(length);
        readSyndrome(parities, COLUMNS, read);
        expect(read).toEqual(slowSyndrome(parities, COLUMNS, length));
      }),
    );
  });

  it('finds the same cheapest flips as its slow twin, and they give the message', () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.constantFrom(1, 3, 255), (wanted, seed, costMax) => {
        const samples = samplesFor(COLUMNS, wanted.length * 8);
        const costs = bytesOf(seed, samples).map((byte) => 1 + (byte % costMax));
        const flips = new Uint8Array(samples);
        cheapestFlips(costs, COLUMNS, wanted, flips, new Int32Array(256), new Uint32Array(samples * 8));
        expect([...flips.keys()].filter((i) => flips[i] === 1)).toEqual(
          slowCheapestFlips(costs, COLUMNS, wanted),
        );
        expect(slowSyndrome(flips, COLUMNS, wanted.length)).toEqual(wanted);
      }),
      { numRuns: 40 },
    );
  });

  it('settles parities on a message by flipping last samples of segments only', () => {
    fc.assert(
      fc.property(message, fc.nat(), (wanted, seed) => {
        const parities = bytesOf(seed, samplesFor(COLUMNS, wanted.length * 8)).map((byte) => byte & 1);
        const before = parities.slice();
        settleSyndrome(parities, COLUMNS, wanted);
        expect(slowSyndrome(parities, COLUMNS, wanted.length)).toEqual(wanted);
        const changed = [...parities.keys()].filter((i) => parities[i] !== before[i]);
        expect(changed.filter((i) => ![20, 41, 63].includes(i % 64))).toEqual([]);
      }),
    );
  });

  it('settles all vectors evenly on those that say the message', () => {
    // A code of the same kind, small enough to try every vector: 10 samples for 8 bits.
    const columns = Uint8Array.of(133, 171);
    const message = Uint8Array.of(0b10110010);
    const times = new Map<string, number>();
    for (let vector = 0; vector < 1024; vector++) {
      const parities = Uint8Array.from({ length: 10 }, (_, i) => (vector >> i) & 1);
      settleSyndrome(parities, columns, message);
      times.set(parities.join(''), (times.get(parities.join('')) ?? 0) + 1);
    }
    expect([...times.values()]).toEqual([256, 256, 256, 256]);
  });
});
