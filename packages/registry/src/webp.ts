/** How large a WebP picture says it is (RFC 9649), from its headers alone. */

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

const RIFF_HEAD_BYTES = 12;
const CHUNK_HEAD_BYTES = 8;
const ANIMATED = 0x02;

/**
 * Width and height in pixels; undefined unless the bytes are one RIFF file, as long as it says, that holds one
 * still picture, lossy or lossless, of the size of its canvas. Nothing is decoded, so the pixels may still
 * turn out to be damaged, but not to be more than was said.
 */
export function webpSize(bytes: Uint8Array): PictureSize | undefined {
  const file = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < RIFF_HEAD_BYTES || tagAt(file, 0) !== 'RIFF' || tagAt(file, 8) !== 'WEBP')
    return undefined;
  if (file.getUint32(4, true) + CHUNK_HEAD_BYTES !== bytes.length) return undefined;

  let canvas: PictureSize | undefined;
  let at = RIFF_HEAD_BYTES;
  while (at + CHUNK_HEAD_BYTES <= bytes.length) {
    const start = at + CHUNK_HEAD_BYTES;
    const length = file.getUint32(at + 4, true);
    if (start + length > bytes.length) return undefined;
    const chunk = new DataView(file.buffer, file.byteOffset + start, length);
    switch (tagAt(file, at)) {
      case 'VP8 ':
        return ofCanvas(canvas, lossySize(chunk));
      case 'VP8L':
        return ofCanvas(canvas, losslessSize(chunk));
      case 'VP8X':
        if (at === RIFF_HEAD_BYTES) canvas = canvasSize(chunk);
    }
    // Anything else, such as a colour profile, stands on a canvas only.
    if (!canvas) return undefined;
    at = start + length + (length % 2);
  }
  return undefined;
}

function tagAt(file: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((i) => file.getUint8(at + i)));
}

function ofCanvas(canvas: PictureSize | undefined, size: PictureSize | undefined): PictureSize | undefined {
  const fits = !canvas || (canvas.width === size?.width && canvas.height === size.height);
  return fits ? size : undefined;
}

/** A key frame's tag, start code, then 14 bits each (RFC 6386, section 9.1). */
function lossySize(chunk: DataView): PictureSize | undefined {
  if (chunk.byteLength < 10 || chunk.getUint8(0) % 2 === 1) return undefined;
  if (chunk.getUint8(3) !== 0x9d || chunk.getUint16(4) !== 0x012a) return undefined;
  return { width: chunk.getUint16(6, true) & 0x3fff, height: chunk.getUint16(8, true) & 0x3fff };
}

/** A signature byte, then 14 bits each, less one (RFC 9649, section 3.4). */
function losslessSize(chunk: DataView): PictureSize | undefined {
  if (chunk.byteLength < 5 || chunk.getUint8(0) !== 0x2f) return undefined;
  const bits = chunk.getUint32(1, true);
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
}

/** Flags, then 24 bits each, less one (RFC 9649, section 2.7). Undefined where frames follow. */
function canvasSize(chunk: DataView): PictureSize | undefined {
  if (chunk.byteLength < 10 || (chunk.getUint8(0) & ANIMATED) !== 0) return undefined;
  const uint24 = (at: number) => chunk.getUint16(at, true) | (chunk.getUint8(at + 2) << 16);
  return { width: uint24(4) + 1, height: uint24(7) + 1 };
}
