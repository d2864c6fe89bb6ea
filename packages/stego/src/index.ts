/**
 * Hiding bytes in raw RGB pixels and finding them again (carrier format version 1,
 * `docs/carrier-format.md`). Knows no key, hash or file format: streams and hashes are handed in.
 *
 * Into a cover: `layoutOf` -> `anchorIndex` -> `anchorBytes`, hashed by the caller -> `headerOrder`
 * -> `bodyOrder` -> `embedBody`, `embedHeader`. Finding goes the same way to `extractHeader`, which tells
 * the caller the key of `bodyOrder`, and `extractBody`.
 *
 * Into a generated picture: `sizeFor` -> `layoutOf` -> `generateScene` -> `SynthCanvas`: `drawAnchor`,
 * orders as above -> `randomParities` -> `plantBody`, `plantHeader` -> `develop`.
 */

export { anchorBytes, anchorIndex } from './anchor.ts';
export { embedBody, extractBody } from './body.ts';
export { type BodyOrder, bodyOrder } from './body-order.ts';
export { SynthCanvas } from './canvas.ts';
export { embedHeader, extractHeader } from './header.ts';
export { type HeaderOrder, headerOrder } from './header-order.ts';
export type { Keystream } from './keystream.ts';
export { BLOCK_SAMPLES, capacityBytes, type Layout, layoutOf, requireCapacity, sizeFor } from './layout.ts';
export { type ParityPlane, plantBody, plantHeader, randomParities } from './parity-plane.ts';
export type { Picture } from './picture.ts';
export { generateScene, type Scene } from './scene.ts';
