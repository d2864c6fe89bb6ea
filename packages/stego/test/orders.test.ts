import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anchorBytes, anchorIndex, bodyOrder, embedBody, headerOrder, layoutOf } from '../src/index.ts';
import { bitOf, slowOrders } from './reference/orders.ts';
import { bytesOf, noisyPicture, seeded, thrownBy } from './seeded.ts';

const carrierSize = fc.record({
  width: fc.integer({ min: 192, max: 600 }),
  height: fc.integer({ min: 128, max: 400 }),
});

describe('orders', () => {
  it('are those of the specification', () => {
    fc.assert(
      fc.property(carrierSize, fc.nat(), fc.nat(), ({ width, height }, keyedU32, seed) => {
        const layout = layoutOf(width, height);
        const anchor = anchorIndex(layout, keyedU32);
        const header = headerOrder(layout, anchor, seeded(seed));
        const body = bodyOrder(header, seeded(seed + 1));
        const slow = slowOrders(width, height, anchor, seeded(seed), seeded(seed + 1));
        expect([...header.positions]).toEqual(
          Array.from({ length: 65_536 }, (_, k) => slow.headerPosition(k)),
        );
        for (let k = 0; k < 65_536; k += 61) expect(bitOf(header.directions, k)).toBe(slow.direction(k));

        // Bits lie where the twin says, and nothing else has changed.
        const picture = noisyPicture(width, height, seed + 2);
        const cover = picture.data.slice();
        const bytes = bytesOf(seed + 3, layout.capacityBytes);
        embedBody(picture, body, bytes, seeded(seed + 4));
        const astray: number[] = [];
        for (let k = 0; k < bytes.length * 8; k++) {
          const position = slow.bodyPosition(k);
          if ((picture.data[position] ?? 0) % 2 !== bitOf(bytes, k)) astray.push(k);
          cover[position] = picture.data[position] ?? 0;
        }
        expect(astray).toEqual([]);
        expect(Buffer.compare(cover, picture.data)).toBe(0);
      }),
      { numRuns: 8 },
    );
  });

  it('share no sample between header, body and anchor, and leave only the tail unused', () => {
    fc.assert(
      fc.property(carrierSize, fc.nat(), ({ width, height }, seed) => {
        const layout = layoutOf(width, height);
        const anchor = anchorIndex(layout, seed);
        const slow = slowOrders(width, height, anchor, seeded(seed), seeded(seed + 1));
        const uses = new Uint8Array(3 * width * height);
        const rows = layout.headerRows * layout.usableBlocks;
        for (let k = 0; k < rows; k++) uses[slow.headerPosition(k)] = (uses[slow.headerPosition(k)] ?? 0) + 1;
        for (let k = 0; k < layout.bodyRows * layout.usableBlocks; k++)
          uses[slow.bodyPosition(k)] = (uses[slow.bodyPosition(k)] ?? 0) + 1;
        const expected = new Uint8Array(uses.length).fill(1, 0, layout.blocks * 4096);
        expected.fill(0, anchor * 4096, (anchor + 1) * 4096);
        expect(Buffer.compare(uses, expected)).toBe(0);
      }),
      { numRuns: 6 },
    );
  });

  it('take only 32-bit numbers and blocks of the picture for an anchor', () => {
    const layout = layoutOf(200, 200);
    expect(anchorIndex(layout, 2 ** 32 - 1)).toBe((2 ** 32 - 1) % 29);
    for (const number of [-1, 2 ** 32, 0.5, Number.NaN])
      expect(thrownBy(() => anchorIndex(layout, number)).code).toBe('input/invalid');
    for (const index of [-1, 29, 1.5]) {
      expect(thrownBy(() => headerOrder(layout, index, seeded(1))).code).toBe('input/invalid');
      expect(thrownBy(() => anchorBytes(noisyPicture(200, 200, 1), layout, index)).code).toBe(
        'input/invalid',
      );
    }
  });
});
