import { STORE_KEY_BYTES_MAX } from '@cloud-steg/protocol';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkKey, compareKeys, keyOf, prefixEnd, prefixOf, segmentsOf, utf8Bytes } from '../src/key.ts';

const BUG = { code: 'program/bug' };
const text = fc.string({ unit: 'binary', maxLength: 8 });
/** Code points around the places where UTF-16 and UTF-8 disagree about order. */
const awkward = fc.string({
  unit: fc.constantFrom(
    '\u0001',
    '/',
    '%',
    'a',
    '\u007f',
    '\ud7ff',
    '\ue000',
    '\uffff',
    '\u{10000}',
    '\u{10ffff}',
  ),
  maxLength: 6,
});
const segment = fc.oneof(text, awkward).filter((candidate) => candidate !== '');
const segments = fc.array(segment, { minLength: 1, maxLength: 4 }) as fc.Arbitrary<[string, ...string[]]>;

describe('keys', () => {
  it('are readable where segments are plain, and escaped where they are not', () => {
    expect(keyOf('u', 'alice')).toBe('u/alice');
    expect(keyOf('op', 'a/b', '100%', 'x\n')).toBe('op/a%2Fb/100%25/x%0A');
    expect(prefixOf('view', 'g1')).toBe('view/g1/');
    expect(prefixOf()).toBe('');
  });

  it('give their segments back, whatever they are', () => {
    fc.assert(
      fc.property(segments, (parts) => {
        expect(segmentsOf(keyOf(...parts))).toEqual(parts);
      }),
    );
  });

  it('have no empty segment', () => {
    expect(() => keyOf('a', '')).toThrow(expect.objectContaining(BUG));
  });

  it('are ordered by their UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.oneof(text, awkward), fc.oneof(text, awkward), (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it('are measured in UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.oneof(text, awkward), (a) => {
        expect(utf8Bytes(a)).toBe(Buffer.byteLength(a));
      }),
    );
  });

  it('share a prefix exactly when they stand between it and its end', () => {
    fc.assert(
      fc.property(awkward, fc.oneof(text, awkward), fc.boolean(), (prefix, rest, below) => {
        const key = below ? prefix + rest : rest;
        const end = prefixEnd(prefix);
        const between = compareKeys(key, prefix) >= 0 && (end === undefined || compareKeys(key, end) < 0);
        expect(between).toBe(key.startsWith(prefix));
      }),
    );
  });

  it('are refused when empty, too long, with U+0000, or no Unicode', () => {
    expect(checkKey('é'.repeat(STORE_KEY_BYTES_MAX / 2))).toBe(STORE_KEY_BYTES_MAX);
    for (const key of ['', `${'é'.repeat(STORE_KEY_BYTES_MAX / 2)}x`, 'a\0b', '\ud800', 'a\udc00b']) {
      expect(() => checkKey(key)).toThrow(expect.objectContaining(BUG));
    }
  });
});
