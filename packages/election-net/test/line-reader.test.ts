import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineReader } from '../src/line-reader.ts';

describe('a line reader', () => {
  it('gives back the lines, however the bytes were cut', () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\n'));
    const property = fc.property(fc.array(line), fc.array(fc.nat(40)), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((each) => `${each}\n`).join(''));
      const reader = new LineReader(200);
      const seen: string[] = [];
      let start = 0;
      for (const length of [...cuts, bytes.length]) {
        seen.push(...reader.push(bytes.subarray(start, start + length)));
        start += length;
      }
      return JSON.stringify(seen) === JSON.stringify(lines);
    });
    expect(() => fc.assert(property)).not.toThrow();
  });

  it('takes a line of the longest length and refuses one that is longer, even unfinished', () => {
    expect(new LineReader(4).push(Buffer.from('abcd\n'))).toEqual(['abcd']);
    const reader = new LineReader(4);
    expect(reader.push(Buffer.from('ab\nabcd'))).toEqual(['ab']);
    expect(() => reader.push(Buffer.from('e'))).toThrow(expect.objectContaining({ code: 'input/too-large' }));
  });
});
