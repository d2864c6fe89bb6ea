/** Which addresses a peer advertises. All are hints: whoever dials checks the key that answers. */

import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { ADDRESSES_MAX, type Address } from '@cloud-steg/protocol';

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** The address the user named, and loopback, so that several users on one machine reach each other as they are. */
export function advertisedAddresses(given: Address): Address[] {
  const loopback = { host: '127.0.0.1', port: given.port };
  return isLoopback(given.host) ? [given] : [given, loopback];
}

/** The host to advertise when the user named none: the first address of this machine that others may reach. */
export function guessHost(): string {
  for (const addresses of Object.values(networkInterfaces()).slice(0, ADDRESSES_MAX)) {
    for (const { address, family, internal } of addresses ?? []) {
      if (!internal && family === 'IPv4') return address;
    }
  }
  return '127.0.0.1';
}
