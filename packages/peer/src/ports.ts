/** What a peer takes from the world around it. Only the programs' entry points construct these. */

import type { CarrierEngine } from './carrier-engine.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type Log = (level: LogLevel, event: string, fields?: Record<string, unknown>) => void;

export interface PeerPorts {
  /** Wall clock, Unix milliseconds. */
  readonly now: () => number;
  /** The next `bytes` of a CSPRNG. */
  readonly random: (bytes: number) => Uint8Array;
  readonly log: Log;
  /** Hides and finds; usually in a worker thread. */
  readonly engine: CarrierEngine;
  /** Longest a call to the cluster may take, through failovers and retries, milliseconds. */
  readonly clusterTimeoutMs: number;
}
