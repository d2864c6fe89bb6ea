import { describe, expect, it } from 'vitest';
import { difference } from '../src/demo/exhibits.ts';

describe('the amplified difference', () => {
  it('is grey where pictures agree, lighter and darker where they do not', () => {
    const before = { width: 2, height: 1, data: Uint8Array.of(10, 10, 10, 200, 200, 0) };
    const after = { width: 2, height: 1, data: Uint8Array.of(10, 11, 9, 200, 203, 0) };
    const { picture, changed, largest } = difference(before, after);
    expect([...picture.data]).toEqual([128, 228, 28, 128, 255, 128]);
    expect(changed).toBe(0.5);
    expect(largest).toBe(3);
  });
});
