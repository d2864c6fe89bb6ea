import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  contentKey,
  generateIdentity,
  type OriginalFile,
  openBody,
  pairKey,
  toHex,
} from '@cloud-steg/envelope';
import type { GrantId, Username } from '@cloud-steg/protocol';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { find, type HideJob, hide, type MadeCarrier, rewrite } from '../src/carrier.ts';
import { secureRandom } from '../src/carrier-engine.ts';
import { decodeCarrier, encodeCarrier, readOriginal } from '../src/picture-codec.ts';

const photo = (name: string) => fileURLToPath(new URL(`../../../examples/photos/${name}`, import.meta.url));
const [alice, bob, eve] = [1, 2, 3].map(() => generateIdentity(secureRandom)) as [Keys, Keys, Keys];
type Keys = ReturnType<typeof generateIdentity>;
const names = { alice: 'alice' as Username, bob: 'bob' as Username };
const toBob = pairKey(alice.agreement, bob.agreement.publicKey, names.alice, names.bob);
const fromAlice = pairKey(bob.agreement, alice.agreement.publicKey, names.alice, names.bob);
const toEve = pairKey(eve.agreement, alice.agreement.publicKey, names.alice, names.bob);

let folder: string;
let original: OriginalFile;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carrier-test-'));
  original = await readOriginal(photo('friends.jpg'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function job(file: OriginalFile, coverPath?: string): HideJob {
  return {
    pair: toBob,
    grant: toHex(secureRandom(16)) as GrantId,
    carrierKey: secureRandom(32),
    share: secureRandom(32),
    views: 3,
    expiresAt: null,
    file,
    ...(coverPath !== undefined && { coverPath }),
  };
}

/** What the recipient sees in `png`, all the way to the file. */
async function openAs(png: Uint8Array, work: HideJob): Promise<OriginalFile> {
  const found = await find(png, 'carrier.png', [toEve, fromAlice]);
  if (!found) throw new Error('nothing found');
  const { width, height, header } = found;
  const key = contentKey(header.carrierKey, work.share, header.grant);
  return openBody(key, { width, height, profile: header.profile, fileId: header.fileId }, found.ciphertext);
}

describe.each([
  ['in a generated picture', undefined],
  ['in a cover of the user’s own', 'sunset.jpg'],
])('a photograph hidden %s', (_, cover) => {
  let work: HideJob;
  let made: MadeCarrier;

  beforeAll(async () => {
    work = job(original, cover && photo(cover));
    made = await hide(work, secureRandom);
  });

  it('comes out byte for byte, with its name, for the recipient', async () => {
    const opened = await openAs(made.png, work);
    expect(opened.name).toBe('friends.jpg');
    expect(opened.mediaType).toBe('image/jpeg');
    expect(Buffer.compare(opened.bytes, original.bytes)).toBe(0);
  });

  it('lies in an opaque RGB PNG without a word of metadata', async () => {
    const { format, channels, depth, hasAlpha, exif, icc } = await sharp(made.png).metadata();
    expect({ format, channels, depth, hasAlpha, exif, icc }).toEqual({
      format: 'png',
      channels: 3,
      depth: 'uchar',
      hasAlpha: false,
    });
    expect(chunkTypes(made.png).filter((type) => !['IHDR', 'IDAT', 'IEND'].includes(type))).toEqual([]);
  });

  it('is nothing at all to somebody else', async () => {
    expect(await find(made.png, 'carrier.png', [toEve])).toBeUndefined();
  });

  it('keeps its body through rewrites of the counter, each under a fresh salt', async () => {
    const first = await find(made.png, 'carrier.png', [fromAlice]);
    if (!first) throw new Error('nothing found');
    const again = await rewrite(
      made.png,
      'carrier.png',
      fromAlice,
      { ...first.header, viewsRemaining: 2 },
      secureRandom,
    );
    const second = await find(again, 'carrier.png', [fromAlice]);
    expect(second?.header).toEqual({ ...first.header, viewsRemaining: 2 });
    expect(second?.contentSha256).toBe(made.contentSha256);
    expect(first.header.viewsRemaining).toBe(3);
  });

  it('is recognised as damaged, or not at all, when recompressed, cropped or cut short', async () => {
    const jpeg = new Uint8Array(await sharp(made.png).jpeg({ quality: 95 }).toBuffer());
    await expect(find(jpeg, 'x.jpg', [fromAlice])).rejects.toMatchObject({ code: 'carrier/not-png' });
    const back = new Uint8Array(await sharp(jpeg).png().toBuffer());
    expect(await find(back, 'x.png', [fromAlice])).toBeUndefined();
    const { width, height } = made;
    const cropped = await sharp(made.png)
      .extract({ left: 0, top: 0, width: width - 2, height })
      .png()
      .toBuffer();
    expect(await find(new Uint8Array(cropped), 'x.png', [fromAlice])).toBeUndefined();
    const cut = made.png.subarray(0, made.png.length >> 1);
    await expect(find(cut, 'x.png', [fromAlice])).rejects.toMatchObject({ code: 'carrier/damaged' });
    const palette = new Uint8Array(await sharp(made.png).png({ palette: true }).toBuffer());
    await expect(find(palette, 'x.png', [fromAlice])).rejects.toMatchObject({ code: 'carrier/not-png' });
    const gray = new Uint8Array(await sharp(made.png).ensureAlpha().png().toBuffer());
    await expect(find(gray, 'x.png', [fromAlice])).rejects.toMatchObject({ code: 'carrier/not-png' });
    expect(height).toBeGreaterThan(0);
  });

  it('has another content hash when one sample of the body was turned', async () => {
    const picture = await decodeCarrier(made.png, 'x');
    for (let i = 0; i < picture.data.length; i += 1009) picture.data[i] = (picture.data[i] ?? 0) ^ 1;
    const found = await find(await encodeCarrier(picture), 'x.png', [fromAlice]);
    // The turned samples may have hit the header too: then nothing opens, which is as good.
    expect(found?.contentSha256).not.toBe(made.contentSha256);
  });
});

describe('a cover', () => {
  it('is scaled down to what the payload needs, keeping its shape', async () => {
    const made = await hide(job(original, photo('seeding.jpg')), secureRandom);
    expect(made.profile).toBe('balanced');
    expect(made.width / made.height).toBeCloseTo(5312 / 2988, 1);
    expect(made.width).toBeLessThan(2000);
  });

  it('that is too small is refused with the size that would do', async () => {
    const cover = join(folder, 'small.png');
    await sharp({ create: { width: 600, height: 400, channels: 3, background: '#345' } })
      .png()
      .toFile(cover);
    await expect(hide(job(original, cover), secureRandom)).rejects.toMatchObject({
      code: 'carrier/cover-too-small',
      data: { neededWidth: expect.any(Number), neededHeight: expect.any(Number) },
      hint: expect.stringMatching(/at least \d+x\d+, or let one be made/),
    });
  });

  it('may have transparency, a palette, 16 bits or grey: it becomes RGB', async () => {
    const file = { name: 'a.bin', mediaType: 'image/png', bytes: secureRandom(20_000) };
    const base = sharp(photo('umang.jpg')).resize(900, 600);
    for (const [name, image] of [
      ['alpha.png', base.clone().ensureAlpha(0.5).png()],
      ['palette.png', base.clone().png({ palette: true })],
      ['grey.png', base.clone().greyscale().png()],
      ['deep.png', base.clone().toColourspace('rgb16').png()],
      ['cmyk.jpg', base.clone().toColourspace('cmyk').jpeg()],
    ] as const) {
      const cover = join(folder, name);
      await image.toFile(cover);
      const work = job(file, cover);
      const opened = await openAs((await hide(work, secureRandom)).png, work);
      expect(Buffer.compare(opened.bytes, file.bytes)).toBe(0);
    }
  });
});

describe('the largest photograph', () => {
  it('of 14 MiB is hidden in under 40 megapixels and comes back', { timeout: 120_000 }, async () => {
    const file = { name: 'large.jpg', mediaType: 'image/jpeg', bytes: secureRandom(14 * 2 ** 20) };
    const work = job(file);
    const made = await hide(work, secureRandom);
    expect(made.width * made.height).toBeLessThanOrEqual(40_000_000);
    expect(Buffer.compare((await openAs(made.png, work)).bytes, file.bytes)).toBe(0);
  });

  it('is refused one byte larger, naming the limit', async () => {
    const file = { name: 'large.jpg', mediaType: 'image/jpeg', bytes: new Uint8Array(14 * 2 ** 20 + 1) };
    await expect(hide(job(file), secureRandom)).rejects.toMatchObject({
      code: 'carrier/payload-too-large',
      message: expect.stringContaining('14 MiB'),
    });
  });
});

describe('whatever is given as a carrier', () => {
  it('is answered or refused with a typed error', async () => {
    const small = new Uint8Array(await sharp(photo('umang.jpg')).resize(400, 300).png().toBuffer());
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(small.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 0, max: small.length }),
        async (changes, length) => {
          const bytes = small.slice(0, length);
          for (const [at, value] of changes) if (at < length) bytes[at] = value;
          await find(bytes, 'x.png', [fromAlice]).then(
            (found) => expect(found).toBeUndefined(),
            (error: unknown) => expect(error).toMatchObject({ code: expect.stringMatching(/^carrier\//) }),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('never costs the memory its header claims', async () => {
    const bomb = new Uint8Array(await sharp(photo('umang.jpg')).resize(64, 64).png().toBuffer());
    new DataView(bomb.buffer).setUint32(16, 60_000);
    new DataView(bomb.buffer).setUint32(20, 60_000);
    await expect(find(bomb, 'bomb.png', [fromAlice])).rejects.toMatchObject({
      code: 'carrier/damaged',
      message: expect.stringContaining('60000x60000'),
    });
  });
});

describe('an original', () => {
  const write = async (name: string, bytes: Uint8Array | string) => {
    const path = join(folder, name);
    await writeFile(path, bytes);
    return path;
  };

  it('may be JPEG, PNG, WebP, AVIF, TIFF or GIF; its preview is 128x128 and small', async () => {
    for (const format of ['jpeg', 'png', 'webp', 'avif', 'tiff', 'gif'] as const) {
      const path = join(folder, `picture.${format}`);
      await sharp(photo('umang.jpg')).resize(500, 300).toFormat(format).toFile(path);
      const picture = await readOriginal(path);
      expect(picture).toMatchObject({ width: 500, height: 300, mediaType: `image/${format}` });
      const { width, height } = await sharp(picture.preview).metadata();
      expect([width, height]).toEqual([128, 128]);
      expect(picture.preview.length).toBeLessThanOrEqual(8192);
    }
  });

  it('is refused clearly when it is a text file, empty, cut short, missing, a folder or a claim of 1.6 gigapixels', async () => {
    const png = new Uint8Array(await sharp(photo('umang.jpg')).resize(500, 300).png().toBuffer());
    const huge = png.slice();
    new DataView(huge.buffer).setUint32(16, 40_000);
    new DataView(huge.buffer).setUint32(20, 40_000);
    // The chunk's checksum must hold for the size to be believed at all.
    new DataView(huge.buffer).setUint32(29, crc32(huge.subarray(12, 29)));
    const cases = [
      [await write('notes.jpg', 'not a picture, just words\n'), 'image/not-a-picture'],
      [await write('empty.png', ''), 'image/empty'],
      [await write('cut.png', png.subarray(0, png.length >> 1)), 'image/damaged'],
      [await write('huge.png', huge), 'image/too-large'],
      [join(folder, 'nowhere.jpg'), 'image/not-found'],
      [folder, 'image/not-found'],
    ] as const;
    for (const [path, code] of cases) await expect(readOriginal(path)).rejects.toMatchObject({ code });
  });
});

function chunkTypes(png: Uint8Array): string[] {
  const types: string[] = [];
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  for (let at = 8; at < png.length; at += 12 + view.getUint32(at)) {
    types.push(Buffer.from(png.subarray(at + 4, at + 8)).toString('latin1'));
  }
  return types;
}

function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc >>> 0;
}
