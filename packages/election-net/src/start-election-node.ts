import { sizeAdvice } from '@cloud-steg/election';
import { AppError, HTTP_URL_CHARS_MAX } from '@cloud-steg/protocol';
import type { ElectionNode, ElectionNodeOptions } from './election-node.ts';
import { linkKey } from './link-proof.ts';
import { MemberServer } from './member-server.ts';
import { RunningNode } from './running-node.ts';
import { StateFile } from './state-file.ts';

/**
 * Starts a member of the cluster. A cluster of one leads at once and opens no socket.
 *
 * @throws AppError `usage/bad-config` (an address that is not this machine’s, an `httpUrl` that is none),
 *   `server/address-in-use`, `server/state-damaged`.
 */
export async function startElectionNode(options: ElectionNodeOptions): Promise<ElectionNode> {
  const { config, httpUrl, secret, dataDir, clock, log } = options;
  requireHttpUrl(httpUrl);
  const advice = sizeAdvice(config);
  if (advice !== undefined) log('warn', 'election.even-size', { advice });

  const file = new StateFile(dataDir, config.thisNode);
  if (config.peers.length === 0) return new RunningNode(options, file);

  let node: RunningNode | undefined;
  const server = new MemberServer({
    config,
    key: linkKey(secret),
    certificate: await options.certificate(),
    clock,
    onMessage: (from, message, address) => node?.hear(from, message, address),
    onLost: (peer) => node?.lose(peer),
    onRefused: (error) => node?.noteRefused(error),
  });
  // The address is taken before the file is read: a second server of the same name gets no further.
  await server.listen();
  try {
    node = new RunningNode(options, file, server);
    return node;
  } catch (error) {
    await server.close();
    throw error;
  }
}

function requireHttpUrl(httpUrl: string): void {
  const usable = /^https?:/.test(httpUrl) && URL.canParse(httpUrl) && httpUrl.length <= HTTP_URL_CHARS_MAX;
  if (usable) return;
  throw new AppError('usage/bad-config', `http_url: ${JSON.stringify(httpUrl)} is not an HTTP address`, {
    data: { key: 'http_url' },
  });
}
