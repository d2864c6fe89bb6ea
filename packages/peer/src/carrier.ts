/**
 * Making and reading carriers: where sealing (envelope), hiding (stego) and picture files meet. The format is
 * written down in `docs/carrier-format.md`.
 */

import {
  anchorNumber,
  BODY_OVERHEAD_BYTES_MAX,
  bodyOrderStream,
  contentHash,
  contentKey,
  type Header,
  headerOrderStream,
  keystream,
  label,
  type OriginalFile,
  openHeader,
  type PairKey,
  type PictureSize,
  type Profile,
  sealBody,
  sealedBodyBytes,
  sealHeader,
} from '@cloud-steg/envelope';
import {
  AppError,
  CARRIER_PIXELS_MAX,
  type GrantId,
  IMAGE_BYTES_MAX_AT_1_BPS,
  type Sha256,
} from '@cloud-steg/protocol';
import {
  anchorBytes,
  anchorIndex,
  bodyOrder,
  capacityBytes,
  embedBody,
  embedHeader,
  extractBody,
  extractHeader,
  generateScene,
  headerOrder,
  layoutOf,
  type Picture,
  plantBody,
  plantHeader,
  randomParities,
  SynthCanvas,
  sizeFor,
} from '@cloud-steg/stego';
import { coverSize, decodeCarrier, encodeCarrier, readCover } from './picture-codec.ts';

export type Random = (bytes: number) => Uint8Array;

/** What is hidden, for whom, and in what. */
export interface HideJob {
  readonly pair: PairKey;
  readonly grant: GrantId;
  /** The carrier's and the cluster's half of the content key, 32 random bytes each. */
  readonly carrierKey: Uint8Array;
  readonly share: Uint8Array;
  readonly views: number;
  readonly expiresAt: number | null;
  readonly file: OriginalFile;
  /** A picture file of the user's own; one is generated without it. */
  readonly coverPath?: string;
}

export interface MadeCarrier extends PictureSize {
  readonly png: Uint8Array;
  readonly profile: Profile;
  /** What the grant says of this carrier. */
  readonly contentSha256: Sha256;
  /** Length of what is hidden in the body, bytes. */
  readonly payloadBytes: number;
}

export interface FoundCarrier extends PictureSize {
  readonly header: Header;
  /** Position, among the candidates, of the pair whose header opened. */
  readonly candidate: number;
  readonly ciphertext: Uint8Array;
  readonly contentSha256: Sha256;
}

/**
 * Hides a file. Nothing is made before the size is known to suffice.
 * Throws `carrier/payload-too-large`, `carrier/cover-too-small`, or what reading the cover throws.
 */
export async function hide(job: HideJob, random: Random): Promise<MadeCarrier> {
  if (job.file.bytes.length > IMAGE_BYTES_MAX_AT_1_BPS) {
    throw new AppError(
      'carrier/payload-too-large',
      `${job.file.name} has ${mebibytes(job.file.bytes.length)} MiB; at most ${IMAGE_BYTES_MAX_AT_1_BPS / 2 ** 20} MiB can be hidden`,
      {
        hint: 'share a smaller version of it',
        data: { bytes: job.file.bytes.length, bytesMax: IMAGE_BYTES_MAX_AT_1_BPS },
      },
    );
  }
  return job.coverPath === undefined ? hideInGenerated(job, random) : hideInCover(job, job.coverPath, random);
}

async function hideInGenerated(job: HideJob, random: Random): Promise<MadeCarrier> {
  const size = sizeFor(sealedBodyBytes(job.file));
  const layout = layoutOf(size.width, size.height);
  const { header, ciphertext } = seal(job, size, 'synth', random);
  const fresh = () => keystream(random(32), label('fresh', 1));

  const canvas = new SynthCanvas(layout, generateScene(size.width, size.height, fresh()), fresh());
  const anchor = anchorIndex(layout, anchorNumber(job.pair, size.width, size.height));
  const stream = headerOrderStream(job.pair, size.width, size.height, canvas.drawAnchor(anchor));
  const places = headerOrder(layout, anchor, stream);
  const plane = randomParities(layout, fresh());
  plantBody(plane, bodyOrder(places, bodyOrderStream(header)), ciphertext);
  plantHeader(plane, places, sealHeader(job.pair, size, header, random(32)));
  return finish(canvas.develop(plane), 'synth', header, ciphertext);
}

async function hideInCover(job: HideJob, coverPath: string, random: Random): Promise<MadeCarrier> {
  const size = await fittingSize(coverPath, sealedBodyBytes(job.file));
  const picture = await readCover(coverPath, size);
  const { header, ciphertext } = seal(job, size, 'balanced', random);
  const places = findPlaces(picture, job.pair);
  embedBody(
    picture,
    bodyOrder(places, bodyOrderStream(header)),
    ciphertext,
    keystream(random(32), label('signs', 1)),
  );
  embedHeader(picture, places, sealHeader(job.pair, size, header, random(32)));
  return finish(picture, 'balanced', header, ciphertext);
}

/**
 * Size at which a cover is used: no larger than the payload needs, since a smaller carrier is sooner made and sent, and a
 * picture that was scaled down no longer tells how its JPEG was compressed. Throws `carrier/cover-too-small`.
 */
async function fittingSize(coverPath: string, payloadBytes: number): Promise<PictureSize> {
  const cover = await coverSize(coverPath);
  const needed = sizeFor(payloadBytes, clamp(cover.width / cover.height, 0.1, 10));
  const neededPixels = needed.width * needed.height;
  const scale = Math.sqrt(Math.min(neededPixels, CARRIER_PIXELS_MAX) / (cover.width * cover.height));
  if (scale < 1) {
    for (let width = Math.ceil(cover.width * scale); width <= cover.width; width++) {
      const height = Math.min(cover.height, Math.round((width * cover.height) / cover.width));
      if (width * height > CARRIER_PIXELS_MAX) break;
      if (capacityBytes(width, height) >= payloadBytes) return { width, height };
    }
  }
  if (capacityBytes(cover.width, cover.height) >= payloadBytes) return cover;
  const holds = capacityBytes(cover.width, cover.height);
  throw new AppError(
    'carrier/cover-too-small',
    `cover too small: needs ${needed.width}x${needed.height} pixels for ${kibibytes(payloadBytes)} KiB, ${cover.width}x${cover.height} holds ${kibibytes(holds)} KiB`,
    {
      hint: `use a picture of at least ${needed.width}x${needed.height}, or let one be made (omit --cover)`,
      data: { neededWidth: needed.width, neededHeight: needed.height, payloadBytes, capacityBytes: holds },
    },
  );
}

/** A cover's pixels exactly as `hide` would use them: to show the difference. */
export async function coverAsUsed(coverPath: string, size: PictureSize): Promise<Picture> {
  return readCover(coverPath, size);
}

/** Finds what is hidden for one of `candidates`; undefined when no header opens. Throws `carrier/...` for no or a broken PNG. */
export async function find(
  png: Uint8Array,
  name: string,
  candidates: readonly PairKey[],
): Promise<FoundCarrier | undefined> {
  const picture = await decodeCarrier(png, name);
  // Too small to carry anything: as good as somebody else's.
  if (capacityBytes(picture.width, picture.height) === 0) return undefined;
  for (const [candidate, pair] of candidates.entries()) {
    const places = findPlaces(picture, pair);
    const header = openHeader(pair, picture, extractHeader(picture, places));
    if (!header) continue;
    const ciphertext = extractBody(picture, bodyOrder(places, bodyOrderStream(header)), header.bodyBytes);
    const { width, height } = picture;
    return {
      width,
      height,
      header,
      candidate,
      ciphertext,
      contentSha256: contentHash(header.fileId, ciphertext),
    };
  }
  return undefined;
}

/** The same carrier with another header, sealed under a fresh salt. Body and anchor keep every bit. */
export async function rewrite(
  png: Uint8Array,
  name: string,
  pair: PairKey,
  header: Header,
  random: Random,
): Promise<Uint8Array> {
  const picture = await decodeCarrier(png, name);
  embedHeader(picture, findPlaces(picture, pair), sealHeader(pair, picture, header, random(32)));
  return encodeCarrier(picture);
}

function seal(job: HideJob, size: PictureSize, profile: Profile, random: Random) {
  const fileId = random(16);
  const key = contentKey(job.carrierKey, job.share, job.grant);
  const ciphertext = sealBody(key, { ...size, profile, fileId }, job.file);
  const header: Header = {
    profile,
    owner: job.pair.owner,
    allowed: job.pair.recipient,
    viewsRemaining: job.views,
    viewsGranted: job.views,
    grant: job.grant,
    carrierKey: job.carrierKey,
    expiresAt: job.expiresAt,
    fileId,
    bodySalt: random(32),
    bodyBytes: ciphertext.length,
  };
  return { header, ciphertext };
}

/** The header's places in a picture, for this pair. */
function findPlaces(picture: Picture, pair: PairKey) {
  const { width, height } = picture;
  const layout = layoutOf(width, height);
  const anchor = anchorIndex(layout, anchorNumber(pair, width, height));
  return headerOrder(
    layout,
    anchor,
    headerOrderStream(pair, width, height, anchorBytes(picture, layout, anchor)),
  );
}

async function finish(
  picture: Picture,
  profile: Profile,
  header: Header,
  ciphertext: Uint8Array,
): Promise<MadeCarrier> {
  const { width, height } = picture;
  return {
    png: await encodeCarrier(picture),
    width,
    height,
    profile,
    contentSha256: contentHash(header.fileId, ciphertext),
    payloadBytes: ciphertext.length,
  };
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

function kibibytes(bytes: number): string {
  return (bytes / 1024).toFixed(0);
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

/** Bytes of an original that a cover can hide at most, leaving room for its name and type. */
export async function capacityOf(
  coverPath: string,
): Promise<{ width: number; height: number; bytes: number }> {
  const { width, height } = await coverSize(coverPath);
  const scale = Math.min(1, Math.sqrt(CARRIER_PIXELS_MAX / (width * height)));
  const used = { width: Math.floor(width * scale), height: Math.floor(height * scale) };
  const bytes = Math.max(0, capacityBytes(used.width, used.height) - BODY_OVERHEAD_BYTES_MAX);
  return { width, height, bytes: Math.min(bytes, IMAGE_BYTES_MAX_AT_1_BPS) };
}
