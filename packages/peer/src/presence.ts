/** Staying online: signed heartbeats with a rising sequence, and a word of goodbye. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type Address, AppError, HeartbeatAnswer } from '@cloud-steg/protocol';
import * as z from 'zod';
import type { Peer } from './peer.ts';

export interface HeartbeatOptions {
  readonly addresses: readonly Address[];
  readonly intervalMs: number;
  readonly signal: AbortSignal;
  /** Told of every beat: the answer, or why there was none. */
  readonly onBeat: (outcome: HeartbeatAnswer | AppError) => void;
}

/** One heartbeat. */
export async function beat(peer: Peer, addresses: readonly Address[]): Promise<HeartbeatAnswer> {
  return peer.cluster.call({
    method: 'POST',
    path: '/heartbeat',
    body: { username: peer.username, addresses, seq: nextSeq(peer) },
    as: peer.caller,
    answer: HeartbeatAnswer,
  });
}

/** Beats until the signal, then says goodbye. A cluster out of reach is waited for; anything else it answers is thrown. */
export async function keepOnline(peer: Peer, options: HeartbeatOptions): Promise<void> {
  while (!options.signal.aborted) {
    try {
      options.onBeat(await beat(peer, options.addresses));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (!isPassing(error)) throw error;
      options.onBeat(error);
    }
    await sleep(options.intervalMs, undefined, { signal: options.signal }).catch(() => {});
  }
  await goOffline(peer).catch((error: unknown) =>
    peer.ports.log('debug', 'goodbye-failed', { error: String(error) }),
  );
}

/** Tells the cluster at once, rather than by silence. */
async function goOffline(peer: Peer): Promise<void> {
  await peer.cluster.call({
    method: 'DELETE',
    path: '/heartbeat',
    body: { username: peer.username, seq: nextSeq(peer) },
    as: peer.caller,
    answer: z.unknown(),
  });
}

/** Rises across processes and restarts; the clock carries it past what a restored database has forgotten. */
function nextSeq(peer: Peer): number {
  return peer.database.nextCount('heartbeat', peer.ports.now());
}

/** Anything but being somebody else, or elsewhere, may pass: an election, a clock before it is set, a hotel's login page. */
function isPassing(error: AppError): boolean {
  return !/^(identity\/|auth\/(wrong-cluster|bad-signature|forbidden)$|program\/bug$)/.test(error.code);
}
