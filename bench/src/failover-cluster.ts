/** Three real discovery servers on loopback, as users run them, and what each says and when. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { statusOf } from '@cloud-steg/peer';
import type { ClusterStatus } from '@cloud-steg/protocol';

export const TIMINGS = {
  default: {
    heartbeat_interval_ms: 1000,
    election_timeout_min_ms: 2000,
    election_timeout_max_ms: 5000,
    net_timeout_ms: 1000,
    cpu_refresh_ms: 500,
    election_retry_ms: 1000,
  },
  fast: {
    heartbeat_interval_ms: 100,
    election_timeout_min_ms: 300,
    election_timeout_max_ms: 600,
    net_timeout_ms: 200,
    cpu_refresh_ms: 50,
    election_retry_ms: 100,
  },
};
export type TimingsName = keyof typeof TIMINGS;
export type Timings = (typeof TIMINGS)['default'];

const SIZE = 3;
const POLL_MS = 25;
const DEADLINE_MS = 60_000;
/** Lines kept of each server, for whoever has to find out why it failed. */
const LINES_MAX = 30;
/** Below the ports that systems give to outgoing connections, one of which could take a dead server's. */
const PORT_MIN = 10_000;
const PORT_MAX = 30_000;

const PROGRAM = fileURLToPath(new URL('../../packages/cli/bin/p2p-discovery-server.js', import.meta.url));
/** Ends the servers, and removes `DEMO_FOLDER`, should this process be killed. */
const LEASH = new URL('../../packages/cli/dist/demo/leash.js', import.meta.url).href;

/** A line of a server's log, with the moment at which it was read here: `performance.now()`. */
export interface LogLine {
  readonly atMs: number;
  readonly node: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

type Probe<T> = () => Promise<T | undefined> | T | undefined;

export class FailoverServer {
  readonly node: string;
  readonly url: string;
  readonly #start: () => ChildProcess;
  readonly #onLine: (line: LogLine) => void;
  readonly #lines: string[] = [];
  #child: ChildProcess;
  #startedAtMs = 0;

  constructor(node: string, url: string, start: () => ChildProcess, onLine: (line: LogLine) => void) {
    this.node = node;
    this.url = url;
    this.#start = start;
    this.#onLine = onLine;
    this.#child = this.#launch();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get uptimeMs(): number {
    return this.running ? performance.now() - this.#startedAtMs : 0;
  }

  /** What it said last. */
  get output(): string {
    return this.#lines.join('\n');
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Starts it if it doesn't run. */
  restart(): void {
    if (!this.running) this.#child = this.#launch();
  }

  async ended(): Promise<number | null> {
    if (this.running) await once(this.#child, 'exit', { signal: AbortSignal.timeout(DEADLINE_MS) });
    return this.#child.exitCode;
  }

  /** Ends it at once, even while it is stopped. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended();
  }

  #launch(): ChildProcess {
    const child = this.#start();
    this.#startedAtMs = performance.now();
    if (child.stderr) {
      createInterface(child.stderr).on('line', (line) => {
        const atMs = performance.now();
        this.#lines.push(line);
        if (this.#lines.length > LINES_MAX) this.#lines.shift();
        const { event, ...fields } = fieldsOf(line);
        this.#onLine({ atMs, node: this.node, event: String(event), fields });
      });
    }
    return child;
  }
}

export class FailoverCluster {
  readonly timings: Timings;
  readonly folder: string;
  readonly servers: readonly FailoverServer[];
  readonly #onLines = new Set<(line: LogLine) => void>();
  readonly #signal: AbortSignal;

  private constructor(folder: string, timings: Timings, ports: readonly number[], signal: AbortSignal) {
    this.folder = folder;
    this.timings = timings;
    this.#signal = signal;
    this.servers = ports.slice(0, SIZE).map((port, i) => {
      const node = `127.0.0.1:${port}`;
      const httpPort = String(ports[SIZE + i]);
      const args = [
        '--import',
        LEASH,
        PROGRAM,
        '--config',
        join(folder, 'cluster.toml'),
        '--this-node',
        node,
      ];
      const start = () =>
        spawn(process.execPath, [...args, '--json'], {
          cwd: folder,
          env: {
            PATH: process.env['PATH'],
            PORT: httpPort,
            DATA_DIR: join(folder, 'data'),
            DEMO_FOLDER: folder,
          },
          stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        });
      const tell = (line: LogLine) => {
        for (const listener of this.#onLines) listener(line);
      };
      return new FailoverServer(node, `http://127.0.0.1:${httpPort}`, start, tell);
    });
  }

  /** Starts three servers that share a data directory of their own; `signal` ends every wait. */
  static async start(timings: Timings, signal: AbortSignal): Promise<FailoverCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'cloud-steg-failover-'));
    const ports = await freePorts(2 * SIZE);
    const [self, ...peers] = ports.slice(0, SIZE).map((port) => `"127.0.0.1:${port}"`);
    const keys = Object.entries(timings).map(([key, ms]) => `${key} = ${ms}`);
    const config = [`this_node = ${self}`, `peers = [${peers.join(', ')}]`, ...keys, ''].join('\n');
    await writeFile(join(folder, 'cluster.toml'), config);
    return new FailoverCluster(folder, timings, ports, signal);
  }

  /** Calls `listener` with each line of any server; returns how to stop that. */
  onLine(listener: (line: LogLine) => void): () => void {
    this.#onLines.add(listener);
    return () => this.#onLines.delete(listener);
  }

  server(node: string): FailoverServer {
    const server = this.servers.find((one) => one.node === node);
    if (!server) throw new Error(`no server ${node}`);
    return server;
  }

  /**
   * The leader, once all three servers agree on it, it has just heard from both others, and each has run long enough
   * to vote: a server that was just started helps nobody for as long as it might have promised to before.
   */
  async healthyLeader(): Promise<FailoverServer> {
    const quarantineMs = 1.1 * this.timings.election_timeout_min_ms;
    return this.until('three healthy servers', async () => {
      if (this.servers.some(({ uptimeMs }) => uptimeMs < quarantineMs)) return undefined;
      const statuses = await Promise.all(this.servers.map(({ url }) => statusOf(url).catch(() => undefined)));
      const leading = statuses.find((status) => status?.is_leader);
      const agreed = statuses.every(
        (status) => status?.term === leading?.term && status?.current_leader === leading?.node,
      );
      return leading && agreed && this.#hearsAll(leading) ? this.server(leading.node) : undefined;
    });
  }

  #hearsAll({ nodes }: ClusterStatus): boolean {
    const fresh = 2 * this.timings.heartbeat_interval_ms;
    return nodes.every(
      ({ role, lastSeenMs }) => role !== 'unknown' && lastSeenMs !== null && lastSeenMs <= fresh,
    );
  }

  /** As {@link poll}; fails after a minute, naming what was waited for and what the servers said. */
  async until<T>(what: string, probe: Probe<T>): Promise<T> {
    const found = await this.poll(DEADLINE_MS, probe);
    if (found !== undefined) return found;
    const said = this.servers.map(({ node, output }) => `${node}:\n${output}`).join('\n');
    throw new Error(`waited ${DEADLINE_MS} ms in vain for ${what}; the servers said\n${said}`);
  }

  /** Calls `probe` until it gives something; undefined where it never did. */
  async poll<T>(deadlineMs: number, probe: Probe<T>): Promise<T | undefined> {
    const end = performance.now() + deadlineMs;
    while (performance.now() < end) {
      this.#signal.throwIfAborted();
      const found = await probe();
      if (found !== undefined) return found;
      await sleep(POLL_MS);
    }
    return undefined;
  }

  /** Ends all servers and removes what they kept. */
  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.kill()));
    await rm(this.folder, { recursive: true, force: true });
  }
}

function fieldsOf(line: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(line)) as Record<string, unknown>;
  } catch {
    return { event: line };
  }
}

/** Ports of loopback that nobody listens on just now. */
async function freePorts(count: number): Promise<number[]> {
  const free = new Set<number>();
  while (free.size < count) {
    const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
    const server = createServer();
    const listening = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!listening) continue;
    free.add(port);
    await new Promise((resolve) => server.close(resolve));
  }
  return [...free];
}
