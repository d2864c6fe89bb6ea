/** What commands that stay have in common: beating, serving and delivering side by side, and telling of it. */

import {
  advertisedAddresses,
  isLoopback,
  keepDelivering,
  keepOnline,
  type Log,
  type P2pServer,
  type Peer,
  type PeerEvent,
  startP2pServer,
} from '@cloud-steg/peer';
import { type Address, AppError, type HeartbeatAnswer } from '@cloud-steg/protocol';
import { type Context, shellWord } from './context.ts';
import { formatBytes, plural } from './wording.ts';

/** Runs all parts until `signal`, or until one of them fails, which ends the others first. */
export async function together(
  signal: AbortSignal,
  parts: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const results = await Promise.allSettled(
    parts.map(async (part) => {
      try {
        await part(either);
      } catch (error) {
        failed.abort();
        throw error;
      }
    }),
  );
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
}

/** Heartbeats until the signal. Tells of the first, of every change and, with `--verbose`, of each. */
export async function stayOnline(
  context: Context,
  peer: Peer,
  address: Address,
  intervalSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  const { output } = context;
  const addresses = advertisedAddresses(address);
  let state: 'unknown' | 'online' | 'away' = 'unknown';
  let leader: string | undefined;
  const onBeat = (outcome: HeartbeatAnswer | AppError) => {
    if (outcome instanceof AppError) {
      if (state === 'away' && !output.style.verbose) return;
      state = 'away';
      output.print({ event: 'away', code: outcome.code, message: outcome.message }, [
        `⏳ ${outcome.message}`,
        '   Trying again until it works',
      ]);
      return;
    }
    const leaderUrl = peer.cluster.leaderUrl;
    const news = state !== 'online' || leaderUrl !== leader;
    state = 'online';
    leader = leaderUrl;
    if (!news && !output.style.verbose) return;
    const { ttlMs, requestsWaiting } = outcome;
    output.print(
      {
        event: 'online',
        username: peer.username,
        addresses,
        leaderUrl: leaderUrl ?? null,
        ttlMs,
        requestsWaiting,
      },
      [`💓 ${peer.username} is online at ${leaderUrl ?? 'the cluster'} (every ${intervalSeconds}s)`],
    );
    if (intervalSeconds * 1_000 >= ttlMs) {
      output.note(
        `   ⚠️ The servers forget who is silent for ${ttlMs / 1_000}s: use an --interval below that`,
      );
    }
  };
  await keepOnline(peer, { addresses, intervalMs: intervalSeconds * 1_000, signal, onBeat });
  output.print({ event: 'offline', username: peer.username }, [`👋 ${peer.username} is offline`]);
}

/** Listens for requests and carriers, and tells of them. The caller closes it. */
async function serve(context: Context, peer: Peer, address: Address): Promise<P2pServer> {
  const server = await startP2pServer(peer, {
    port: address.port,
    // Who advertises loopback only is not there for the network either.
    ...(isLoopback(address.host) && { host: address.host }),
    onEvent: (event) => {
      void tell(context, peer, event);
    },
  });
  const { host } = address;
  context.output.print({ event: 'listening', username: peer.username, host, port: server.port }, [
    `👂 ${peer.username} is listening on port ${server.port} as ${host}:${server.port}`,
  ]);
  return server;
}

async function tell(context: Context, peer: Peer, event: PeerEvent): Promise<void> {
  const { output } = context;
  switch (event.kind) {
    case 'request': {
      const { from, imageIndex } = event;
      output.print({ event: 'request', from, imageIndex }, [`📬 ${from} requests image [${imageIndex}]`]);
      output.note(
        `   ${await context.next(`send-image ${from} ${imageIndex} --views 3`, peer.username)}`,
        `   ${await context.next(`deny ${from} ${imageIndex}`, peer.username)}`,
      );
      return;
    }
    case 'delivery': {
      const { from, file, bytes } = event;
      output.print({ event: 'delivery', from, file, bytes }, [
        `📥 ${from} sent a picture: ${file} (${formatBytes(bytes)})`,
      ]);
      output.note(`   ${await context.next(`view-image ${shellWord(file)}`, peer.username)}`);
    }
  }
}

/** A log that also tells, in words, what the outbox and the cluster's inbox did. */
export function tellingLog(context: Context): Log {
  const { output } = context;
  return (level, event, fields = {}) => {
    const { kind, recipient, error, fresh } = fields;
    const what = kind === 'request' ? 'request' : 'picture';
    switch (event) {
      case 'outbox-entry-sent':
        output.print({ event: 'sent', kind, recipient }, [`📤 ${String(recipient)} has your ${what}`]);
        return;
      case 'requests-collected':
        output.print({ event: 'collected', requests: fresh }, [
          `📬 ${plural(Number(fresh), 'request')} had been left for you at the cluster`,
        ]);
        return;
      case 'outbox-entry-stays':
        if (output.style.verbose) output.note(`📮 ${what} for ${String(recipient)} waits: ${String(error)}`);
        return;
      default:
        output.log(level, event, fields);
    }
  };
}

/** Serves and delivers until the signal. */
export async function serveUntil(
  context: Context,
  peer: Peer,
  address: Address,
  signal: AbortSignal,
  alongside: readonly ((signal: AbortSignal) => Promise<void>)[] = [],
): Promise<void> {
  const server = await serve(context, peer, address);
  try {
    await together(signal, [(signal) => keepDelivering(peer, signal), ...alongside]);
  } finally {
    await server.close();
  }
}
