/** The servers a command is to ask, and the way to ask them. */

import { statusOf } from '@cloud-steg/peer';
import type { PublicKey } from '@cloud-steg/protocol';
import type { Context, UserFlags } from '../context.ts';
import { askServers, type ServerAnswer } from './servers-asked.ts';

export interface ClusterAsked {
  /** The key that its users here know the cluster by, if they do. */
  readonly clusterKey: PublicKey | undefined;
  readonly ask: (signal: AbortSignal) => Promise<ServerAnswer[]>;
}

/** Each server is waited for `patienceMs`, or `--timeout` if that is less. */
export async function askCluster(
  context: Context,
  flags: UserFlags,
  patienceMs: number,
): Promise<ClusterAsked> {
  const cluster = await context.cluster(flags);
  const timeoutMs = Math.min(patienceMs, context.ports().clusterTimeoutMs);
  const ports = {
    now: context.shell.now,
    statusOf: (url: string, signal: AbortSignal) => statusOf(url, { timeoutMs, signal }),
  };
  return { clusterKey: cluster.pinnedKey, ask: (signal) => askServers(ports, cluster.servers, signal) };
}
