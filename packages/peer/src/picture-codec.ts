/** Picture files to pixels and back. Every length is known and bounded before memory is taken. */

import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  AppError,
  CARRIER_FILE_BYTES_MAX,
  CARRIER_PIXELS_MAX,
  FILE_NAME_BYTES_MAX,
  IMAGE_BYTES_MAX,
  IMAGE_PIXELS_MAX,
  PREVIEW_BYTES_MAX,
  PREVIEW_SIDE_PX,
} from '@cloud-steg/protocol';
import type { Picture } from '@cloud-steg/stego';
import type { default as Sharp } from 'sharp';

/** Loaded when first needed: most commands touch no picture, and it takes longer than all the rest of them. */
export async function loadSharp(): Promise<typeof Sharp> {
  const { default: sharp } = await import('sharp');
  // One picture at a time is decoded here; libvips' cache would only hold on to pixels.
  sharp.cache(false);
  return sharp;
}

/** A picture file as its owner has it, checked to decode completely. */
export interface OriginalPicture {
  readonly name: string;
  readonly mediaType: string;
  /** Size as shown, after EXIF orientation, pixels. */
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array;
  /** 128x128 WebP, at most `PREVIEW_BYTES_MAX`. */
  readonly preview: Uint8Array;
}

const MEDIA_TYPES: Record<string, string> = {
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  gif: 'image/gif',
  tiff: 'image/tiff',
  avif: 'image/avif',
  heif: 'image/avif',
  svg: 'image/svg+xml',
};
const PREVIEW_QUALITIES = [80, 60, 40, 20];

/** Reads and checks a file to be shared. Throws `image/...`, naming file and limit. */
export async function readOriginal(path: string): Promise<OriginalPicture> {
  const bytes = await readBounded(path, IMAGE_BYTES_MAX);
  const name = shortName(basename(path));
  const { format, width, height } = await probe(bytes, name);
  return {
    name,
    mediaType: MEDIA_TYPES[format] ?? 'application/octet-stream',
    width,
    height,
    bytes,
    preview: await makePreview(bytes, name),
  };
}

/** Decodes a user's cover to opaque RGB, upright, at exactly `size`. */
export async function readCover(path: string, size: { width: number; height: number }): Promise<Picture> {
  const bytes = await readBounded(path, CARRIER_FILE_BYTES_MAX);
  const sharp = await loadSharp();
  try {
    const { data, info } = await sharp(bytes, { limitInputPixels: IMAGE_PIXELS_MAX, failOn: 'warning' })
      .rotate()
      .resize({ width: size.width, height: size.height, fit: 'fill', kernel: 'lanczos3' })
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return pictureOf(data, info.width, info.height);
  } catch (cause) {
    throw damagedPicture(basename(path), cause);
  }
}

/** Width and height of a cover after orientation, without decoding it. */
export async function coverSize(path: string): Promise<{ width: number; height: number }> {
  const bytes = await readBounded(path, CARRIER_FILE_BYTES_MAX);
  const { width, height } = await probe(bytes, basename(path));
  return { width, height };
}

/**
 * The pixels of a carrier's PNG, exactly as stored. Throws `carrier/not-png` for anything but an opaque
 * 8-bit RGB PNG, `carrier/damaged` for a broken one, both with what probably happened.
 */
export async function decodeCarrier(bytes: Uint8Array, name: string): Promise<Picture> {
  const { width, height } = checkCarrierHead(bytes, name);
  const sharp = await loadSharp();
  try {
    const { data, info } = await sharp(bytes, {
      limitInputPixels: CARRIER_PIXELS_MAX,
      failOn: 'warning',
      ignoreIcc: true,
    })
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3 || info.width !== width || info.height !== height) throw new Error('not RGB');
    return pictureOf(data, width, height);
  } catch (cause) {
    throw new AppError('carrier/damaged', `${name} is cut short or broken`, {
      cause,
      hint: 'copy the file again, whole, or ask the owner to send it again',
    });
  }
}

/** Opaque RGB8 PNG without metadata. */
export async function encodeCarrier(picture: Picture): Promise<Uint8Array> {
  const { CompressionType, FilterType, Transformer } = await import('@napi-rs/image');
  // Fast filter and deflate, fed by BMP: the quickest lossless way on Node (docs/decisions/0004-png-encoder.md).
  return new Transformer(toBmp(picture)).png({
    compressionType: CompressionType.Fast,
    filterType: FilterType.Adaptive,
  });
}

async function readBounded(path: string, bytesMax: number): Promise<Uint8Array> {
  let size: number;
  try {
    const info = await stat(path);
    if (info.isDirectory()) throw new AppError('image/not-found', `${path} is a folder, not a picture`);
    size = info.size;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError('image/not-found', `cannot read ${path}`, { cause, hint: 'check the path' });
  }
  if (size === 0) throw new AppError('image/empty', `${path} is empty`, { hint: 'choose another file' });
  if (size > bytesMax) {
    throw new AppError(
      'image/too-large',
      `${path} has ${megabytes(size)}, at most ${megabytes(bytesMax)} are allowed`,
      {
        hint: 'make it smaller, then try again',
        data: { bytes: size, bytesMax },
      },
    );
  }
  return new Uint8Array(await readFile(path));
}

async function probe(bytes: Uint8Array, name: string) {
  const sharp = await loadSharp();
  try {
    const { format, width, height, orientation } = await sharp(bytes, { limitInputPixels: false }).metadata();
    const pixels = width * height;
    if (pixels > IMAGE_PIXELS_MAX) {
      throw new AppError(
        'image/too-large',
        `${name} claims ${width}x${height} pixels, at most ${IMAGE_PIXELS_MAX / 1e6} megapixels are allowed`,
        { hint: 'make it smaller, then try again', data: { width, height, pixelsMax: IMAGE_PIXELS_MAX } },
      );
    }
    const turned = (orientation ?? 1) >= 5;
    return { format, width: turned ? height : width, height: turned ? width : height };
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError('image/not-a-picture', `${name} is not a picture this program can read`, {
      cause,
      hint: 'use JPEG, PNG, WebP, AVIF, TIFF or GIF',
    });
  }
}

async function makePreview(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  const sharp = await loadSharp();
  try {
    const { data, info } = await sharp(bytes, { limitInputPixels: IMAGE_PIXELS_MAX, failOn: 'warning' })
      .rotate()
      .resize(PREVIEW_SIDE_PX, PREVIEW_SIDE_PX, { fit: 'cover' })
      .flatten({ background: '#ffffff' })
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    for (const quality of PREVIEW_QUALITIES) {
      const preview = await sharp(data, { raw: info }).webp({ quality }).toBuffer();
      if (preview.length <= PREVIEW_BYTES_MAX) return new Uint8Array(preview);
    }
  } catch (cause) {
    throw damagedPicture(name, cause);
  }
  throw new AppError('image/damaged', `${name} has no preview of ${PREVIEW_BYTES_MAX} bytes or less`);
}

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const IHDR_END = 33;

function checkCarrierHead(bytes: Uint8Array, name: string): { width: number; height: number } {
  if (!PNG_SIGNATURE.every((byte, i) => bytes[i] === byte)) {
    const jpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
    throw new AppError('carrier/not-png', `${name} is ${jpeg ? 'a JPEG' : 'not a PNG'}; a carrier is a PNG`, {
      hint: jpeg
        ? 'it was recompressed on its way, which destroys what is hidden: ask for the PNG to be sent as a file'
        : 'open the PNG exactly as it was delivered',
    });
  }
  if (bytes.length < IHDR_END)
    throw new AppError('carrier/damaged', `${name} is cut short after ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  if (width * height > CARRIER_PIXELS_MAX || width === 0 || height === 0) {
    throw new AppError(
      'carrier/damaged',
      `${name} claims ${width}x${height} pixels; a carrier has at most 40 megapixels`,
    );
  }
  const [depth, colourType, interlace] = [bytes[24], bytes[25], bytes[28]];
  if (depth !== 8 || colourType !== 2 || interlace !== 0) {
    throw new AppError('carrier/not-png', `${name} is a PNG of another kind than a carrier (8-bit RGB)`, {
      hint: 'some program saved it anew, which destroys what is hidden: open the PNG exactly as it was delivered',
    });
  }
  return { width, height };
}

function pictureOf(data: Buffer, width: number, height: number): Picture {
  return { width, height, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

const BMP_HEAD_BYTES = 54;

/** 24-bit BMP, top row first (negative height), rows padded to 4 bytes, blue first. */
function toBmp({ width, height, data }: Picture): Uint8Array {
  const rowBytes = (width * 3 + 3) & ~3;
  const out = new Uint8Array(BMP_HEAD_BYTES + rowBytes * height);
  const view = new DataView(out.buffer);
  out.set([0x42, 0x4d]);
  view.setUint32(2, out.length, true);
  view.setUint32(10, BMP_HEAD_BYTES, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, width, true);
  view.setInt32(22, -height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  view.setUint32(34, rowBytes * height, true);
  for (let y = 0, from = 0; y < height; y++) {
    let to = BMP_HEAD_BYTES + y * rowBytes;
    for (let x = 0; x < width; x++, from += 3, to += 3) {
      out[to] = data[from + 2] ?? 0;
      out[to + 1] = data[from + 1] ?? 0;
      out[to + 2] = data[from] ?? 0;
    }
  }
  return out;
}

/** A file name that fits the envelope: its end is what tells the type, so the front is cut. */
function shortName(name: string): string {
  let short = name;
  while (Buffer.byteLength(short) > FILE_NAME_BYTES_MAX) short = short.slice(1);
  return short;
}

function damagedPicture(name: string, cause: unknown): AppError {
  return new AppError('image/damaged', `${name} is cut short or broken`, {
    cause,
    hint: 'open it in a viewer to check, then use an undamaged copy',
  });
}

function megabytes(bytes: number): string {
  return `${(bytes / (1024 * 1024)).toFixed(1)} MiB`;
}
