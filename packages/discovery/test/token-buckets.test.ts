import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBuckets } from '../src/token-buckets.ts';

describe('a token bucket', () => {
  it('gives what it holds at once, then what flows back, and says how long that takes', () => {
    const buckets = new TokenBuckets({ burst: 3, perSecond: 2 }, 10);
    expect([0, 0, 0, 0].map((now) => buckets.take('a', now))).toEqual([0, 0, 0, 500]);
    expect(buckets.take('a', 200)).toBe(300);
    expect(buckets.take('a', 500)).toBe(0);
    expect(buckets.take('a', 500)).toBe(500);
    expect([0, 0, 0, 0].map(() => buckets.take('a', 1e9))).toEqual([0, 0, 0, 500]);
  });

  it('is one’s own', () => {
    const buckets = new TokenBuckets({ burst: 1, perSecond: 1 }, 10);
    expect(buckets.take('a', 0)).toBe(0);
    expect(buckets.take('b', 0)).toBe(0);
    expect(buckets.take('a', 0)).toBeGreaterThan(0);
  });

  it('neither fills nor empties when the clock is set back', () => {
    const buckets = new TokenBuckets({ burst: 2, perSecond: 1 }, 10);
    buckets.take('a', 5000);
    expect(buckets.take('a', 1000)).toBe(0);
    expect(buckets.take('a', 1000)).toBe(1000);
    expect(buckets.take('a', 2000)).toBe(0);
  });

  it('gives no more over any time than its burst and what flowed back', () => {
    const rate = { burst: 5, perSecond: 3 };
    fc.assert(
      fc.property(fc.array(fc.nat(900), { maxLength: 200 }), (pauses) => {
        const buckets = new TokenBuckets(rate, 1);
        let now = 0;
        let given = 0;
        for (const pause of pauses) {
          now += pause;
          if (buckets.take('a', now) === 0) given += 1;
          expect(given).toBeLessThanOrEqual(rate.burst + (now / 1000) * rate.perSecond + 1e-6);
        }
        const waitMs = buckets.take('a', now);
        expect(waitMs === 0 || buckets.take('a', now + waitMs + 1) === 0).toBe(true);
      }),
    );
  });

  it('is forgotten when too many were used since', () => {
    const buckets = new TokenBuckets({ burst: 1, perSecond: 1 }, 2);
    for (const key of ['a', 'b', 'a', 'c']) buckets.take(key, 0);
    expect(buckets.size).toBe(2);
    expect(buckets.take('a', 0)).toBeGreaterThan(0);
    expect(buckets.take('b', 0)).toBe(0);
  });
});
