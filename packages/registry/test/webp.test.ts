import { PREVIEW_SIDE_PX } from '@cloud-steg/protocol';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { webpSize } from '../src/webp.ts';
import { preview, webp } from './fixtures.ts';

function picture(width: number, height: number, channels: 3 | 4 = 3) {
  const background = channels === 3 ? '#2864c8' : { r: 40, g: 100, b: 200, alpha: 0.5 };
  return sharp({ create: { width, height, channels, background } });
}

const chunkAt12 = (bytes: Uint8Array) => Buffer.from(bytes.subarray(12, 16)).toString();

describe('the size of a WebP picture', () => {
  it('is read from lossy, lossless and extended files', async () => {
    const kinds = [
      ['VP8 ', await picture(128, 128).webp().toBuffer()],
      ['VP8 ', await picture(37, 211).webp().toBuffer()],
      ['VP8L', await picture(128, 128).webp({ lossless: true }).toBuffer()],
      ['VP8L', await picture(300, 5).webp({ lossless: true }).toBuffer()],
      ['VP8X', await picture(128, 128, 4).webp().toBuffer()],
      ['VP8X', await picture(64, 200).withIccProfile('srgb').webp().toBuffer()],
    ] as const;
    for (const [kind, bytes] of kinds) {
      const { width, height } = await sharp(bytes).metadata();
      expect(chunkAt12(bytes)).toBe(kind);
      expect(webpSize(bytes)).toEqual({ width, height });
    }
  });

  it('is as large as the format allows, in a few bytes', async () => {
    const largest = await picture(16_383, 2).webp({ lossless: true }).toBuffer();
    expect(webpSize(largest)).toEqual({ width: 16_383, height: 2 });
    expect(webpSize(preview('', 16_384, 16_384))).toEqual({ width: 16_384, height: 16_384 });
  });

  it('is none where canvas and picture disagree, or pictures move', async () => {
    const extended = await picture(128, 128, 4).webp().toBuffer();
    const cheating = Buffer.from(extended);
    cheating.writeUIntLE(4096 - 1, 24, 3);
    expect(webpSize(cheating)).toBeUndefined();

    const moving = Buffer.from(extended);
    moving.writeUInt8(moving.readUInt8(20) | 0x02, 20);
    expect(webpSize(moving)).toBeUndefined();
  });

  it('is none where a chunk that is no picture comes first, or none follows', () => {
    expect(webpSize(webp('JUNK', new Uint8Array(20)))).toBeUndefined();
    expect(webpSize(webp('VP8X', new Uint8Array(10)))).toBeUndefined();
  });

  it('is none for a file that is longer or shorter than it says', async () => {
    const bytes = await picture(128, 128).webp().toBuffer();
    expect(webpSize(Buffer.concat([bytes, new Uint8Array(2)]))).toBeUndefined();
    for (let length = 0; length < bytes.length; length++) {
      expect(webpSize(bytes.subarray(0, length))).toBeUndefined();
    }
  });

  it('is a size or none for any bytes', async () => {
    const real = await picture(PREVIEW_SIDE_PX, PREVIEW_SIDE_PX, 4).webp().toBuffer();
    const turned = fc.array(fc.tuple(fc.nat(40), fc.nat(255)), { maxLength: 6 }).map((changes) => {
      const bytes = new Uint8Array(real);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
    const chunks = fc
      .tuple(fc.constantFrom('VP8 ', 'VP8L', 'VP8X'), fc.uint8Array({ maxLength: 12 }))
      .map(([tag, chunk]) => webp(tag, chunk));
    fc.assert(
      fc.property(fc.oneof(turned, chunks, fc.uint8Array()), (bytes) => {
        const { width, height } = webpSize(bytes) ?? { width: 0, height: 0 };
        expect(Math.max(width, height)).toBeLessThanOrEqual(16_384);
      }),
      { numRuns: 2000 },
    );
  });
});
