import { type ElectionConfig, type Input, readElectionConfig } from '@cloud-steg/election';
import { Checker } from './checker.ts';
import { CALL_MS_MAX, FencedStore, type Surroundings } from './fenced-store.ts';
import { Journal, type Print } from './journal.ts';
import { Network } from './network.ts';
import { Random } from './random.ts';
import { SimulatedNode } from './simulated-node.ts';
import { Timeline } from './timeline.ts';
import type { TimingKeys } from './timings.ts';
import { type ElectionClass, FSYNC_MS_MAX, type Moment, type World } from './world.ts';

export interface ClusterOptions {
  readonly seed: number;
  readonly size: number;
  readonly timings: TimingKeys;
  readonly Election: ElectionClass;
  readonly surroundings: Surroundings;
  readonly viewsMax: number;
  readonly print?: Print | undefined;
}

/** Longest time from a start to the first words on a connection, and from an end to the news of it. */
const CONNECT_MS_MAX = 20;
const HINT_MS_MAX = 5;
const NEWS_MS_MAX = 20;
const LATE_NEWS_SHARE = 0.2;

/** A world with servers in it. One seed decides everything that happens. */
export class Cluster implements World {
  readonly Election: ElectionClass;
  readonly surroundings: Surroundings;
  readonly timings: TimingKeys;
  readonly timeline = new Timeline();
  readonly random: Random;
  /** For faults alone: which of them happen has no bearing on the other dice. */
  readonly dice: Random;
  readonly network: Network;
  readonly store: FencedStore;
  readonly checker = new Checker();
  readonly journal: Journal;
  readonly nodes: readonly SimulatedNode[];
  fsyncMsMax = FSYNC_MS_MAX;
  heldUpShare = 0;
  leadingCostPoints = 0;
  /** Share of ends of a process that another node is told of: as a hint, and as a fact (rule 6a). */
  hintShare = 0;
  newsShare = 0;
  newsMsMax = NEWS_MS_MAX;
  /** Share of such facts that come late, perhaps after the node was restarted. */
  lateNewsShare = LATE_NEWS_SHARE;
  trap: ((moment: Moment) => void) | undefined;
  /** No fault happens any more. */
  healed = false;

  constructor(options: ClusterOptions) {
    const { seed, size, timings, print } = options;
    this.Election = options.Election;
    this.surroundings = options.surroundings;
    this.timings = timings;
    this.random = new Random(seed, 'processes');
    this.dice = new Random(seed, 'faults');
    const configs = configsOf(size, timings);
    this.journal = new Journal(
      configs.map(({ thisNode }) => thisNode),
      print,
    );
    this.store = new FencedStore(options.viewsMax, options.surroundings);
    this.nodes = configs.map((config, index) => {
      const node = new SimulatedNode(index, config, this);
      node.onEnd = (process) => this.#tellOfEnd(node, process);
      return node;
    });
    this.network = new Network(this.timeline, new Random(seed, 'network'), this.nodes);
  }

  get leaseholders(): readonly SimulatedNode[] {
    return this.nodes;
  }

  get now(): number {
    return this.timeline.now;
  }

  /** The longest election timeout, against which times are measured. */
  get longestMs(): number {
    return this.timings.election_timeout_max_ms;
  }

  /** The leader, of the latest term if there are several. */
  leader(): SimulatedNode | undefined {
    return this.nodes
      .filter((node) => node.leads)
      .sort((a, b) => (b.process?.term ?? 0) - (a.process?.term ?? 0))[0];
  }

  /** The node that serves clients: leads, with a valid lease and a granted claim. */
  server(): SimulatedNode | undefined {
    return this.nodes.find((node) => node.process?.serves() !== undefined);
  }

  start(node: SimulatedNode): void {
    node.start();
    const { process } = node;
    for (const other of this.nodes) {
      if (other === node) continue;
      this.timeline.after(this.random.uniform(0.5, CONNECT_MS_MAX), () => {
        if (!process?.ended) process?.greet(other.index);
        if (!process?.ended) other.process?.greet(node.index);
      });
    }
  }

  /** For the ends of faults, and their later parts: nothing happens once all is healed. */
  whileFaulty(ms: number, run: () => void): void {
    this.timeline.after(ms, () => {
      if (!this.healed) run();
    });
  }

  tell(node: SimulatedNode, input: Input): void {
    node.process?.take(input);
  }

  /** Stops all that disturbs messages, disks and the store; nodes stay as they are. */
  calm(): void {
    this.healed = true;
    this.trap = undefined;
    this.network.heal();
    this.store.unreachable = false;
    this.store.callMsMax = CALL_MS_MAX;
    this.fsyncMsMax = FSYNC_MS_MAX;
    this.heldUpShare = 0;
    this.leadingCostPoints = 0;
  }

  #tellOfEnd(node: SimulatedNode, process: string): void {
    const peer = node.config.thisNode;
    const { dice } = this;
    for (const other of this.nodes) {
      if (other === node) continue;
      if (dice.chance(this.hintShare)) {
        this.timeline.after(dice.uniform(0.1, HINT_MS_MAX), () =>
          this.tell(other, { kind: 'linkLost', peer }),
        );
      }
      if (dice.chance(this.newsShare)) {
        const msMax = dice.chance(this.lateNewsShare) ? 2 * this.longestMs : this.newsMsMax;
        this.timeline.after(dice.uniform(0.1, msMax), () =>
          this.tell(other, { kind: 'ended', peer, process }),
        );
      }
    }
  }
}

const knownConfigs = new Map<string, readonly ElectionConfig[]>();

/** Checked once for each kind of cluster: that takes as long as many events. */
function configsOf(size: number, timings: TimingKeys): readonly ElectionConfig[] {
  const key = JSON.stringify([size, timings]);
  const known = knownConfigs.get(key);
  if (known) return known;
  const ids = Array.from({ length: size }, (_, index) => `10.0.0.${index + 1}:7000`);
  const configs = ids.map((id) =>
    readElectionConfig({ ...timings, this_node: id, peers: ids.filter((peer) => peer !== id) }),
  );
  knownConfigs.set(key, configs);
  return configs;
}
