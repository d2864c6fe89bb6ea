import { AppError, CARRIER_PIXELS_MAX } from '@cloud-steg/protocol';

/**
 * Raw pixels: `data` holds `3 * width * height` bytes, red, green, blue interleaved, row by row from
 * the top, sRGB. Functions that embed change `data` in place; the caller owns it.
 */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Throws `input/invalid` unless both sides are positive integers, `image/too-large` beyond the pixel limit. */
export function checkSize(width: number, height: number): void {
  if (!(Number.isSafeInteger(width) && Number.isSafeInteger(height) && width > 0 && height > 0))
    throw new AppError('input/invalid', `a picture of ${width}x${height} has no pixels`);
  const pixels = width * height;
  if (pixels > CARRIER_PIXELS_MAX)
    throw new AppError(
      'image/too-large',
      `${width}x${height} is ${pixels} pixels, at most ${CARRIER_PIXELS_MAX} can carry anything`,
      {
        hint: 'scale the picture down first',
        data: { width, height, pixels, pixelsMax: CARRIER_PIXELS_MAX },
      },
    );
}

/** Throws `input/invalid` unless `picture` has the size `layout` was made for, and all of its bytes. */
export function checkPicture(picture: Picture, layout: { width: number; height: number }): void {
  const { width, height, data } = picture;
  if (width !== layout.width || height !== layout.height)
    throw new AppError(
      'input/invalid',
      `the picture is ${width}x${height}, its layout ${layout.width}x${layout.height}`,
    );
  if (data.length !== 3 * width * height)
    throw new AppError(
      'input/invalid',
      `a ${width}x${height} RGB picture has ${3 * width * height} bytes, not ${data.length}`,
    );
}
