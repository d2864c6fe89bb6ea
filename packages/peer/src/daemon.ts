/** A peer that stays: keeps sending what waits, collects what was left for it. */

import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { DELIVERIES_MAX, type DeliveryId, toAppError, type Username } from '@cloud-steg/protocol';
import { awaitedRecipients, drainTo, expireOutbox, type OutboxEntry, type Sent } from './outbox.ts';
import type { Peer } from './peer.ts';
import type { Person } from './people.ts';
import { collectFiledRequests, sendRequest } from './requests.ts';
import { sendDelivery } from './sending.ts';

const ROUND_MS = 1_000;
/** Whether someone awaited has come is asked this often. */
const LOOK_UP_MS = 3_000;
/** Requests left at the cluster are looked for this often. */
const COLLECT_MS = 10_000;

/** Sends and collects until the signal. What can't be done now is done in a later round. */
export async function keepDelivering(peer: Peer, signal: AbortSignal): Promise<void> {
  await Promise.all([keepSending(peer, signal), keepCollecting(peer, signal)]);
}

/** Each recipient is served at their own pace: a slow one holds up nobody else. */
async function keepSending(peer: Peer, signal: AbortSignal): Promise<void> {
  const underWay = new Map<Username, Promise<void>>();
  const lookedUpAt = new Map<Username, number>();
  while (!signal.aborted) {
    await tolerate(peer, 'outbox-round-failed', async () => {
      await giveUpOld(peer);
      const now = peer.ports.now();
      for (const recipient of awaitedRecipients(peer)) {
        if (underWay.has(recipient) || underWay.size >= DELIVERIES_MAX) continue;
        if (Math.abs(now - (lookedUpAt.get(recipient) ?? 0)) < LOOK_UP_MS) continue;
        lookedUpAt.set(recipient, now);
        const drained = tolerate(peer, 'outbox-round-failed', () =>
          drainTo(peer, recipient, sendEntry, signal),
        );
        underWay.set(
          recipient,
          drained.finally(() => underWay.delete(recipient)),
        );
      }
    });
    await sleep(ROUND_MS, undefined, { signal }).catch(() => {});
  }
  await Promise.all(underWay.values());
}

async function keepCollecting(peer: Peer, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await tolerate(peer, 'collecting-failed', async () => {
      const fresh = await collectFiledRequests(peer);
      if (fresh > 0) peer.ports.log('info', 'requests-collected', { fresh });
    });
    await sleep(COLLECT_MS, undefined, { signal }).catch(() => {});
  }
}

/** Sends whatever an entry is. */
export function sendEntry(
  peer: Peer,
  entry: OutboxEntry,
  person: Person,
  signal?: AbortSignal,
): Promise<Sent> {
  const send = entry.kind === 'request' ? sendRequest : sendDelivery;
  return send(peer, entry, person, signal);
}

async function giveUpOld(peer: Peer): Promise<void> {
  for (const { id, kind, recipient } of expireOutbox(peer)) {
    peer.ports.log('warn', 'outbox-entry-expired', { kind, recipient });
    if (kind === 'delivery')
      await rm(peer.directory.spoolFile(peer.username, id as DeliveryId), { force: true });
  }
}

/** A round that fails is logged, and the next one tries again. */
async function tolerate(peer: Peer, event: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    const { code, message } = toAppError(thrown);
    peer.ports.log(code.startsWith('cluster/') ? 'debug' : 'warn', event, { code, error: message });
  }
}
