/** Whether the idlest leads: with a real process hogging one server's share of the machine's processors. */

import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { statusOf } from '@cloud-steg/peer';
import { FailoverCluster, type FailoverServer, TIMINGS, type TimingsName } from './failover-cluster.ts';
import { printTable, spread } from './failover-report.ts';
import { type Hog, ProcessorLimit } from './processor-limits.ts';

/** Of each server; the three and the bench share two or more. */
const PROCESSORS_EACH = 0.4;
/** Points by which the busy server's load has to show before the trial begins. */
const SHOWN_POINTS = 20;
/** As configured by default: a leader looks this often whether another should lead. */
const LEADER_TERM_MS = 10_000;

export interface IdlestFigures {
  readonly timings: TimingsName;
  readonly trials: number;
  /** Of the trials, how often the idlest follower led after the leader was killed. */
  readonly idlestChosen: number;
  /** From the hog's start to another leader, each, milliseconds. */
  readonly handoversMs: readonly number[];
  /** How often the successor was the idler of the followers, by the loads of that moment. */
  readonly handedToIdle: number;
}

/** @throws Error where no control groups can be made. */
export async function measureIdlest(
  timings: TimingsName,
  runs: number,
  signal: AbortSignal,
): Promise<IdlestFigures> {
  let idlestChosen = 0;
  await onStage(timings, signal, async (scene) => {
    for (let run = 0; run < runs; run++) {
      if (await scene.killBesideBusyFollower()) idlestChosen++;
      process.stderr.write(`\r${timings}, busy follower: ${run + 1}/${runs}, idlest chosen ${idlestChosen} `);
    }
  });
  process.stderr.write('\n');
  const handovers: { ms: number; toIdle: boolean }[] = [];
  for (let run = 0; run < runs; run++) {
    // Each on a cluster of its own, for every move doubles the time to the next.
    const handover = await onStage(timings, signal, (scene) => scene.hogLeader());
    handovers.push(handover);
    const after = `${(handover.ms / 1000).toFixed(1)} s`;
    process.stderr.write(`\r${timings}, busy leader: ${run + 1}/${runs}, handed over after ${after} `);
  }
  process.stderr.write('\n');
  return {
    timings,
    trials: runs,
    idlestChosen,
    handoversMs: handovers.map(({ ms }) => ms),
    handedToIdle: handovers.filter(({ toIdle }) => toIdle).length,
  };
}

async function onStage<T>(
  timings: TimingsName,
  signal: AbortSignal,
  play: (scene: Scene) => Promise<T>,
): Promise<T> {
  const scene = await Scene.create(timings, signal);
  try {
    return await play(scene);
  } finally {
    await scene.close();
  }
}

export function printIdlest(figures: readonly IdlestFigures[]): void {
  console.log(`\neach server has ${PROCESSORS_EACH} of a processor; a shell loop uses up one server's share`);
  printTable(
    [
      'timings',
      'runs',
      'leader killed: the idler follower took over',
      'leader busy: handed over after, ms',
      'to the idler',
    ],
    figures.map(({ timings, trials, idlestChosen, handoversMs, handedToIdle }) => [
      timings,
      String(trials),
      `${idlestChosen} of ${trials}`,
      spread(handoversMs),
      `${handedToIdle} of ${handoversMs.length}`,
    ]),
  );
}

class Scene {
  readonly #cluster: FailoverCluster;
  readonly #limits: ReadonlyMap<FailoverServer, ProcessorLimit>;
  #hog: { at: FailoverServer; process: Hog } | undefined;

  private constructor(cluster: FailoverCluster, limits: ReadonlyMap<FailoverServer, ProcessorLimit>) {
    this.#cluster = cluster;
    this.#limits = limits;
  }

  static async create(timings: TimingsName, signal: AbortSignal): Promise<Scene> {
    const cluster = await FailoverCluster.start(TIMINGS[timings], signal);
    const limits = new Map<FailoverServer, ProcessorLimit>();
    const scene = new Scene(cluster, limits);
    try {
      for (const [i, server] of cluster.servers.entries()) {
        const limit = new ProcessorLimit(`${i}`, PROCESSORS_EACH);
        limits.set(server, limit);
        limit.add(server.pid);
      }
    } catch (error) {
      await scene.close();
      throw error;
    }
    return scene;
  }

  /** Kills the leader while a follower is busy; whether the other follower led next. */
  async killBesideBusyFollower(): Promise<boolean> {
    const leader = await this.#cluster.healthyLeader();
    const followers = this.#cluster.servers.filter((server) => server !== leader);
    // Now the one, now the other, so that a tie by address proves nothing.
    const busy = followers[Math.random() < 0.5 ? 0 : 1];
    const idle = followers.find((server) => server !== busy);
    if (!busy || !idle) throw new Error('a cluster of three has two followers');
    await this.#moveHog(busy);
    await this.#untilBusier(leader, busy, idle);
    await sleep(Math.random() * this.#cluster.timings.heartbeat_interval_ms);
    const next = this.#nextLeader(leader);
    leader.signal('SIGKILL');
    const chosen = await next;
    await leader.ended();
    leader.restart();
    this.#limits.get(leader)?.add(leader.pid);
    return chosen.server === idle;
  }

  /** Makes the leader busy; how long it took until another led, and whether that was the idler one. */
  async hogLeader(): Promise<{ ms: number; toIdle: boolean }> {
    const leader = await this.#cluster.healthyLeader();
    // What starting up left behind in the smoothed loads must be gone.
    await this.#cluster.until('a leader not much busier than the others', async () => {
      const loads = await this.#loads(leader);
      const [least = 0] = [...loads.values()].sort((a, b) => a - b);
      return loads.size === 3 && (loads.get(leader.node) ?? 100) < least + SHOWN_POINTS ? true : undefined;
    });
    // Anywhere between two of its reviews.
    await sleep(Math.random() * LEADER_TERM_MS);
    const next = this.#nextLeader(leader);
    const start = performance.now();
    await this.#moveHog(leader);
    const chosen = await next;
    const loads = await this.#loads(chosen.server);
    const others = [...loads].filter(([node]) => node !== leader.node && node !== chosen.server.node);
    const own = loads.get(chosen.server.node) ?? 100;
    return { ms: chosen.atMs - start, toIdle: others.every(([, load]) => own <= load + SHOWN_POINTS / 2) };
  }

  async close(): Promise<void> {
    await this.#moveHog(undefined);
    await this.#cluster.close();
    for (const limit of this.#limits.values()) await limit.remove();
  }

  async #moveHog(to: FailoverServer | undefined): Promise<void> {
    if (this.#hog?.at === to) return;
    await this.#hog?.process.end();
    this.#hog = undefined;
    const limit = to && this.#limits.get(to);
    if (limit) this.#hog = { at: to, process: limit.hog() };
  }

  async #untilBusier(leader: FailoverServer, busy: FailoverServer, idle: FailoverServer): Promise<void> {
    await this.#cluster.until('the busy follower to show', async () => {
      const loads = await this.#loads(leader);
      const gap = (loads.get(busy.node) ?? 0) - (loads.get(idle.node) ?? 100);
      return gap >= SHOWN_POINTS ? true : undefined;
    });
  }

  /** Loads as `server` knows them. */
  async #loads(server: FailoverServer): Promise<Map<string, number>> {
    const status = await statusOf(server.url).catch(() => undefined);
    return new Map(
      status?.nodes.flatMap(({ id, cpuPercent }) => (cpuPercent === null ? [] : [[id, cpuPercent]])),
    );
  }

  async #nextLeader(before: FailoverServer): Promise<{ server: FailoverServer; atMs: number }> {
    let found: { server: FailoverServer; atMs: number } | undefined;
    const end = this.#cluster.onLine(({ event, node, atMs }) => {
      if (event === 'leading' && node !== before.node) {
        found ??= { server: this.#cluster.server(node), atMs };
      }
    });
    try {
      return await this.#cluster.until('another leader', () => found);
    } finally {
      end();
    }
  }
}
