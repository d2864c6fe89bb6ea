/** Asking every server how it sees the cluster, all at once. */

import { reasonOf } from '@cloud-steg/peer';
import { AppError, type ClusterStatus } from '@cloud-steg/protocol';

/** What one server said, or why it said nothing. */
export type ServerAnswer =
  | {
      readonly kind: 'answered';
      readonly url: string;
      /** When the answer was here, on this machine's clock, Unix milliseconds. */
      readonly at: number;
      readonly roundTripMs: number;
      readonly status: ClusterStatus;
    }
  | { readonly kind: 'silent'; readonly url: string; readonly at: number; readonly reason: string };

export interface AskingPorts {
  readonly now: () => number;
  /** A server's `/status`; rejects when there is no answer, or one that isn't understood. */
  readonly statusOf: (url: string, signal: AbortSignal) => Promise<ClusterStatus>;
}

/** In the order of `urls`; takes as long as the slowest. Never rejects. */
export function askServers(
  { now, statusOf }: AskingPorts,
  urls: readonly string[],
  signal: AbortSignal,
): Promise<ServerAnswer[]> {
  return Promise.all(
    urls.map(async (url): Promise<ServerAnswer> => {
      const asked = now();
      try {
        const status = await statusOf(url, signal);
        const at = now();
        return { kind: 'answered', url, at, roundTripMs: Math.max(0, at - asked), status };
      } catch (error) {
        return { kind: 'silent', url, at: now(), reason: silenceOf(error) };
      }
    }),
  );
}

/** What is no answer of ours is not quoted: it may be long, and means nothing here. */
function silenceOf(error: unknown): string {
  const foreign = error instanceof AppError || error instanceof SyntaxError;
  return foreign ? 'no Cloud Steg server of this version' : reasonOf(error);
}
