/** Where the demo plays: a temporary folder, three servers, and users who each have a data directory of their own. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { statusOf } from '@cloud-steg/peer';
import { AppError, type ClusterStatus } from '@cloud-steg/protocol';
import type { Environment } from '../shell.ts';
import { freePorts } from './free-ports.ts';
import { type Ended, Processes, type Staying } from './processes.ts';
import { Surprise } from './report.ts';

export const USERS = ['alice', 'bob', 'charlie', 'mallory'] as const;
export type User = (typeof USERS)[number];

const POLL_MS = 100;
/** An election with the shipped timings takes two to five seconds; a loaded machine takes longer. */
const WAIT_MS_MAX = 30_000;

/** The timings of the guide's `config_3servers.toml`. */
const TIMINGS = `heartbeat_interval_ms = 1000
election_timeout_min_ms = 2000
election_timeout_max_ms = 5000
leader_term_ms = 10000
net_timeout_ms = 1000
cpu_refresh_ms = 500
election_retry_ms = 1000
`;

export interface Server {
  readonly node: string;
  readonly url: string;
  readonly process: Staying;
}

export class Stage {
  readonly folder: string;
  readonly processes: Processes;
  readonly #env: Environment;
  readonly #signal: AbortSignal;
  readonly #keep: boolean;
  readonly #serverPorts: readonly { election: number; http: number }[];
  readonly #peerPorts: ReadonlyMap<User, number>;
  #servers: readonly Server[] = [];

  private constructor(
    folder: string,
    env: Environment,
    signal: AbortSignal,
    keep: boolean,
    ports: readonly number[],
  ) {
    this.folder = folder;
    this.processes = new Processes(signal);
    this.#env = { ...ownEnvironment(env), ...(!keep && { DEMO_FOLDER: folder }) };
    this.#signal = signal;
    this.#keep = keep;
    this.#serverPorts = [0, 1, 2].map((i) => ({ election: ports[i] ?? 0, http: ports[3 + i] ?? 0 }));
    this.#peerPorts = new Map(USERS.map((user, i) => [user, ports[6 + i] ?? 0]));
  }

  static async set(env: Environment, signal: AbortSignal, keep: boolean): Promise<Stage> {
    const ports = await freePorts(6 + USERS.length);
    const folder = await mkdtemp(join(tmpdir(), 'cloud-steg-demo-'));
    return new Stage(folder, env, signal, keep, ports);
  }

  get servers(): readonly Server[] {
    return this.#servers;
  }
  /** As `--server` takes them. */
  get serverList(): string {
    return this.#servers.map(({ url }) => url).join(',');
  }

  async startServers(): Promise<void> {
    const nodes = this.#serverPorts.map(({ election }) => `127.0.0.1:${election}`);
    const [first, ...others] = nodes;
    const config = join(this.folder, 'config_3servers.toml');
    const peers = others.map((node) => `"${node}"`).join(', ');
    await writeFile(config, `this_node = "${first}"\npeers = [${peers}]\n${TIMINGS}`);
    this.#servers = this.#serverPorts.map(({ election, http }) => {
      const node = `127.0.0.1:${election}`;
      const env = { ...this.#env, PORT: String(http), DATA_DIR: join(this.folder, 'servers') };
      const args = ['--config', config, '--this-node', node];
      const process = this.processes.start(`server ${node}`, { program: 'p2p-discovery-server', args, env });
      return { node, url: `http://127.0.0.1:${http}`, process };
    });
  }

  /** The server that leads, once one does; not one of those in `besides`. */
  async leader(besides: readonly Server[] = []): Promise<{ server: Server; status: ClusterStatus }> {
    return this.until('a leader among the servers', async () => {
      for (const server of this.#servers) {
        if (!server.process.running() || besides.includes(server)) continue;
        const status = await statusOf(server.url).catch(() => undefined);
        if (status?.is_leader) return { server, status };
      }
      return undefined;
    });
  }

  startPeer(user: User): Staying {
    const args = ['up', '--json', '--interval', '2'];
    return this.processes.start(`peer ${user}`, { program: 'p2p-client', args, env: this.#userEnv(user) });
  }

  dataDir(user: User): string {
    return join(this.folder, user);
  }
  port(user: User): number {
    return this.#peerPorts.get(user) ?? 0;
  }

  /** A command as `user` types it. */
  run(user: User, ...args: readonly string[]): Promise<Ended> {
    return this.processes.run({ program: 'p2p-client', args: [...args, '--json'], env: this.#userEnv(user) });
  }

  /** The value, as soon as there is one. Throws a {@link Surprise} naming what was waited for. */
  async until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    for (let waitedMs = 0; waitedMs < WAIT_MS_MAX; waitedMs += POLL_MS) {
      const found = await look();
      if (found !== undefined) return found;
      await sleep(POLL_MS, undefined, { signal: this.#signal }).catch((cause: unknown) => {
        throw new AppError('program/cancelled', 'cancelled', { cause });
      });
    }
    throw new Surprise(`${what} within ${WAIT_MS_MAX / 1_000} s`);
  }

  /** Ends every process, then removes the folder. */
  async clear(): Promise<void> {
    await this.processes.close();
    if (!this.#keep) await rm(this.folder, { recursive: true, force: true });
  }

  #userEnv(user: User): Environment {
    return {
      ...this.#env,
      CLOUD_STEG_DATA_DIR: this.dataDir(user),
      CLOUD_STEG_USERNAME: user,
      CLOUD_STEG_SERVER: this.serverList,
    };
  }
}

/** The caller's environment without what would make the demo act on the caller's own data. */
function ownEnvironment(env: Environment): Environment {
  const servers = /^(PORT|HOST|PUBLIC_URL|DATA_DIR|HEARTBEAT_TTL_SECONDS)$/;
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith('CLOUD_STEG_') && !servers.test(name)),
  );
}
