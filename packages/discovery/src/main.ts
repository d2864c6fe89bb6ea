/** The discovery server as a process: the one place where its adapters are made and wired. */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { splitAddress } from '@cloud-steg/election';
import {
  type ElectionNode,
  startElectionNode,
  systemClock,
  systemCpuMeter,
  systemProcesses,
} from '@cloud-steg/election-net';
import { clusterKeyPair, keyPairFromSeed, makeCertificate } from '@cloud-steg/envelope';
import {
  type AppError,
  EXIT,
  KEY_BYTES,
  LEADER_HOLD_MS_MAX,
  SWEEP_INTERVAL_MS,
  type Term,
  toAppError,
  traitsOf,
} from '@cloud-steg/protocol';
import { GroupCommitStore, readTerm } from '@cloud-steg/store';
import { openSqliteStore } from '@cloud-steg/store-sqlite';
import { createApp } from './app.ts';
import { clusterSecret } from './cluster-secret.ts';
import { readSettings, type Settings, USAGE } from './config.ts';
import { serveHttp } from './http-server.ts';
import { lineLog } from './log-lines.ts';
import type { Leadership, Log } from './ports.ts';
import { rehearse } from './rehearsal.ts';

export interface RunServerOptions {
  /** Without interpreter and script. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Runs a server until SIGTERM or SIGINT, or until it can't go on. Talks on stderr. Resolves with the
 * process's exit code and never rejects.
 */
export async function runServer({ argv, env }: RunServerOptions): Promise<number> {
  if (argv.includes('--help')) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  try {
    const settings = readSettings({ argv, env, readFile: (path) => readFileSync(path, 'utf8') });
    const log = lineLog({
      json: settings.json,
      level: settings.verbose ? 'debug' : 'info',
      now: Date.now,
      write: (line) => process.stderr.write(`${line}\n`),
    });
    return await untilStopped(settings, log);
  } catch (thrown) {
    return report(toAppError(thrown), argv.includes('--json'));
  }
}

async function untilStopped(settings: Settings, log: Log): Promise<number> {
  let fail: (error: AppError) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const server = await startServer(settings, log, (error) => fail(error));
  try {
    const signal = await Promise.race([nextSignal(), failed]);
    log('info', 'stopping', { signal });
  } finally {
    await server.stop();
  }
  log('info', 'stopped', {});
  return EXIT.ok;
}

/** A second signal finds the default handlers, which end the process at once. */
function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      process.off('SIGTERM', stop).off('SIGINT', stop);
      resolve(signal);
    };
    process.on('SIGTERM', stop).on('SIGINT', stop);
  });
}

export interface RunningServer {
  /** Where it answers HTTP. */
  readonly url: string;
  /** Hands leadership over, finishes what was asked, closes everything. */
  stop(): Promise<void>;
}

/**
 * Starts a server in this process. `onFailure` is told when it can't go on.
 * Throws `usage/bad-config`, `server/...` or `store/...`.
 */
export async function startServer(
  settings: Settings,
  log: Log,
  onFailure: (error: AppError) => void,
): Promise<RunningServer> {
  const { election: config, dataDir } = settings;
  const undo: (() => Promise<void> | void)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const database = join(dataDir, 'cluster.db');
    const secret = await clusterSecret(dataDir, randomBytes, () => termIn(database));
    const embedded = openSqliteStore(database, { log });
    const store = new GroupCommitStore(embedded);
    undo.push(() => store.close());
    embedded.keepWarm();

    const election = new LateLeadership(config.thisNode);
    const app = createApp({
      store,
      leadership: election,
      clusterKey: clusterKeyPair(secret),
      heartbeatTtlMs: settings.heartbeatTtlMs,
      leaderHoldMs: Math.min(LEADER_HOLD_MS_MAX, 2 * config.timings.electionTimeoutMsMax),
      now: Date.now,
      after: (ms, run) => systemClock.after(ms, run),
      random: randomBytes,
      log,
      version: packageVersion(),
    });
    // HTTP first, for its address (PORT=0) is what the election tells the others.
    const http = await serveHttp(settings.host, settings.port, app.fetch);
    undo.push(() => http.close());
    const url = settings.publicUrl ?? urlOf(settings, http.port);
    log('info', 'listening', { url, node: config.thisNode });

    // Before it might lead. A server alone leads at once, and nobody waits for it to take over.
    if (config.peers.length > 0) {
      await rehearse({ now: Date.now, random: randomBytes, after: (ms, run) => systemClock.after(ms, run) });
    }
    const cpu = systemCpuMeter(config.timings.heartbeatIntervalMs);
    undo.push(() => cpu.close());
    const node = await startElectionNode({
      config,
      httpUrl: url,
      secret,
      certificate: () =>
        makeCertificate(keyPairFromSeed('Ed25519', randomBytes(KEY_BYTES)), randomBytes(16), Date.now()),
      processes: systemProcesses(),
      dataDir,
      storeTerm: (await readTerm(store))?.term ?? 0,
      claimTerm: (term, id) => store.claimTerm(term as Term, id),
      cpu,
      clock: systemClock,
      random: Math.random,
      log,
      onFailure,
    });
    // Before HTTP: whoever asks meanwhile waits, and is sent to the next leader as soon as there is one.
    undo.push(async () => {
      await node.stop();
      app.endHolding();
      await app.tick();
    });
    election.begin(node);

    const announce = announcer(node, log);
    const unsubscribe = node.onChange(() => {
      announce();
      void app.tick();
    });
    const timer = setInterval(() => void app.tick(), SWEEP_INTERVAL_MS);
    undo.push(() => {
      clearInterval(timer);
      unsubscribe();
    });
    announce();
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The last term claimed in the store at `path`, 0 where there is none. */
async function termIn(path: string): Promise<number> {
  const store = openSqliteStore(path);
  try {
    return (await readTerm(store))?.term ?? 0;
  } finally {
    await store.close();
  }
}

/** The election, once it has begun; until then nobody leads. */
class LateLeadership implements Leadership {
  readonly #id: string;
  readonly #listeners = new Set<() => void>();
  #node: ElectionNode | undefined;

  constructor(id: string) {
    this.#id = id;
  }

  begin(node: ElectionNode): void {
    this.#node = node;
    node.onChange(() => this.#tell());
    this.#tell();
  }

  leading() {
    return this.#node?.leading();
  }

  status() {
    const nobody = { id: this.#id, term: 0, leader: null, leaderUrl: null, nodes: [], elections: [] };
    return this.#node?.status() ?? nobody;
  }

  onChange(listener: () => void): () => void {
    // A set of wrappers: the same function may listen twice.
    const entry = () => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Logs whom this node follows, or that it leads, whenever that changes. */
function announcer(node: ElectionNode, log: Log): () => void {
  let last = '';
  return () => {
    const { id, leader } = node.status();
    const leading = node.leading();
    const elsewhere = leader !== null && leader !== id;
    const [event, fields] = leading
      ? (['leading', { term: leading.term }] as const)
      : elsewhere
        ? (['following', { leader }] as const)
        : (['no-leader', {}] as const);
    const line = event + JSON.stringify(fields);
    if (line !== last) log('info', event, fields);
    last = line;
  };
}

/** A server that listens everywhere is known by its node's address. */
function urlOf({ host, election }: Settings, port: number): string {
  const named = host === '0.0.0.0' || host === '::' ? splitAddress(election.thisNode).host : host;
  return `http://${named.includes(':') ? `[${named}]` : named}:${port}`;
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}

function report(error: AppError, json: boolean): number {
  const { exit } = traitsOf(error.code);
  if (json) {
    const log = lineLog({
      json,
      level: 'error',
      now: Date.now,
      write: (line) => process.stderr.write(`${line}\n`),
    });
    log('error', 'failed', { code: error.code, message: error.message, hint: error.hint });
    return exit;
  }
  const bug = error.code === 'program/bug' && error.cause instanceof Error ? `\n${error.cause.stack}` : '';
  process.stderr.write(`error: ${error.message}${bug}\n${error.hint ? `hint: ${error.hint}\n` : ''}`);
  return exit;
}
