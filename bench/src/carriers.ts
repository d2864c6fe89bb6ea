/**
 * What hiding and opening a photograph costs, beside the floor that no carrier can go below: encoding and
 * decoding its PNG.
 */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
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
import {
  decodeCarrier,
  encodeCarrier,
  type HideJob,
  localCarrierEngine,
  secureRandom,
} from '@cloud-steg/peer';
import type { GrantId, Username } from '@cloud-steg/protocol';
import sharp from 'sharp';
import { show, time } from './stopwatch.ts';

const photo = (name: string) => fileURLToPath(new URL(`../../examples/photos/${name}`, import.meta.url));
const RUNS = 5;
/** Makes a cover of 17 megapixels, enough for 5 MB. */
const COVER_WIDTH = 5500;
const engine = localCarrierEngine();

export async function benchCarriers(): Promise<void> {
  const photos: OriginalFile[] = [
    {
      name: 'aitzgorri.jpg',
      mediaType: 'image/jpeg',
      bytes: new Uint8Array(await readFile(photo('aitzgorri.jpg'))),
    },
    { name: 'seeding-5mb.jpg', mediaType: 'image/jpeg', bytes: await photographOf(5_000_000) },
  ];
  console.log(`carriers: median of ${RUNS} runs (fastest-slowest), one thread`);
  const folder = await mkdtemp(join(tmpdir(), 'cloud-steg-bench-'));
  try {
    const cover = join(folder, 'cover.jpg');
    await sharp(photo('umang.jpg')).resize({ width: COVER_WIDTH }).jpeg({ quality: 90 }).toFile(cover);
    for (const file of photos) {
      await benchOne(file, undefined);
      await benchOne(file, cover);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
    await engine.close();
  }
}

async function benchOne(file: OriginalFile, coverPath: string | undefined): Promise<void> {
  const [owner, recipient] = [generateIdentity(secureRandom), generateIdentity(secureRandom)];
  const names = { owner: 'alice' as Username, recipient: 'bob' as Username };
  const job: HideJob = {
    pair: pairKey(owner.agreement, recipient.agreement.publicKey, names.owner, names.recipient),
    grant: toHex(secureRandom(16)) as GrantId,
    carrierKey: secureRandom(32),
    share: secureRandom(32),
    views: 2,
    expiresAt: null,
    file,
    ...(coverPath !== undefined && { coverPath }),
  };
  const open = async (png: Uint8Array) => {
    const found = await engine.find(png, file.name, [job.pair]);
    if (!found) throw new Error('the carrier does not open');
    const { width, height, header, ciphertext } = found;
    const context = { width, height, profile: header.profile, fileId: header.fileId };
    return openBody(contentKey(header.carrierKey, job.share, job.grant), context, ciphertext);
  };

  const made = await engine.hide(job);
  const opened = await open(made.png);
  if (Buffer.compare(opened.bytes, file.bytes) !== 0) throw new Error('what came out is not what went in');
  const picture = await decodeCarrier(made.png, file.name);

  const hiding = await time(RUNS, () => engine.hide(job));
  const encoding = await time(RUNS, () => encodeCarrier(picture));
  const opening = await time(RUNS, () => open(made.png));
  const decoding = await time(RUNS, () => decodeCarrier(made.png, file.name));
  const size = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;
  console.log(
    `\n${file.name} (${size(file.bytes.length)}), ${made.profile}: ${made.width}x${made.height}, carrier ${size(made.png.length)}`,
  );
  const row = (what: string, timing: typeof hiding, floor: typeof hiding) =>
    console.log(
      `  ${what.padEnd(32)}${show(timing)}   ${(timing.medianMs / floor.medianMs).toFixed(1)}x the floor`,
    );
  row('seal + hide + PNG', hiding, encoding);
  console.log(`  ${'floor: PNG encoder alone'.padEnd(32)}${show(encoding)}`);
  const raw = { width: picture.width, height: picture.height, channels: 3 } as const;
  const other = sharp(picture.data, { raw }).png({ compressionLevel: 2, adaptiveFiltering: true });
  row('sharp’s, level 2, adaptive', await time(RUNS, () => other.clone().toBuffer()), encoding);
  row('decode + find + open', opening, decoding);
  console.log(`  ${'floor: PNG decoder alone'.padEnd(32)}${show(decoding)}`);
}

/** A real photograph, compressed to about `bytes`. */
async function photographOf(bytes: number): Promise<Uint8Array> {
  let [low, high] = [50, 100];
  let best = new Uint8Array();
  while (low < high) {
    const quality = (low + high) >> 1;
    const jpeg = new Uint8Array(
      await sharp(photo('seeding.jpg')).jpeg({ quality, chromaSubsampling: '4:4:4' }).toBuffer(),
    );
    if (Math.abs(jpeg.length - bytes) < Math.abs(best.length - bytes)) best = jpeg;
    if (jpeg.length < bytes) low = quality + 1;
    else high = quality;
  }
  return best;
}
