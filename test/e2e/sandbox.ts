/**
 * A temporary world for one test file: real processes of the real programs on free loopback ports, all ended and
 * removed afterwards, whatever happened.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export type Program = 'p2p-client' | 'cloud-steg' | 'p2p-discovery-server';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DEADLINE_MS = 30_000;

export const photo = (name: string) => join(ROOT, 'examples', 'photos', name);
export const example = (name: string) => join(ROOT, 'examples', name);
export const programFile = (program: Program) => join(ROOT, 'packages', 'cli', 'bin', `${program}.js`);

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process under way, with all it has printed. */
export class Running {
  readonly child: ChildProcess;
  output = '';

  constructor(child: ChildProcess) {
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
  }

  /** Resolves once the output matches. */
  async says(pattern: RegExp): Promise<void> {
    await until(`the program to print ${pattern}`, () => {
      if (pattern.test(this.output)) return true;
      if (this.child.exitCode !== null) throw new Error(`ended with ${this.child.exitCode}: ${this.output}`);
      return false;
    }).catch((error: Error) => {
      throw new Error(`${error.message}\nit printed:\n${this.output}`);
    });
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const closed = once(this.child, 'close');
      this.child.kill(signal);
      await closed;
    }
    return this.child.exitCode;
  }
}

export interface ClusterServer {
  readonly node: string;
  readonly url: string;
  process: Running;
  restart(): Promise<void>;
}

export interface StatusAnswer {
  is_leader: boolean;
  current_leader: string | null;
  leader_url: string | null;
  term: number;
  status: string;
}

export class Sandbox {
  readonly folder = mkdtempSync(join(tmpdir(), 'cloud-steg-e2e-'));
  readonly #running: Running[] = [];

  /** A path in the sandbox; its folder is made. */
  path(...parts: string[]): string {
    const path = join(this.folder, ...parts);
    mkdirSync(join(path, '..'), { recursive: true });
    return path;
  }

  write(name: string, content: string | Uint8Array): string {
    const path = this.path(name);
    writeFileSync(path, content);
    return path;
  }

  /** Starts a program and leaves it running. */
  start(program: Program, args: readonly string[], env: Record<string, string> = {}): Running {
    return this.startCommand(process.execPath, [programFile(program), ...args], env);
  }

  /** As {@link start}, for any command. */
  startCommand(command: string, args: readonly string[], env: Record<string, string> = {}): Running {
    const child = spawn(command, args, {
      cwd: this.folder,
      env: this.environment(env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const running = new Running(child);
    this.#running.push(running);
    return running;
  }

  /** Runs a program to its end. */
  async run(program: Program, args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
    return this.runCommand(process.execPath, [programFile(program), ...args], env);
  }

  async runCommand(
    command: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<Outcome> {
    const { child } = this.startCommand(command, args, env);
    let [stdout, stderr] = ['', ''];
    child.stdout?.on('data', (text: string) => (stdout += text));
    child.stderr?.on('data', (text: string) => (stderr += text));
    await once(child, 'close');
    return { code: child.exitCode, stdout, stderr };
  }

  /** No display, no colour, no trace of the tester's own settings. */
  environment(extra: Record<string, string>): NodeJS.ProcessEnv {
    return {
      PATH: process.env['PATH'],
      HOME: this.folder,
      NO_COLOR: '1',
      CLOUD_STEG_DATA_DIR: join(this.folder, 'peers'),
      ...extra,
    };
  }

  /** Servers that share a data directory; resolves once they have a leader. */
  async startCluster(size = 3): Promise<Cluster> {
    const ports = await freePorts(size * 2);
    const nodes = ports.slice(0, size).map((port) => `127.0.0.1:${port}`);
    const config = this.write(
      'cluster.toml',
      [
        `this_node = "${nodes[0]}"`,
        `peers = [${nodes
          .slice(1)
          .map((node) => `"${node}"`)
          .join(', ')}]`,
        'heartbeat_interval_ms = 200',
        'election_timeout_min_ms = 600',
        'election_timeout_max_ms = 1500',
        'leader_term_ms = 10000',
        'net_timeout_ms = 400',
        'cpu_refresh_ms = 200',
        'election_retry_ms = 300',
      ].join('\n'),
    );
    const servers = nodes.map((node, i): ClusterServer => {
      const port = ports[size + i];
      const launch = () =>
        this.start('p2p-discovery-server', ['--config', config, '--this-node', node], {
          PORT: String(port),
          DATA_DIR: join(this.folder, 'servers'),
        });
      const server: ClusterServer = {
        node,
        url: `http://127.0.0.1:${port}`,
        process: launch(),
        restart: async () => {
          await server.process.end('SIGKILL');
          server.process = launch();
        },
      };
      return server;
    });
    const cluster = new Cluster(servers);
    await cluster.leader();
    return cluster;
  }

  async close(): Promise<void> {
    await Promise.all(this.#running.map((running) => running.end('SIGKILL')));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class Cluster {
  readonly servers: readonly ClusterServer[];

  constructor(servers: readonly ClusterServer[]) {
    this.servers = servers;
  }

  get urls(): string {
    return this.servers.map(({ url }) => url).join(',');
  }

  /** The one server that leads, once exactly one living server says so. */
  async leader(): Promise<ClusterServer> {
    let leader: ClusterServer | undefined;
    await until('one leader', async () => {
      const answers = await Promise.all(
        this.servers.map(async (server) => ({ server, status: await statusOf(server) })),
      );
      const leaders = answers.filter(({ status }) => status?.is_leader);
      leader = leaders.length === 1 ? leaders[0]?.server : undefined;
      return leader !== undefined;
    });
    return leader as ClusterServer;
  }
}

export async function statusOf(server: { url: string }): Promise<StatusAnswer | undefined> {
  try {
    const answer = await fetch(`${server.url}/status`, { signal: AbortSignal.timeout(2000) });
    return (await answer.json()) as StatusAnswer;
  } catch {
    return undefined;
  }
}

/** Polls until true, or fails naming what was waited for. */
export async function until(
  what: string,
  met: () => boolean | Promise<boolean>,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!(await met())) {
    if (Date.now() > end) throw new Error(`waited ${deadlineMs} ms in vain for ${what}`);
    await sleep(50);
  }
}

/** Ports nobody listens on just now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
