import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bodyOrder,
  capacityBytes,
  extractBody,
  extractHeader,
  generateScene,
  headerOrder,
  layoutOf,
  type ParityPlane,
  plantBody,
  plantHeader,
  randomParities,
  SynthCanvas,
  sizeFor,
} from '../src/index.ts';
import { drawSamples } from '../src/kernels/alias.ts';
import { blendRows, stretchRow } from '../src/kernels/upsample.ts';
import { codeOf, lightOf, noiseAt, noiseTables } from '../src/sensor.ts';
import { planeBits, slowDraw, slowRow, tableShares } from './reference/development.ts';
import { bytesOf, seeded, thrownBy } from './seeded.ts';

/** A whole generated carrier; the anchor's bytes stand in for their hash. */
function synthesize(width: number, height: number, seed: number, header: Uint8Array, bytes: Uint8Array) {
  const layout = layoutOf(width, height);
  const canvas = new SynthCanvas(layout, generateScene(width, height, seeded(seed)), seeded(seed + 1));
  const anchor = seed % layout.blocks;
  const anchored = canvas.drawAnchor(anchor);
  const keyed = seeded(anchored.reduce((sum, byte) => (sum * 31 + byte) | 0, seed));
  const headerWalk = headerOrder(layout, anchor, keyed);
  const bodyWalk = bodyOrder(headerWalk, seeded(seed + 2));
  const plane = randomParities(layout, seeded(seed + 3));
  plantBody(plane, bodyWalk, bytes);
  plantHeader(plane, headerWalk, header);
  return { picture: canvas.develop(plane), plane, anchor, anchored, headerWalk, bodyWalk };
}

const size = fc.record({
  width: fc.integer({ min: 192, max: 420 }),
  height: fc.integer({ min: 128, max: 300 }),
});

describe('a generated carrier', () => {
  it('gives back header and body, whatever its size and their bits', () => {
    fc.assert(
      fc.property(
        size,
        fc.nat(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        ({ width, height }, seed, share) => {
          const bytes = bytesOf(seed + 8, Math.round(share * capacityBytes(width, height)));
          const header = bytesOf(seed + 9, 384);
          const { picture, headerWalk, bodyWalk } = synthesize(width, height, seed, header, bytes);
          expect(extractHeader(picture, headerWalk)).toEqual(header);
          expect(Buffer.compare(extractBody(picture, bodyWalk, bytes.length), bytes)).toBe(0);
        },
      ),
      { numRuns: 12 },
    );
  });

  it('has every parity its plane asks for, and the anchor as it was drawn', () => {
    const { picture, plane, anchor, anchored } = synthesize(300, 200, 77, bytesOf(1, 384), bytesOf(2, 5000));
    const wanted = planeBits(plane.bits, picture.data.length);
    const start = anchor * 4096;
    expect(Buffer.compare(picture.data.subarray(start, start + 4096), anchored)).toBe(0);
    const wrong = [...picture.data].filter(
      (value, i) => (i < start || i >= start + 4096) && value % 2 !== wanted[i],
    );
    expect(wrong).toEqual([]);
  });

  it('is as small as its payload allows', () => {
    const { width, height } = sizeFor(3000);
    const { picture, bodyWalk } = synthesize(width, height, 5, bytesOf(1, 384), bytesOf(2, 3000));
    expect(Buffer.compare(extractBody(picture, bodyWalk, 3000), bytesOf(2, 3000))).toBe(0);
  });

  it('never reaches the ends of the range, and looks like a picture', () => {
    const { picture } = synthesize(480, 320, 123, bytesOf(1, 384), new Uint8Array(0));
    const values = [...picture.data];
    expect(Math.min(...new Set(values))).toBeGreaterThan(4);
    expect(Math.max(...new Set(values))).toBeLessThan(251);
    const meanOf = (row: number) =>
      picture.data.subarray(row * 1440, (row + 20) * 1440).reduce((sum, value) => sum + value, 0) /
      (20 * 1440);
    expect(meanOf(100)).toBeGreaterThan(meanOf(300));
  });

  it('differs with its seed', () => {
    const [a, b] = [1, 2].map((seed) => generateScene(240, 160, seeded(seed)).codes);
    const apart = (a ?? []).filter((code, i) => Math.abs(code - (b?.[i] ?? 0)) > 1280).length;
    expect(apart).toBeGreaterThan(240 * 160);
    expect(generateScene(240, 160, seeded(1)).codes).toEqual(a);
  });

  it('can be of any shape', () => {
    for (const [width, height] of [
      [1, 24_576],
      [24_576, 1],
      [2, 13_000],
      [9, 2740],
    ] as const) {
      const layout = layoutOf(width, height);
      const canvas = new SynthCanvas(layout, generateScene(width, height, seeded(3)), seeded(4));
      const anchored = canvas.drawAnchor(layout.blocks - 1);
      const plane = randomParities(layout, seeded(5));
      const { data } = canvas.develop(plane);
      expect(Buffer.compare(data.subarray((layout.blocks - 1) * 4096).subarray(0, 4096), anchored)).toBe(0);
      const wanted = planeBits(plane.bits, data.length);
      const tail = layout.blocks * 4096;
      for (const i of [0, 1, 4095, tail, data.length - 1].filter((i) => i < data.length))
        expect((data[i] ?? 0) % 2).toBe(i >= tail - 4096 && i < tail ? (data[i] ?? 0) % 2 : wanted[i]);
    }
  });

  it('draws its anchor once, then is developed once, with a plane of its own size', () => {
    const layout = layoutOf(200, 130);
    const scene = generateScene(200, 130, seeded(1));
    const plane = randomParities(layout, seeded(2));
    const canvas = new SynthCanvas(layout, scene, seeded(3));
    expect(thrownBy(() => canvas.develop(plane)).code).toBe('program/bug');
    expect(thrownBy(() => canvas.drawAnchor(99)).code).toBe('input/invalid');
    canvas.drawAnchor(0);
    expect(thrownBy(() => canvas.drawAnchor(1)).code).toBe('program/bug');
    const other: ParityPlane = randomParities(layoutOf(130, 200), seeded(2));
    expect(thrownBy(() => canvas.develop(other)).code).toBe('input/invalid');
    expect(thrownBy(() => canvas.develop({ layout, bits: plane.bits.subarray(1) })).code).toBe(
      'input/invalid',
    );
    canvas.develop(plane);
    expect(thrownBy(() => canvas.develop(plane)).code).toBe('program/bug');
  });

  it('refuses more than it holds and headers of other lengths', () => {
    const layout = layoutOf(200, 200);
    const header = headerOrder(layout, 0, seeded(1));
    const plane = randomParities(layout, seeded(2));
    expect(thrownBy(() => plantHeader(plane, header, new Uint8Array(383))).code).toBe('input/invalid');
    const body = bodyOrder(header, seeded(3));
    plantBody(plane, body, new Uint8Array(layout.capacityBytes));
    const over = new Uint8Array(layout.capacityBytes + 1);
    expect(thrownBy(() => plantBody(plane, body, over)).code).toBe('carrier/cover-too-small');
    expect(thrownBy(() => generateScene(0, 5, seeded(1))).code).toBe('input/invalid');
  });
});

describe('the noise', () => {
  const levels = Array.from({ length: 52 }, (_, i) => 24 * 16 + i * 64);

  it('has a standard deviation of 1.4 code values or more at every level a scene has', () => {
    for (const level of levels) {
      const { first, weights } = noiseAt((level + 0.5) / 16);
      const mean = weights.reduce((sum, weight, i) => sum + weight * (first + i), 0);
      const variance = weights.reduce((sum, weight, i) => sum + weight * (first + i - mean) ** 2, 0);
      expect(Math.sqrt(variance)).toBeGreaterThan(1.39);
      expect(Math.sqrt(variance)).toBeLessThan(2.5);
      expect(Math.abs(mean - (level + 0.5) / 16)).toBeLessThan(0.1);
    }
  });

  it('has tables that give each value its share of its parity', () => {
    const tables = noiseTables();
    for (const level of levels)
      for (const parity of [0, 1]) {
        const { first, weights } = noiseAt((level + 0.5) / 16);
        const ofParity = weights.filter((_, i) => i % 2 === parity);
        const sum = ofParity.reduce((total, weight) => total + weight, 0);
        const shares = tableShares(tables, level, parity);
        ofParity.forEach((weight, i) =>
          expect(shares.get(first + parity + 2 * i) ?? 0).toBeCloseTo(weight / sum, 5),
        );
      }
  });

  it('leaves odd and even equally likely, so that forcing a parity shows nothing', () => {
    for (const level of levels) {
      const { weights } = noiseAt((level + 0.5) / 16);
      const odd = weights.reduce((sum, weight, i) => sum + (i % 2) * weight, 0);
      expect(Math.abs(odd - 0.5)).toBeLessThan(0.002);
    }
  });

  it('is the same with payload and without, level by level', () => {
    // Two samples of 40,000 at one level: natural draws, rejected by nothing, and draws by parity bits.
    for (const level of [24 * 16 + 3, 100 * 16 + 8, 180 * 16 + 13, 231 * 16]) {
      const { first, weights } = noiseAt((level + 0.5) / 16);
      const count = 40_000;
      const data = new Uint8Array(count);
      const random = new Uint32Array(bytesOf(level, count * 4).buffer);
      const same = new Uint16Array(count).fill(level);
      drawSamples(data, 0, count, same, 0, bytesOf(level + 1, count / 8), 0, random, noiseTables());
      // Pearson's test against the unconditioned distribution, cells of at least five expected.
      let chiSquare = 0;
      let cells = 0;
      weights.forEach((weight, i) => {
        const expected = weight * count;
        if (expected < 5) return;
        const seen = data.filter((value) => value === first + i).length;
        chiSquare += (seen - expected) ** 2 / expected;
        cells++;
      });
      expect(chiSquare).toBeLessThan(cells - 1 + 4 * Math.sqrt(2 * (cells - 1)));
    }
  });

  it('follows the sRGB curve both ways', () => {
    for (let code = 0; code <= 255; code++) expect(codeOf(lightOf(code))).toBeCloseTo(code, 3);
    expect(lightOf(128)).toBeCloseTo(0.2159, 3);
  });
});

describe('developing', () => {
  it('stretches rows like its slow twin', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.nat(),
        (sceneWidth, sceneHeight, width, height, seed) => {
          const codes = new Uint16Array(bytesOf(seed, 6 * sceneWidth * sceneHeight).buffer);
          const scene = { width: sceneWidth, height: sceneHeight, codes };
          const place = (at: number, size: number, source: number) =>
            Math.min(source - 1, Math.max(0, ((at + 0.5) * source) / size - 0.5));
          const across = Array.from({ length: width }, (_, x) => place(x, width, sceneWidth));
          const lefts = Uint16Array.from(across, Math.floor);
          const weights = Uint16Array.from(across, (x) => Math.round((x - Math.floor(x)) * 256));
          const strip = new Uint16Array(3 * (sceneWidth + 1));
          const levels = new Uint16Array(3 * width);
          for (let y = 0; y < height; y++) {
            const down = place(y, height, sceneHeight);
            blendRows(codes, Math.floor(down), Math.round((down - Math.floor(down)) * 256), strip);
            stretchRow(strip, lefts, weights, levels);
            expect([...levels]).toEqual(slowRow(scene, width, height, y));
          }
        },
      ),
    );
  });

  it('draws samples like its slow twin', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 20 }), fc.nat({ max: 20 }), (seed, bitAt, levelAt) => {
        const count = 200;
        const levels = new Uint16Array(bytesOf(seed, 2 * (count + levelAt)).buffer).map(
          (level) => level & 4095,
        );
        const random = new Uint32Array(bytesOf(seed + 1, 4 * count).buffer);
        const parities = bytesOf(seed + 2, 40);
        const data = new Uint8Array(count + 7);
        drawSamples(data, 7, count, levels, levelAt, parities, bitAt, random, noiseTables());
        const wanted = planeBits(parities, 320);
        const expected = Array.from({ length: count }, (_, i) =>
          slowDraw(noiseTables(), levels[levelAt + i] ?? 0, wanted[bitAt + i] ?? 0, random[i] ?? 0),
        );
        expect([...data.subarray(7)]).toEqual(expected);
        data.subarray(7).forEach((value, i) => expect(value % 2).toBe(wanted[bitAt + i]));
      }),
    );
  });
});
