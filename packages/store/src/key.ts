/** Keys: how they are built, ordered and bounded. Strings outside, UTF-8 inside every engine. */

import { invariant, STORE_KEY_BYTES_MAX } from '@cloud-steg/protocol';

/**
 * A key of the store: 1 to {@link STORE_KEY_BYTES_MAX} bytes of UTF-8, without U+0000 and without lone
 * surrogates. Keys are ordered by their UTF-8 bytes, which is the order of their code points and not that
 * of JavaScript's `<` (see {@link compareKeys}). Built by {@link keyOf}; the store itself gives `/` no meaning.
 */
export type Key = string;

/** Holds the claimed term and its leader ({@link TermClaim}). Written by `claimTerm` alone. */
export const TERM_KEY: Key = 'term';

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const ESCAPED = /[%/\u0000-\u001f\u007f]/g;

/**
 * Joins segments with `/`: `keyOf('u', 'alice')` is `u/alice`. Inside a segment `%`, `/` and control characters
 * become `%XX`, so that different segments never make the same key. The order of keys is that of the
 * escaped text. An empty segment is a bug (`program/bug`), for it would make a prefix look like a key.
 */
export function keyOf(...segments: readonly [string, ...string[]]): Key {
  return segments
    .map((segment) => {
      invariant(segment !== '', 'a key has no empty segment');
      return segment.replace(ESCAPED, percent);
    })
    .join('/');
}

/** The prefix of all keys below these segments: `prefixOf('u')` is `u/`, and `prefixOf()` that of all keys. */
export function prefixOf(...segments: string[]): string {
  const [first, ...rest] = segments;
  return first === undefined ? '' : `${keyOf(first, ...rest)}/`;
}

/** The segments that {@link keyOf} joined. */
export function segmentsOf(key: Key): string[] {
  return key
    .split('/')
    .map((text) =>
      text.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    );
}

/** Negative, 0 or positive as `a` stands before, at or after `b` in the order of UTF-8 bytes. */
export function compareKeys(a: Key, b: Key): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return codePointRank(left) - codePointRank(right);
  }
  return a.length - b.length;
}

/**
 * The first key after all keys that start with `prefix`, or undefined where there is none (the prefix is
 * empty, or consists of the last code point only): keys with the prefix are `prefix <= key < prefixEnd(prefix)`.
 */
export function prefixEnd(prefix: string): Key | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  for (let point = points.pop(); point !== undefined; point = points.pop()) {
    if (point === 0x10ffff) continue;
    const next = point === 0xd7ff ? 0xe000 : point + 1;
    return String.fromCodePoint(...points, next);
  }
  return undefined;
}

/** Length of `text` in UTF-8. Crashes (`program/bug`) on a lone surrogate, which has no UTF-8. */
export function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    invariant(point < 0xd800 || point > 0xdfff, 'a key holds no lone surrogate');
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** Crashes (`program/bug`) unless `key` is a {@link Key}. Returns its length in bytes. */
export function checkKey(key: Key): number {
  const bytes = utf8Bytes(key);
  invariant(
    bytes > 0 && bytes <= STORE_KEY_BYTES_MAX,
    `a key has 1 to ${STORE_KEY_BYTES_MAX} bytes, not ${bytes}`,
  );
  invariant(!key.includes('\0'), 'a key holds no U+0000');
  return bytes;
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** UTF-16 puts surrogates (code points above U+FFFF) before U+E000..U+FFFF; UTF-8 puts them after. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}
