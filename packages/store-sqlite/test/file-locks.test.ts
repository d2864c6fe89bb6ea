import { describe, expect, it } from 'vitest';
import { parseLocks } from '../src/file-locks.ts';

describe('a table of locks', () => {
  it('is read as the kernel writes it, without those that wait', () => {
    const table = [
      '1: POSIX  ADVISORY  WRITE 8182 fe:00:9978381 120 120',
      '1: -> POSIX  ADVISORY  WRITE 8183 fe:00:9978381 120 120',
      '2: FLOCK  ADVISORY  WRITE 700 00:19:1042 0 EOF',
      '3: OFDLCK ADVISORY  READ -1 fe:00:9978346 1073741826 EOF',
      '',
    ].join('\n');
    expect(parseLocks(table)).toEqual([
      { mode: 'WRITE', pid: 8182, inode: '9978381', bytes: [120, 120] },
      { mode: 'READ', pid: -1, inode: '9978346', bytes: [1073741826, Number.POSITIVE_INFINITY] },
    ]);
  });

  it('is read from an open file’s description too', () => {
    const info = [
      'pos:\t0',
      'flags:\t02504002',
      'lock:\t1: POSIX  ADVISORY  WRITE 8182 fe:00:9978381 120 120',
      'lock:\t2: POSIX  ADVISORY  READ 8182 fe:00:9978381 124 124',
      '',
    ].join('\n');
    expect(parseLocks(info).map(({ mode, bytes }) => [mode, ...bytes])).toEqual([
      ['WRITE', 120, 120],
      ['READ', 124, 124],
    ]);
  });
});
