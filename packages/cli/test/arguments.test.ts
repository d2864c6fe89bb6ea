import { AppError } from '@cloud-steg/protocol';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  flagOrPosition,
  parseExpiry,
  parseGrantPrefix,
  parseHost,
  parseImageIndex,
  parseImagePaths,
  parseIntervalSeconds,
  parsePort,
  parseServers,
  parseTimeoutSeconds,
  parseViews,
} from '../src/arguments.ts';

function refusal(parse: () => unknown): AppError {
  try {
    const value = parse();
    throw new Error(`was accepted as ${JSON.stringify(value)}`);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

describe('whole numbers', () => {
  it('takes the bounds of views and nothing beside them', () => {
    expect(parseViews('1')).toBe(1);
    expect(parseViews('10000')).toBe(10_000);
    for (const text of [
      '0',
      '10001',
      '-1',
      '+1',
      '1e9',
      'abc',
      '2.5',
      '01',
      '',
      ' 1',
      '1 ',
      '0x10',
      '١',
      'NaN',
    ]) {
      const error = refusal(() => parseViews(text));
      expect(error.code).toBe('usage/bad-argument');
      expect(error.message).toContain(JSON.stringify(text));
      expect(error.message).toContain('from 1 to 10000');
    }
  });

  it('names the option and its range', () => {
    expect(refusal(() => parsePort('0')).message).toBe('--port "0": expected a whole number from 1 to 65535');
    expect(refusal(() => parsePort('65536')).message).toContain('--port');
    expect(refusal(() => parseImageIndex('20')).message).toContain('from 0 to 19');
    expect(refusal(() => parseIntervalSeconds('0')).message).toContain('--interval');
    expect(refusal(() => parseTimeoutSeconds('0.5')).message).toContain('--timeout');
  });

  it('returns a number in range or throws a usage error, for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.integer().map(String), fc.double().map(String)), (text) => {
        try {
          const port = parsePort(text);
          return Number.isInteger(port) && port >= 1 && port <= 65_535 && String(port) === text;
        } catch (error) {
          return error instanceof AppError && error.code === 'usage/bad-argument';
        }
      }),
    );
  });
});

describe('servers', () => {
  it('reads ports after a comma as the same host', () => {
    expect(parseServers('http://localhost:8000,8001,8002')).toEqual([
      'http://localhost:8000',
      'http://localhost:8001',
      'http://localhost:8002',
    ]);
  });

  it('takes addresses of different hosts, with and without a scheme', () => {
    expect(parseServers('https://a.example, b.example:8000,8001')).toEqual([
      'https://a.example',
      'http://b.example:8000',
      'http://b.example:8001',
    ]);
  });

  it('takes an IPv6 address, a slash at the end, and each server once', () => {
    expect(parseServers('http://[::1]:8000/,8000')).toEqual(['http://[::1]:8000']);
  });

  it('takes a bare port as one of this machine', () => {
    expect(parseServers('8001')).toEqual(['http://localhost:8001']);
  });

  it('refuses what is no server, naming it', () => {
    for (const text of [
      '',
      'http://',
      'ftp://a.example',
      'http://a.example/path',
      'http://u:p@a.example',
      'a b',
      '8000,99999',
    ]) {
      expect([text, refusal(() => parseServers(text)).code]).toEqual([text, 'usage/bad-argument']);
    }
    const many = Array.from({ length: 17 }, (_, i) => 8000 + i).join(',');
    expect(refusal(() => parseServers(many)).message).toContain('at most 16');
  });

  it('returns origins or throws a usage error, for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webUrl()), (text) => {
        try {
          return parseServers(text).every((origin) => new URL(origin).origin === origin);
        } catch (error) {
          return error instanceof AppError && error.code === 'usage/bad-argument';
        }
      }),
    );
  });
});

describe('expiry', () => {
  const now = new Date(2026, 5, 15, 12, 0, 0).getTime();

  it('counts spans from now', () => {
    expect(parseExpiry('90s', now)).toBe(now + 90_000);
    expect(parseExpiry('30m', now)).toBe(now + 1_800_000);
    expect(parseExpiry('12h', now)).toBe(now + 43_200_000);
    expect(parseExpiry('7d', now)).toBe(now + 604_800_000);
    expect(parseExpiry('2w', now)).toBe(now + 1_209_600_000);
  });

  it('takes a day to its local end', () => {
    expect(parseExpiry('2026-12-31', now)).toBe(new Date(2027, 0, 1).getTime() - 1);
    expect(parseExpiry('2026-06-15', now)).toBe(new Date(2026, 5, 16).getTime() - 1);
  });

  it('takes an instant only with its offset', () => {
    expect(parseExpiry('2026-12-31T18:00Z', now)).toBe(Date.UTC(2026, 11, 31, 18));
    expect(parseExpiry('2026-12-31T18:00+02:00', now)).toBe(Date.UTC(2026, 11, 31, 16));
    expect(refusal(() => parseExpiry('2026-12-31T18:00', now)).code).toBe('usage/bad-argument');
  });

  it('knows never', () => {
    expect(parseExpiry('never', now)).toBeNull();
  });

  it('refuses the past, days that do not exist, and what it cannot read', () => {
    expect(refusal(() => parseExpiry('2026-06-14', now)).message).toContain('past');
    for (const text of [
      '',
      '0d',
      '-1d',
      '1.5d',
      '7',
      'd',
      '7 d',
      '7D',
      '2026-02-30',
      '2026-13-01',
      'tomorrow',
      '9999999999w',
      '2026-12-31T25:00Z',
    ]) {
      expect([text, refusal(() => parseExpiry(text, now)).code]).toEqual([text, 'usage/bad-argument']);
    }
  });
});

describe('image paths', () => {
  it('separates at commas', () => {
    expect(parseImagePaths('a.jpg, b.png', () => false)).toEqual(['a.jpg', 'b.png']);
  });

  it('leaves a file whose name has a comma whole', () => {
    expect(parseImagePaths('me, smiling.jpg', (path) => path === 'me, smiling.jpg')).toEqual([
      'me, smiling.jpg',
    ]);
  });

  it('refuses an empty path', () => {
    expect(refusal(() => parseImagePaths('a.jpg,', () => false)).code).toBe('usage/bad-argument');
    expect(refusal(() => parseImagePaths('', () => false)).code).toBe('usage/bad-argument');
  });
});

describe('hosts and grants', () => {
  it('takes addresses and names as hosts', () => {
    for (const host of ['192.168.1.10', '::1', 'bob.example']) expect(parseHost(host)).toBe(host);
    for (const host of ['', 'a b', 'a/b', 'http://a']) {
      expect([host, refusal(() => parseHost(host)).code]).toEqual([host, 'usage/bad-argument']);
    }
  });

  it('takes the start of a grant id', () => {
    expect(parseGrantPrefix('3f9a')).toBe('3f9a');
    for (const text of ['', '3F', 'xyz', '0'.repeat(33)]) {
      expect([text, refusal(() => parseGrantPrefix(text)).code]).toEqual([text, 'usage/bad-argument']);
    }
  });
});

describe('an option that may also stand without its name', () => {
  it('takes either, or both when they agree', () => {
    expect(flagOrPosition('bob', undefined, 'who')).toBe('bob');
    expect(flagOrPosition(undefined, 0, 'which')).toBe(0);
    expect(flagOrPosition('bob', 'bob', 'who')).toBe('bob');
  });

  it('refuses neither, and two that differ', () => {
    expect(refusal(() => flagOrPosition(undefined, undefined, 'who')).message).toBe('missing: who');
    expect(refusal(() => flagOrPosition('bob', 'eve', 'who')).message).toContain('bob and eve');
  });
});
