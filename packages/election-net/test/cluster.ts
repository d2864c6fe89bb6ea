import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readElectionConfig } from '@cloud-steg/election';
import { keyPairFromSeed, makeCertificate } from '../../envelope/src/index.ts';
import {
  type ElectionNode,
  type ElectionNodeOptions,
  type LinkCertificate,
  startElectionNode,
  systemClock,
} from '../src/index.ts';

/** Keys of the configuration file. */
export type Timings = Readonly<Record<string, number>>;

const FAST_TIMINGS: Timings = {
  heartbeat_interval_ms: 100,
  election_timeout_min_ms: 300,
  election_timeout_max_ms: 600,
  net_timeout_ms: 200,
  cpu_refresh_ms: 50,
  election_retry_ms: 100,
};
/** Far longer than anything here takes; a test that gets there has failed. */
const DEADLINE_MS = 15_000;
const POLL_MS = 10;

/** What the servers of a test's cluster know, and nobody else. */
export const SECRET = new Uint8Array(32).fill(7);

let made: Promise<LinkCertificate> | undefined;

/** One for all of a test file's nodes: nobody looks at it. */
export function certificate(): Promise<LinkCertificate> {
  made ??= makeCertificate(keyPairFromSeed('Ed25519', randomBytes(32)), randomBytes(8), 0);
  return made;
}

/** Addresses on loopback that were free a moment ago. */
export async function freeAddresses(count: number): Promise<string[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const addresses = await Promise.all(
    servers.map(
      (server) =>
        new Promise<string>((resolve) => {
          server.listen(0, '127.0.0.1', () => {
            const address = server.address();
            resolve(`127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return addresses;
}

/** Resolves with what `probe` returns once that is not undefined. */
export async function eventually<T>(what: string, probe: () => T | undefined): Promise<T> {
  const end = performance.now() + DEADLINE_MS;
  for (;;) {
    const found = probe();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`still waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Real nodes in one process, over real sockets and files, beside a store that knows but the claimed terms. */
export class TestCluster {
  readonly ids: readonly string[];
  readonly dataDir: string;
  readonly nodes = new Map<string, ElectionNode>();
  readonly log: { level: string; event: string; fields: Readonly<Record<string, unknown>> }[] = [];
  /** Whose processes, by name, are taken for gone. */
  readonly gone = new Set<string>();
  readonly claims: { term: number; id: string }[] = [];

  readonly #timings: Timings;
  readonly #processes = new Map<string, string>();
  #runs = 0;

  private constructor(ids: readonly string[], dataDir: string, timings: Timings) {
    this.ids = ids;
    this.dataDir = dataDir;
    this.#timings = timings;
  }

  /** Nothing runs yet. */
  static async of(size: number, timings = FAST_TIMINGS): Promise<TestCluster> {
    return new TestCluster(await freeAddresses(size), await mkdtemp(join(tmpdir(), 'election-')), timings);
  }

  static async started(size: number, timings = FAST_TIMINGS): Promise<TestCluster> {
    const cluster = await TestCluster.of(size, timings);
    await Promise.all(cluster.ids.map((id) => cluster.start(id)));
    return cluster;
  }

  get storeTerm(): number {
    return this.claims.at(-1)?.term ?? 0;
  }

  /** What the node last started there calls its process. */
  processOf(id: string): string {
    return this.#processes.get(id) ?? '';
  }

  urlOf(id: string): string {
    return `http://127.0.0.1:${8000 + this.ids.indexOf(id)}`;
  }

  optionsFor(id: string, changes: Partial<ElectionNodeOptions> = {}): ElectionNodeOptions {
    const [first, ...peers] = this.ids;
    return {
      config: readElectionConfig({ ...this.#timings, this_node: first, peers }, id),
      httpUrl: this.urlOf(id),
      secret: SECRET,
      certificate,
      processes: {
        own: this.#nameProcess(id),
        isHere: () => true,
        hasEnded: (process) => this.gone.has(process),
      },
      dataDir: this.dataDir,
      storeTerm: this.storeTerm,
      claimTerm: async (term, claimant) => {
        if (term <= this.storeTerm) return false;
        this.claims.push({ term, id: claimant });
        return true;
      },
      cpu: { sample: () => 20 },
      clock: systemClock,
      random: Math.random,
      log: (level, event, fields) => this.log.push({ level, event, fields }),
      ...changes,
    };
  }

  async start(id: string, changes: Partial<ElectionNodeOptions> = {}): Promise<ElectionNode> {
    const node = await startElectionNode(this.optionsFor(id, changes));
    this.nodes.set(id, node);
    return node;
  }

  /** The one node that serves, once there is one, of a term above `aboveTerm`. */
  async leader(aboveTerm = 0): Promise<{ id: string; term: number; node: ElectionNode }> {
    return eventually(`a leader above term ${aboveTerm}`, () => {
      const leaders = this.leaders();
      if (leaders.length > 1) throw new Error(`${leaders.length} leaders at once`);
      return leaders.find(({ term }) => term > aboveTerm);
    });
  }

  leaders(): { id: string; term: number; node: ElectionNode }[] {
    return [...this.nodes].flatMap(([id, node]) => {
      const leading = node.leading();
      return leading ? [{ id, term: leading.term, node }] : [];
    });
  }

  #nameProcess(id: string): string {
    const name = `process ${++this.#runs}`;
    this.#processes.set(id, name);
    return name;
  }

  async stop(id: string): Promise<void> {
    await this.nodes.get(id)?.stop();
    this.nodes.delete(id);
  }

  async end(): Promise<void> {
    await Promise.all(this.ids.map((id) => this.stop(id)));
    await rm(this.dataDir, { recursive: true, force: true });
  }
}
