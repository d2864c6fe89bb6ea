/** A peer that stays: serves, keeps sending what waits, collects what was left for it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@cloud-steg/protocol';
import { drainOutbox, type OutboxEntry } from './outbox.ts';
import type { Peer } from './peer.ts';
import type { Person } from './people.ts';
import { collectFiledRequests, sendRequest } from './requests.ts';
import { sendDelivery } from './sending.ts';

const ROUND_MS = 1_000;
/** Requests left at the cluster are looked for this often. */
const COLLECT_MS = 10_000;

/** Sends and collects until the signal. What the cluster can't do now is done in a later round. */
export async function keepDelivering(peer: Peer, signal: AbortSignal): Promise<void> {
  let collectAt = 0;
  while (!signal.aborted) {
    try {
      if (peer.ports.now() >= collectAt) {
        const fresh = await collectFiledRequests(peer);
        if (fresh > 0) peer.ports.log('info', 'requests-collected', { fresh });
        collectAt = peer.ports.now() + COLLECT_MS;
      }
      await drainOutbox(peer, sendEntry, signal);
    } catch (error) {
      const code = error instanceof AppError ? error.code : 'program/bug';
      peer.ports.log(code.startsWith('cluster/') ? 'debug' : 'warn', 'delivery-round-failed', {
        code,
        error: String(error),
      });
      collectAt = peer.ports.now() + COLLECT_MS;
    }
    await sleep(ROUND_MS, undefined, { signal }).catch(() => {});
  }
}

/** Sends whatever an entry is. */
export function sendEntry(peer: Peer, entry: OutboxEntry, person: Person): Promise<void> {
  return entry.kind === 'request' ? sendRequest(peer, entry, person) : sendDelivery(peer, entry, person);
}
