import type { ElectionConfig, NodeId } from '@cloud-steg/election';
import type { AppError, ElectionRecord, NodeStatus } from '@cloud-steg/protocol';
import type { Clock } from './clock.ts';
import type { CpuMeter } from './cpu-meter.ts';
import type { ProcessTable } from './process-name.ts';
import type { LinkCertificate } from './tls-channel.ts';

/** Where the node tells what it does; `event` is a short constant, everything variable is in `fields`. */
export type ElectionLog = (
  level: 'debug' | 'info' | 'warn' | 'error',
  event: string,
  fields: Readonly<Record<string, unknown>>,
) => void;

export interface ElectionNodeOptions {
  readonly config: ElectionConfig;
  /** Where this node answers HTTP, told to the others; at most `HTTP_URL_CHARS_MAX` characters. */
  readonly httpUrl: string;
  /** The 32 bytes that make servers one cluster: members are believed only once they have proven to know them. */
  readonly secret: Uint8Array;
  /** Makes what this node's links are encrypted under; asked once, and only where there are other members. */
  certificate(): Promise<LinkCertificate>;
  readonly processes: ProcessTable;
  /** `DATA_DIR`; the node keeps `nodes/<address>/state.json` below it. */
  readonly dataDir: string;
  /** Highest term that was ever claimed in the store, 0 when none was. */
  readonly storeTerm: number;
  /**
   * Claims `term` in the store for this node (rule 8): resolves `false` when the store knows this term or a
   * later one. Rejecting (store unavailable) is tried again twice, then this node makes room for another. Must settle.
   */
  claimTerm(term: number, id: NodeId): Promise<boolean>;
  readonly cpu: CpuMeter;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  random(): number;
  readonly log: ElectionLog;
  /** Called once when the node can't go on (its state file can't be written, a bug); it has stopped by then. */
  onFailure?(error: AppError): void;
}

/** A node's view of the cluster at one moment. */
export interface ElectionStatus {
  readonly id: NodeId;
  /** This node's own role; leader only while its lease is valid. */
  readonly role: 'leader' | 'follower' | 'candidate';
  readonly term: number;
  /** Whom this node believes to lead now; `null` during an election and after losing touch with the leader. */
  readonly leader: NodeId | null;
  readonly leaderUrl: string | null;
  /** By address. Another node is unknown while no leader is, and unless it was heard in the leader's term of late. */
  readonly nodes: readonly NodeStatus[];
  /** Newest last. */
  readonly elections: readonly ElectionRecord[];
}

export interface ElectionNode {
  /** The term under which this node may serve right now: its lease is valid and the store granted its claim. */
  leading(): { term: number } | undefined;
  status(): ElectionStatus;
  /** Calls `listener` after leadership was gained or lost or another leader became known; returns how to stop that. */
  onChange(listener: () => void): () => void;
  /**
   * Hands over if leading (rule 7), waits to hear of the successor, closes all sockets. Takes at most about
   * twice `netTimeoutMs`, and may be called again.
   */
  stop(): Promise<void>;
}
