/** The cluster at one moment, as far as its servers told. All times are Unix milliseconds of this machine's clock. */

import type { ElectionCause, NodeRole, PublicKey } from '@cloud-steg/protocol';

/** Who leads, and on whose word. */
export type Leadership =
  /** It says so itself, and serves. */
  | { readonly kind: 'serving'; readonly id: string; readonly url: string | null; readonly term: number }
  /** Elected, by its own word, but the store has yet to grant its claim. */
  | { readonly kind: 'claiming'; readonly id: string; readonly url: string | null; readonly term: number }
  /** Others name it; it was not asked itself. */
  | {
      readonly kind: 'named';
      readonly id: string;
      readonly url: string | null;
      readonly term: number;
      readonly by: readonly string[];
    }
  /** Others name it; it was asked and did not answer. */
  | {
      readonly kind: 'silent';
      readonly id: string;
      readonly url: string | null;
      readonly term: number;
      readonly by: readonly string[];
      readonly reason: string;
    }
  /** Nobody, in the latest term that was heard of. */
  | { readonly kind: 'none'; readonly term: number }
  /** No server of this cluster answers; since when. */
  | { readonly kind: 'unreachable'; readonly since: number };

export interface Quorum {
  readonly nodes: number;
  readonly needed: number;
  /** In touch with the leader; without one that answers, the nodes that do. */
  readonly inTouch: number;
  /** How many more may fail before nobody can lead; null without a leader that answers. */
  readonly mayFail: number | null;
}

/** One address that was asked. */
export interface ServerLine {
  readonly url: string;
  /** `another-cluster` answered with another key than this cluster's, and counts for nothing. */
  readonly state: 'answers' | 'silent' | 'another-cluster';
  readonly reason: string | null;
  readonly roundTripMs: number | null;
  /** Which node is there; of a silent one, from what others told or it told before. */
  readonly node: string | null;
  readonly isLeader: boolean;
  /** Whom it takes for the leader. */
  readonly leader: string | null;
  readonly term: number | null;
  readonly clusterKey: PublicKey | null;
  readonly version: string | null;
}

export interface NodeLine {
  readonly id: string;
  readonly url: string | null;
  readonly role: NodeRole;
  readonly term: number | null;
  readonly cpuPercent: number | null;
  readonly lagMs: number | null;
  /** Last sign of life that reached anybody who told; null for never. */
  readonly lastSeenAt: number | null;
  /** Whose word its role is: its own address, or that of the node that told; null where nobody knows. */
  readonly toldBy: string | null;
  /** Whether it answered here itself. */
  readonly http: 'answers' | 'silent' | 'not-asked';
  readonly reason: string | null;
}

export interface ElectionLine {
  readonly term: number;
  readonly leader: string;
  readonly cause: ElectionCause;
  readonly at: number;
}

/** What somebody who looks after the cluster should know besides. */
export type Finding =
  | { readonly kind: 'disagreement'; readonly claims: readonly Claim[] }
  | { readonly kind: 'two-leaders-in-a-term'; readonly term: number; readonly leaders: readonly string[] }
  /** Others are in touch with it all the same. */
  | {
      readonly kind: 'silent-but-heard';
      readonly node: string;
      readonly url: string;
      readonly reason: string;
      readonly by: string;
      readonly heardAt: number | null;
    }
  | {
      readonly kind: 'silent';
      readonly node: string | null;
      readonly url: string;
      readonly reason: string;
      readonly heardAt: number | null;
    }
  /** It answers here, but the leader does not hear it. */
  | {
      readonly kind: 'answers-but-not-heard';
      readonly node: string;
      readonly by: string;
      readonly heardAt: number | null;
    }
  | { readonly kind: 'another-cluster'; readonly url: string; readonly clusterKey: string }
  | { readonly kind: 'other-members'; readonly node: string };

/** What one server says about who leads. */
export interface Claim {
  readonly node: string;
  readonly leader: string | null;
  readonly term: number;
}

export interface ClusterSnapshot {
  readonly at: number;
  readonly clusterKey: PublicKey | null;
  readonly leadership: Leadership;
  /** Null while no server answers. */
  readonly quorum: Quorum | null;
  /** As they were asked. */
  readonly servers: readonly ServerLine[];
  /** By address. */
  readonly nodes: readonly NodeLine[];
  /** Newest first. */
  readonly elections: readonly ElectionLine[];
  readonly findings: readonly Finding[];
}

/** The leader that clients can be sent to, if there is one. */
export function leaderOf({ leadership }: ClusterSnapshot): string | null {
  return leadership.kind === 'serving' || leadership.kind === 'named' ? leadership.id : null;
}
