/** What every node answers for itself. */

import { signLeaderStatement } from '@cloud-steg/envelope';
import { AppError, ClusterStatus } from '@cloud-steg/protocol';
import { TERM_KEY } from '@cloud-steg/store';
import * as z from 'zod';
import type { Metrics } from './metrics.ts';
import type { DiscoveryPorts } from './ports.ts';
import { publicRoute, type Route } from './route.ts';

export function clusterRoutes(ports: DiscoveryPorts, metrics: Metrics): Route[] {
  return [
    publicRoute({
      method: 'GET',
      path: '/status',
      summary: 'the cluster as this node sees it',
      answer: ClusterStatus,
      handle: async () => clusterStatus(ports),
    }),
    publicRoute({
      method: 'GET',
      path: '/healthz',
      summary: 'this process is running',
      answer: z.object({ status: z.literal('ok') }),
      handle: async () => ({ status: 'ok' }),
    }),
    publicRoute({
      method: 'GET',
      path: '/readyz',
      summary: 'this node can read its store and serve, or name who does',
      answer: z.object({ status: z.literal('ok') }),
      async handle() {
        await ports.store.get(TERM_KEY);
        const { id, leader } = ports.leadership.status();
        const elsewhere = leader !== null && leader !== id;
        if (!elsewhere && !ports.leadership.leading()) {
          throw new AppError('cluster/no-leader', `${id} knows of no leader at the moment`);
        }
        return { status: 'ok' };
      },
    }),
    publicRoute({
      method: 'GET',
      path: '/metrics',
      summary: 'counters for Prometheus',
      answer: 'text/plain',
      handle: async () =>
        new Response(metrics.text(), { headers: { 'content-type': 'text/plain; version=0.0.4' } }),
    }),
  ];
}

function clusterStatus({ leadership, clusterKey, now, version }: DiscoveryPorts): ClusterStatus {
  const { id, term, leader, leaderUrl, nodes, elections } = leadership.status();
  const known = leader !== null && leaderUrl !== null;
  return {
    status: known ? 'ok' : 'no_leader',
    node: id,
    is_leader: leadership.leading() !== undefined,
    current_leader: leader,
    leader_url: leaderUrl,
    leader_statement: known ? signLeaderStatement(clusterKey, leaderUrl, term, now()) : null,
    term,
    cluster_key: clusterKey.publicKey,
    nodes: [...nodes],
    elections: [...elections],
    version,
    now: now(),
  };
}
