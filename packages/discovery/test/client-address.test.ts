import { describe, expect, it } from 'vitest';
import { clientOf } from '../src/client-address.ts';
import { Shares } from '../src/shares.ts';

describe('a client', () => {
  it('is an IPv4 address, however the socket writes it', () => {
    expect(clientOf('203.0.113.9')).toBe('203.0.113.9');
    expect(clientOf('::ffff:203.0.113.9')).toBe('203.0.113.9');
  });

  it('is one network of IPv6, whatever address it takes in there', () => {
    const home = clientOf('2001:db8:0:7:aaaa:bbbb:cccc:dddd');
    expect(home).toBe('2001:db8:0:7::/64');
    expect(clientOf('2001:0DB8::7:0:0:0:1')).toBe(home);
    expect(clientOf('2001:db8:0:8::1')).not.toBe(home);
    expect(clientOf('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
  });

  it('is nobody in particular on this machine', () => {
    for (const address of ['127.0.0.1', '127.8.0.1', '::1', '::ffff:127.0.0.1']) {
      expect(clientOf(address)).toBeUndefined();
    }
  });

  it('is counted even if its connection has gone', () => {
    expect(clientOf(undefined)).toBeDefined();
  });
});

describe('shares', () => {
  it('end for one client before they end for all', () => {
    const shares = new Shares(10, 4);
    expect(shares.take('a', 3)).toBe(true);
    expect(shares.take('a', 2)).toBe(false);
    expect(shares.take('a', 1)).toBe(true);
    expect(shares.take('b', 4)).toBe(true);
    expect(shares.take('c', 3)).toBe(false);
    expect(shares.total).toBe(8);
    shares.giveBack('a', 4);
    expect(shares.take('c', 3)).toBe(true);
    expect(shares.take('a', 3)).toBe(true);
  });

  it('are limited in sum alone for those who are not told apart', () => {
    const shares = new Shares(10, 4);
    expect(shares.take(undefined, 9)).toBe(true);
    expect(shares.take(undefined, 2)).toBe(false);
    shares.giveBack(undefined, 9);
    expect(shares.total).toBe(0);
  });
});
