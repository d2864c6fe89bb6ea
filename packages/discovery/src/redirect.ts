/** What a node answers that may not serve: who may. */

import { signLeaderStatement } from '@cloud-steg/envelope';
import { AppError, type LeaderHint } from '@cloud-steg/protocol';
import type { DiscoveryPorts } from './ports.ts';

/** Carried by a 307 to `where.leader_url`. */
export class LeaderElsewhere extends AppError {
  readonly where: LeaderHint;

  constructor(where: LeaderHint) {
    super(
      'cluster/not-leader',
      `this node is not the leader, current leader: ${where.current_leader} at ${where.leader_url}`,
    );
    this.where = where;
  }
}

/** A `LeaderElsewhere`, or `cluster/no-leader` while there is none to be sent to. */
export function notLeading({ leadership, clusterKey, now }: DiscoveryPorts): AppError {
  const { id, leader, leaderUrl, term } = leadership.status();
  if (leader === null || leaderUrl === null || leader === id) {
    return new AppError('cluster/no-leader', `${id} knows of no leader at the moment`);
  }
  return new LeaderElsewhere({
    current_leader: leader,
    leader_url: leaderUrl,
    leader_statement: signLeaderStatement(clusterKey, leaderUrl, term, now()),
  });
}
