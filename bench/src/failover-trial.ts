/** One leader that dies, falls silent or is told to stop, and what a client notices of it. */

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { FailoverCluster, FailoverServer, LogLine } from './failover-cluster.ts';
import type { Ack, ContinuousWriter } from './failover-writer.ts';

/** What befalls the leader. `stop-writing`: stopped while it holds the lock of the store's file. */
export const FAULTS = ['kill', 'stop', 'stop-writing', 'term'] as const;
export type Fault = (typeof FAULTS)[number];

/** Milliseconds since the signal was sent, but for `pauseMs`. */
export interface Trial {
  readonly victim: string;
  /** Who led next; undefined, as what follows, if nobody did for {@link TAKEOVER_MS_MAX}. */
  readonly successor: string | undefined;
  /** Another server first began to poll or to stand. */
  readonly noticedMs: number | undefined;
  /** It was elected. */
  readonly electedMs: number | undefined;
  /** It said that it leads: elected, and its claim granted by the store. */
  readonly leadsMs: number | undefined;
  /** The client had the first answer from it. */
  readonly ackMs: number | undefined;
  /** The longest time that the client spent without an answer from anybody. */
  readonly pauseMs: number;
}

const ACKS_AFTERWARDS = 20;
/** Beyond this, the leader is brought back: nobody takes over. */
const TAKEOVER_MS_MAX = 20_000;

/** Lets `fault` befall the leader of a healthy cluster, watches what follows, and gets the server running again. */
export async function runTrial(
  cluster: FailoverCluster,
  writer: ContinuousWriter,
  fault: Fault,
  recovery: 'continue' | 'restart',
): Promise<Trial> {
  const victim = await cluster.healthyLeader();
  const watch = new Watch(cluster, writer, victim);
  try {
    await cluster.until('a write by the leader', () => watch.acksOf(victim.url)[0]);
    // Anywhere between two heartbeats.
    await sleep(Math.random() * cluster.timings.heartbeat_interval_ms);
    const sentMs = await inject(fault, cluster, writer, victim);
    const trial = await watch.outcome(sentMs);
    if (fault === 'term') await expectGoodEnd(victim);
    return trial;
  } finally {
    watch.end();
    await recover(fault, victim, recovery);
  }
}

/** Returns when the signal was sent. */
async function inject(
  fault: Fault,
  cluster: FailoverCluster,
  writer: ContinuousWriter,
  victim: FailoverServer,
): Promise<number> {
  if (fault === 'stop-writing') return stopWithLock(cluster, writer, victim);
  const sentMs = performance.now();
  victim.signal(fault === 'kill' ? 'SIGKILL' : fault === 'stop' ? 'SIGSTOP' : 'SIGTERM');
  return sentMs;
}

async function recover(fault: Fault, victim: FailoverServer, how: 'continue' | 'restart'): Promise<void> {
  if (fault === 'kill') await victim.ended();
  else if (fault !== 'term' && how === 'continue') victim.signal('SIGCONT');
  else await victim.kill();
  victim.restart();
}

async function expectGoodEnd(victim: FailoverServer): Promise<void> {
  const exit = await victim.ended();
  if (exit !== 0) throw new Error(`told to stop, ${victim.node} ended with ${exit}:\n${victim.output}`);
}

/** Collects what happens from its making on. */
class Watch {
  readonly #cluster: FailoverCluster;
  readonly #victim: FailoverServer;
  readonly #lines: LogLine[] = [];
  readonly #acks: Ack[] = [];
  readonly #ends: (() => void)[];

  constructor(cluster: FailoverCluster, writer: ContinuousWriter, victim: FailoverServer) {
    this.#cluster = cluster;
    this.#victim = victim;
    this.#ends = [
      cluster.onLine((line) => this.#lines.push(line)),
      writer.onAck((ack) => this.#acks.push(ack)),
    ];
  }

  end(): void {
    for (const end of this.#ends) end();
  }

  acksOf(url: string): Ack[] {
    return this.#acks.filter((ack) => ack.url === url);
  }

  async outcome(sentMs: number): Promise<Trial> {
    const found = await this.#cluster.poll(TAKEOVER_MS_MAX, () => {
      const leads = this.#first(sentMs, ({ event }) => event === 'leading');
      const acks = leads ? this.acksOf(this.#cluster.server(leads.node).url) : [];
      return leads && acks.length >= ACKS_AFTERWARDS ? { leads, acks } : undefined;
    });
    const role = (wanted: readonly unknown[]) =>
      this.#first(
        sentMs,
        ({ event, fields }) => event === 'election.became' && wanted.includes(fields['role']),
      );
    const since = (line: { atMs: number } | undefined) => line && line.atMs - sentMs;
    return {
      victim: this.#victim.node,
      successor: found?.leads.node,
      noticedMs: since(role(['polling', 'candidate'])),
      electedMs: since(role(['leader'])),
      leadsMs: since(found?.leads),
      ackMs: since(found?.acks[0]),
      pauseMs: this.#longestPause(sentMs),
    };
  }

  #first(sinceMs: number, matches: (line: LogLine) => boolean): LogLine | undefined {
    return this.#lines.find(
      (line) => line.atMs >= sinceMs && line.node !== this.#victim.node && matches(line),
    );
  }

  #longestPause(sentMs: number): number {
    let longest = 0;
    for (const [i, { atMs }] of this.#acks.entries()) {
      const before = this.#acks[i - 1];
      if (before && atMs >= sentMs) longest = Math.max(longest, atMs - before.atMs);
    }
    return longest;
  }
}

/** SQLite's lock for writing to a log: this byte of the file beside it (sqlite.org/walformat.html#wal_locks). */
const WRITE_LOCK_BYTE = 120;
const STOPS_MAX = 2_000;
const COMMIT_MS_MAX = 6;

/** Stops the server in the middle of a write, again and again until it holds the lock. Returns when that was. Linux only. */
async function stopWithLock(
  cluster: FailoverCluster,
  writer: ContinuousWriter,
  victim: FailoverServer,
): Promise<number> {
  const inode = statSync(join(cluster.folder, 'data', 'cluster.db-shm')).ino;
  for (let attempt = 0; attempt < STOPS_MAX; attempt++) {
    const wanted = Math.random() * COMMIT_MS_MAX;
    while (writer.sentMs === undefined || performance.now() - writer.sentMs < wanted) await turn();
    const sentMs = performance.now();
    victim.signal('SIGSTOP');
    while (victim.running && stateOf(victim.pid) !== 'T');
    if (holdsLock(victim.pid, inode)) return sentMs;
    victim.signal('SIGCONT');
    await sleep(COMMIT_MS_MAX);
  }
  throw new Error(`the leader was stopped ${STOPS_MAX} times and held no lock: is this not Linux?`);
}

/** One letter (proc_pid_stat(5)). */
function stateOf(pid: number): string | undefined {
  return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
}

/** Lines of `<n>: POSIX ADVISORY WRITE <pid> <device>:<inode> <first byte> <last byte>` (proc_locks(5)). */
function holdsLock(pid: number, inode: number): boolean {
  return readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .some((line) => {
      const [, , , kind, owner, file, first] = line.split(/ +/);
      const here = Number(owner) === pid && file?.split(':').at(-1) === String(inode);
      return here && kind === 'WRITE' && Number(first) === WRITE_LOCK_BYTE;
    });
}
