import { isIPv4 } from 'node:net';
import { type ElectionConfig, splitAddress } from '@cloud-steg/election';
import { AppError } from '@cloud-steg/protocol';

/**
 * Members talk in the clear, so for now they must share one machine.
 *
 * @throws AppError `usage/bad-config` naming the first address outside 127.0.0.0/8, `localhost` and `::1`.
 */
export function requireLoopback(config: ElectionConfig): void {
  for (const id of config.members) {
    if (isLoopback(splitAddress(id).host)) continue;
    const key = id === config.thisNode ? 'this_node' : 'peers';
    throw new AppError('usage/bad-config', `${key}: ${id} is not on this machine’s loopback`, {
      hint: 'links between servers are not encrypted yet: only addresses in 127.0.0.0/8, localhost and [::1] are allowed',
      data: { key },
    });
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
