/** What a discovery server needs from the world around it; `main.ts` connects the real things. */

import type { KeyPair } from '@cloud-steg/envelope';
import type { ElectionRecord, NodeStatus } from '@cloud-steg/protocol';
import type { Store } from '@cloud-steg/store';

/** `event` is a short constant; everything variable is in `fields`. */
export type Log = (
  level: 'debug' | 'info' | 'warn' | 'error',
  event: string,
  fields: Readonly<Record<string, unknown>>,
) => void;

/** This node's part in the election. */
export interface Leadership {
  /** The term under which this node may serve right now, or undefined while it may not. */
  leading(): { readonly term: number } | undefined;
  status(): {
    readonly id: string;
    readonly term: number;
    /** Whom this node takes for the leader, and where that one answers HTTP. */
    readonly leader: string | null;
    readonly leaderUrl: string | null;
    readonly nodes: readonly NodeStatus[];
    /** Newest last. */
    readonly elections: readonly ElectionRecord[];
  };
  /** Calls `listener` after either of these has changed; returns how to stop that. */
  onChange(listener: () => void): () => void;
}

/** Calls `run` once, `ms` from now or a little later; the function returned prevents it. */
export type After = (ms: number, run: () => void) => () => void;

export interface DiscoveryPorts {
  readonly store: Store;
  readonly leadership: Leadership;
  /** Speaks for the cluster: the same at every server. */
  readonly clusterKey: KeyPair;
  /** Without a heartbeat for this long, a user is offline. */
  readonly heartbeatTtlMs: number;
  /** How long a request waits for a leader to be known. */
  readonly leaderHoldMs: number;
  /** Wall clock, milliseconds since 1970. */
  readonly now: () => number;
  readonly after: After;
  /** A CSPRNG's next bytes. */
  readonly random: (bytes: number) => Uint8Array;
  readonly log: Log;
  readonly version: string;
}
