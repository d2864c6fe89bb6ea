/** Who the members are and how patient they are: read once, checked here, trusted everywhere else. */

import {
  AppError,
  CLUSTER_NODES_MAX,
  ELECTION_ADDRESS_CHARS_MAX,
  ELECTION_TIMING_MS_MAX,
  ELECTION_TIMING_MS_MIN,
} from '@cloud-steg/protocol';
import * as z from 'zod';
import { textHash } from './text-hash.ts';

/** A member's election address, `host:port` exactly as the configuration writes it. */
export type NodeId = string;

/** Milliseconds on each node's own monotonic clock. */
export interface ElectionTimings {
  /** A leader is heard from this often. */
  readonly heartbeatIntervalMs: number;
  /** How long a heartbeat binds whoever acknowledged it; also the shortest wait before an election. */
  readonly electionTimeoutMsMin: number;
  /** The most heavily loaded node waits this long before it polls. */
  readonly electionTimeoutMsMax: number;
  /** How often a leader reviews whether another node should lead (rule 7); it does not expire. */
  readonly leaderTermMs: number;
  /** A poll, campaign or handover that got no answer for this long has failed. */
  readonly netTimeoutMs: number;
  /** Time between two CPU samples. */
  readonly cpuRefreshMs: number;
  /** Pause after a failed attempt. */
  readonly electionRetryMs: number;
}

export interface ElectionConfig {
  readonly thisNode: NodeId;
  /** All members with this node among them, sorted: the same list on every node. */
  readonly members: readonly NodeId[];
  /** The members but for this node. */
  readonly peers: readonly NodeId[];
  readonly timings: ElectionTimings;
  /** Hash over members and timings: nodes talk only to those that show the same one (rule 10). */
  readonly hash: string;
}

const NodeAddress = z
  .string({ error: ({ input }) => (input === undefined ? 'missing' : 'not an address in quotes') })
  .max(ELECTION_ADDRESS_CHARS_MAX, `longer than ${ELECTION_ADDRESS_CHARS_MAX} characters`)
  .refine(isAddress, 'not an address of the form host:port, such as 127.0.0.1:5001');

const timing = (defaultMs: number) =>
  z
    .int('not a whole number of milliseconds')
    .min(ELECTION_TIMING_MS_MIN, `below ${ELECTION_TIMING_MS_MIN} ms`)
    .max(ELECTION_TIMING_MS_MAX, `above ${ELECTION_TIMING_MS_MAX} ms`)
    .default(defaultMs);

/** The keys of the configuration file that belong to the election, with their defaults. */
const ElectionKeys = z.strictObject({
  this_node: NodeAddress,
  peers: z.array(NodeAddress, 'not a list of addresses').default([]),
  heartbeat_interval_ms: timing(1000),
  election_timeout_min_ms: timing(2000),
  election_timeout_max_ms: timing(5000),
  leader_term_ms: timing(10_000),
  net_timeout_ms: timing(1000),
  cpu_refresh_ms: timing(500),
  election_retry_ms: timing(1000),
});

/**
 * Checks the election's part of a configuration file (snake case keys, timings in milliseconds, each with
 * a default).
 *
 * The members are `peers` and the file's own `this_node`, so that servers can share one file; `thisNode`
 * says which of them this one is, and defaults to the file's.
 *
 * @throws AppError `usage/bad-config`, its `data.key` naming the key: unknown or ill-formed keys, addresses
 *   named twice, more than {@link CLUSTER_NODES_MAX} members, a node missing from its own cluster, timings
 *   that would elect and depose leaders for ever.
 */
export function readElectionConfig(keys: unknown, thisNode?: string): ElectionConfig {
  const parsed = ElectionKeys.safeParse(keys);
  if (!parsed.success) throw asBadConfig(parsed.error);
  const file = parsed.data;

  const members = [file.this_node, ...file.peers].sort();
  const twice = members.find((id, index) => id === members[index + 1]);
  if (twice !== undefined) {
    throw badConfig('peers', `names ${twice} twice`, 'peers lists the other servers, each once');
  }
  if (members.length > CLUSTER_NODES_MAX) {
    throw badConfig('peers', `makes ${members.length} members, at most ${CLUSTER_NODES_MAX} are possible`);
  }
  const self = thisNode ?? file.this_node;
  if (!members.includes(self)) {
    throw badConfig(
      'this_node',
      `${self} is no member of its own cluster`,
      `use one of ${members.join(', ')}`,
    );
  }
  if (file.election_timeout_min_ms < 2 * file.heartbeat_interval_ms) {
    throw badConfig(
      'election_timeout_min_ms',
      `${file.election_timeout_min_ms} ms is less than two heartbeats of ${file.heartbeat_interval_ms} ms`,
    );
  }
  if (file.election_timeout_max_ms <= file.election_timeout_min_ms) {
    throw badConfig(
      'election_timeout_max_ms',
      `${file.election_timeout_max_ms} ms is not above election_timeout_min_ms, ${file.election_timeout_min_ms} ms`,
    );
  }

  const timings: ElectionTimings = {
    heartbeatIntervalMs: file.heartbeat_interval_ms,
    electionTimeoutMsMin: file.election_timeout_min_ms,
    electionTimeoutMsMax: file.election_timeout_max_ms,
    leaderTermMs: file.leader_term_ms,
    netTimeoutMs: file.net_timeout_ms,
    cpuRefreshMs: file.cpu_refresh_ms,
    electionRetryMs: file.election_retry_ms,
  };
  return {
    thisNode: self,
    members,
    peers: members.filter((id) => id !== self),
    timings,
    hash: textHash(JSON.stringify([members, timings])),
  };
}

/** How many members make a majority. */
export function quorumOf(config: ElectionConfig): number {
  return Math.floor(config.members.length / 2) + 1;
}

/** What to tell the operator about the cluster's size (rule 10), if anything. */
export function sizeAdvice(config: ElectionConfig): string | undefined {
  const count = config.members.length;
  if (count % 2 === 1) return undefined;
  return `${count} servers survive no more failures than ${count - 1}; add or remove one`;
}

/** Host and port of a member's address; the host without the brackets of `[::1]:5001`. */
export function splitAddress(id: NodeId): { host: string; port: number } {
  const colon = id.lastIndexOf(':');
  const host = id.slice(0, colon);
  return {
    host: host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host,
    port: Number(id.slice(colon + 1)),
  };
}

function isAddress(text: string): boolean {
  if (!/^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$/.test(text)) return false;
  const { port } = splitAddress(text);
  return port >= 1 && port <= 65_535;
}

function badConfig(key: string, what: string, hint?: string): AppError {
  return new AppError('usage/bad-config', `${key}: ${what}`, {
    data: { key },
    ...(hint === undefined ? {} : { hint }),
  });
}

function asBadConfig(error: z.ZodError): AppError {
  const issue = error.issues[0];
  if (issue?.code === 'unrecognized_keys') {
    const known = Object.keys(ElectionKeys.shape).join(', ');
    return badConfig(issue.keys[0] ?? '', 'unknown key', `known keys: ${known}`);
  }
  return badConfig(issue?.path.join('.') || 'configuration', issue?.message ?? 'not as expected');
}
