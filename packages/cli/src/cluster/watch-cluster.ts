/** Looking at a cluster again and again. */

import type { PublicKey } from '@cloud-steg/protocol';
import { type Change, ClusterChanges } from './cluster-changes.ts';
import type { ServerAnswer } from './servers-asked.ts';
import type { ClusterSnapshot } from './snapshot.ts';
import { takeSnapshot } from './take-snapshot.ts';

export interface WatchPorts {
  readonly now: () => number;
  readonly ask: (signal: AbortSignal) => Promise<ServerAnswer[]>;
  /** Resolves after `ms`, or at the signal. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly show: (snapshot: ClusterSnapshot, changes: readonly Change[]) => void;
}

/** One look every `intervalMs`, or as often as the slowest server lets, until the signal; whatever the servers do. */
export async function watchCluster(
  { now, ask, pause, show }: WatchPorts,
  {
    intervalMs,
    clusterKey,
    signal,
  }: { intervalMs: number; clusterKey?: PublicKey | undefined; signal: AbortSignal },
): Promise<void> {
  const changes = new ClusterChanges();
  let previous: ClusterSnapshot | undefined;
  while (!signal.aborted) {
    const began = now();
    const answers = await ask(signal);
    if (signal.aborted) return;
    previous = takeSnapshot(answers, now(), { clusterKey, previous });
    show(previous, changes.take(previous));
    // A clock that was set back must not stop the watch.
    const tookMs = Math.max(0, now() - began);
    await pause(Math.max(0, intervalMs - tookMs), signal);
  }
}
