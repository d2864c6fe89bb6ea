/** Whose share a connection counts against. */

/**
 * What the requests of one client have in common: its IPv4 address, or the first 64 bits of its IPv6 address (a
 * household has that many to itself). Undefined for loopback, which isn't limited: all users of this machine
 * share it, and so does whoever comes through a proxy on it, which then has to limit them itself.
 */
export type Client = string | undefined;

/** `remoteAddress` as a socket has it; undefined once that is closed. Headers such as `x-forwarded-for` have no say. */
export function clientOf(remoteAddress: string | undefined): Client {
  if (remoteAddress === undefined) return 'a closed connection';
  const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!address.includes(':')) return address.startsWith('127.') ? undefined : address;
  return address === '::1' ? undefined : `${firstGroups(address).join(':')}::/64`;
}

/** The first four of eight groups, in lower case and without leading zeros. */
function firstGroups(address: string): string[] {
  const [head = '', tail] = address.split('::');
  const groupsOf = (text: string) => (text === '' ? [] : text.split(':'));
  const before = groupsOf(head);
  const after = groupsOf(tail ?? '');
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return [...before, ...zeros, ...after].slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
}
