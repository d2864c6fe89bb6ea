/** A picture as a screen that knows few formats can show it. */

import { AppError, IMAGE_PIXELS_MAX } from '@cloud-steg/protocol';
import { loadSharp } from './picture-codec.ts';

/**
 * PNG of any picture file this program can read: upright, at most `sidePxMax` on its longer side.
 * Throws `image/damaged`.
 */
export async function screenPng(bytes: Uint8Array, sidePxMax: number): Promise<Uint8Array> {
  const sharp = await loadSharp();
  try {
    const png = await sharp(bytes, { limitInputPixels: IMAGE_PIXELS_MAX })
      .rotate()
      .resize({ width: sidePxMax, height: sidePxMax, fit: 'inside', withoutEnlargement: true })
      .png({ compressionLevel: 3 })
      .toBuffer();
    return new Uint8Array(png);
  } catch (cause) {
    throw new AppError('image/damaged', 'the picture cannot be decoded on this machine', {
      cause,
      hint: 'open it with --save FILE next time, and another viewer',
    });
  }
}
