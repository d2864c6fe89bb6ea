/** What a node answers that may not serve: who may. */

import { signLeaderStatement } from '@cloud-steg/envelope';
import { AppError, type LeaderHint, NO_ANSWER_FROM, SILENT_LEADERS_MAX } from '@cloud-steg/protocol';
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

/** Another node that leads as far as this one knows, unless its address is one of `silent`. */
export function leaderElsewhere(
  { leadership, clusterKey, now }: DiscoveryPorts,
  silent: ReadonlySet<string> = new Set(),
): LeaderElsewhere | undefined {
  const { id, leader, leaderUrl, term } = leadership.status();
  if (leader === null || leaderUrl === null || leader === id) return undefined;
  if (silent.has(originOf(leaderUrl))) return undefined;
  return new LeaderElsewhere({
    current_leader: leader,
    leader_url: leaderUrl,
    leader_statement: signLeaderStatement(clusterKey, leaderUrl, term, now()),
  });
}

/** A `LeaderElsewhere`, or `cluster/no-leader` while there is none to be sent to. */
export function notLeading(ports: DiscoveryPorts): AppError {
  const { id } = ports.leadership.status();
  return (
    leaderElsewhere(ports) ?? new AppError('cluster/no-leader', `${id} knows of no leader at the moment`)
  );
}

/** Addresses that a client has asked without an answer, as it says in the header {@link NO_ANSWER_FROM}. */
export function silentLeaders(headers: Headers): ReadonlySet<string> {
  const named = headers.get(NO_ANSWER_FROM)?.split(',').slice(0, SILENT_LEADERS_MAX) ?? [];
  return new Set(named.map((url) => url.trim()));
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url;
}
