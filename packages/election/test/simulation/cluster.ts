/**
 * A cluster in simulated time: nodes with clocks that drift and disks that take their time, a network that
 * loses, doubles and delays, and a checker that watches every step. One seed decides everything.
 */

import type { DurableState, ElectionConfig, Input, Message, Outputs } from '../../src/index.ts';
import { Election, readElectionConfig } from '../../src/index.ts';
import { EventQueue } from './event-queue.ts';
import { seededRandom } from './seeded-random.ts';

export const FAST_TIMINGS = {
  heartbeat_interval_ms: 100,
  election_timeout_min_ms: 300,
  election_timeout_max_ms: 600,
  leader_term_ms: 1000,
  net_timeout_ms: 200,
  cpu_refresh_ms: 50,
  election_retry_ms: 100,
};

const CLOCK_DRIFT = 0.01;

/** A rule taken away, to see that the checker notices. */
export type Mutant =
  /** The vote is not on disk when it is given. */
  | 'no persistence'
  /** A restarted node helps to elect at once. */
  | 'no boot wait'
  /** A node with a lost disk takes part as if it were new. */
  | 'no quarantine'
  /** Voters forget what they promised the leader. */
  | 'no promise'
  /** Clocks are worse than the lease allows for. */
  | 'bad clocks';

export interface SimulatorOptions {
  readonly seed: number;
  readonly size: number;
  readonly mutant?: Mutant;
}

interface Disk {
  state: DurableState | undefined;
  /** What a crash during the last write may leave behind. */
  before: DurableState | undefined;
  durableAt: number;
}

export class SimulatedNode {
  readonly id: string;
  readonly index: number;
  readonly config: ElectionConfig;
  readonly disk: Disk = { state: undefined, before: undefined, durableAt: 0 };
  /** Undefined while the process is down. */
  election: Election | undefined;
  /** Counts starts: what was meant for an earlier run is dropped. */
  run = 0;
  /** Before this, nothing is processed: the one thread writes to disk or is paused. */
  busyUntil = 0;
  /** Was told to leave, and will not stand before its next start. */
  stopping = false;
  loadPercent = 30;
  claimedTerm = 0;
  timer = 0;
  #clockStart = 0;
  #startedAt = 0;
  #rate = 1;

  constructor(index: number, config: ElectionConfig) {
    this.index = index;
    this.id = config.thisNode;
    this.config = config;
  }

  setClock(at: number, clockStart: number, rate: number): void {
    this.#startedAt = at;
    this.#clockStart = clockStart;
    this.#rate = rate;
  }

  /** This node's monotonic clock at true time `at`. */
  clock(at: number): number {
    return this.#clockStart + (at - this.#startedAt) * this.#rate;
  }

  trueTime(clock: number): number {
    return this.#startedAt + (clock - this.#clockStart) / this.#rate;
  }
}

export class SimulatedCluster {
  now = 0;
  readonly nodes: SimulatedNode[];
  readonly random: () => number;
  readonly violations: string[] = [];
  readonly mutant: Mutant | undefined;
  /** Largest term the store granted, and to whom (rule 8). */
  storeTerm = 0;
  steps = 0;
  wipes = 0;
  lossShare = 0;
  doubleShare = 0;
  /** Share of messages that arrive late, and by how much at most. */
  lateShare = 0;
  lateMsMax = 0;
  fsyncMsMax = 4;
  healed = false;
  /** Called once, when the next vote has reached its candidate. */
  onVote: ((voter: SimulatedNode, candidate: SimulatedNode) => void) | undefined;
  /** Whether a message from one index to another gets through. */
  connected: (from: number, to: number) => boolean = () => true;

  readonly #queue = new EventQueue();
  readonly #leaders = new Map<number, string>();
  readonly #votes = new Map<string, string>();

  constructor({ seed, size, mutant }: SimulatorOptions) {
    this.random = seededRandom(seed);
    this.mutant = mutant;
    const ids = Array.from({ length: size }, (_, index) => `10.0.0.${index + 1}:7000`);
    this.nodes = ids.map(
      (id, index) =>
        new SimulatedNode(
          index,
          readElectionConfig({ ...FAST_TIMINGS, this_node: id, peers: ids.filter((peer) => peer !== id) }),
        ),
    );
    for (const node of this.nodes) this.start(node);
  }

  get termsBegun(): number {
    return Math.max(0, ...this.nodes.map((node) => node.election?.term ?? 0));
  }

  get electionTimeoutMsMax(): number {
    return FAST_TIMINGS.election_timeout_max_ms;
  }

  uniform(from: number, to: number): number {
    return from + this.random() * (to - from);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.random() * items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  after(ms: number, run: () => void): void {
    this.#queue.push(this.now + ms, run);
  }

  /** For the ends of faults, and their later parts: nothing happens once all is healed. */
  whileFaulty(ms: number, run: () => void): void {
    this.after(ms, () => {
      if (!this.healed) run();
    });
  }

  /** Lets `ms` of true time pass, or less once `until` holds; it is asked after each event. */
  advance(ms: number, until: () => boolean = () => false): void {
    const end = this.now + ms;
    while (this.#queue.nextAt <= end) {
      const event = this.#queue.pop();
      if (!event) break;
      this.now = event.at;
      event.run();
      if (until()) return;
    }
    this.now = end;
  }

  /** The node whose lease is valid now, if its process runs. */
  leaseHolder(): SimulatedNode | undefined {
    return this.nodes.find((node) => this.#holdsLease(node));
  }

  leader(): SimulatedNode | undefined {
    return this.nodes.find((node) => node.election?.view(node.clock(this.now)).role === 'leader');
  }

  // ---- processes ----

  start(node: SimulatedNode): void {
    const drift = this.mutant === 'bad clocks' ? 0.3 : CLOCK_DRIFT;
    node.setClock(this.now, this.random() * 1e6, 1 + this.uniform(-drift, drift));
    node.run++;
    node.busyUntil = this.now;
    node.stopping = false;
    node.claimedTerm = 0;
    const bootWaitMs = this.mutant === 'no boot wait' ? FAST_TIMINGS.election_timeout_min_ms : 0;
    node.election = new Election({
      config: node.config,
      httpUrl: `http://${node.id}/`,
      process: `run ${node.run}`,
      durable: node.disk.state,
      storeTerm: this.mutant === 'no quarantine' && !node.disk.state ? 0 : this.storeTerm,
      now: node.clock(this.now) - bootWaitMs,
      random: this.random,
    });
    this.#setTimer(node);
    this.#sampleLoad(node, node.run);
  }

  /** Kills the process, perhaps in the middle of a write: then the disk holds the old state or the new one. */
  crash(node: SimulatedNode): void {
    node.election = undefined;
    node.run++;
    if (this.now < node.disk.durableAt && this.random() < 0.5) node.disk.state = node.disk.before;
    node.disk.durableAt = this.now;
  }

  wipe(node: SimulatedNode): void {
    this.wipes++;
    node.disk.state = undefined;
    // Its campaigns died with its process; votes for them count no more, and nobody may remember them.
    for (const [key, candidate] of this.#votes) if (candidate === node.id) this.#votes.delete(key);
  }

  restart(node: SimulatedNode, afterMs: number): void {
    this.whileFaulty(afterMs, () => {
      if (!node.election) this.start(node);
    });
  }

  input(node: SimulatedNode, input: Input): void {
    const run = node.run;
    if (!node.election) return;
    if (node.busyUntil > this.now) {
      this.after(node.busyUntil - this.now, () => {
        if (node.run === run) this.input(node, input);
      });
      return;
    }
    this.steps++;
    try {
      this.#perform(node, node.election.step(node.clock(this.now), input));
    } catch (error) {
      this.violations.push(`${node.id} crashed: ${String(error)}`);
      this.crash(node);
      return;
    }
    this.#checkLease(node);
    this.#setTimer(node);
  }

  #setTimer(node: SimulatedNode): void {
    const deadline = node.election?.nextDeadline() ?? Number.POSITIVE_INFINITY;
    if (deadline === Number.POSITIVE_INFINITY) return;
    const timer = ++node.timer;
    // A timer is never early, so that one tick is enough.
    this.after(Math.max(0, node.trueTime(deadline) - this.now) + 1e-3, () => {
      if (node.timer === timer) this.input(node, { kind: 'tick' });
    });
  }

  #sampleLoad(node: SimulatedNode, run: number): void {
    if (node.run !== run) return;
    this.input(node, { kind: 'cpu', percent: node.loadPercent + this.uniform(-4, 4) });
    this.after(FAST_TIMINGS.cpu_refresh_ms, () => this.#sampleLoad(node, run));
  }

  // ---- disk and network ----

  #perform(node: SimulatedNode, { persist, send, became }: Outputs): void {
    const fsyncMs = persist ? this.uniform(0.2, this.fsyncMsMax) : 0;
    if (persist) this.#persist(node, persist, fsyncMs);
    node.busyUntil = Math.max(node.busyUntil, this.now + fsyncMs);
    for (const { role, term } of became) if (role === 'leader') this.#checkLeader(node, term);
    const run = node.run;
    for (const { to, message } of send) {
      const receiver = this.nodes.find(({ id }) => id === to);
      if (!receiver) continue;
      this.after(fsyncMs, () => {
        if (node.run === run) this.#transmit(node, receiver, message);
      });
    }
  }

  #persist(node: SimulatedNode, state: DurableState, fsyncMs: number): void {
    const { disk } = node;
    if (disk.state && state.term < disk.state.term)
      this.violations.push(`I3 ${node.id} fell to ${state.term}`);
    if (this.mutant === 'no persistence' && disk.state) return;
    if (this.now >= disk.durableAt) disk.before = disk.state;
    disk.state = state;
    disk.durableAt = this.now + fsyncMs;
  }

  #transmit(from: SimulatedNode, to: SimulatedNode, message: Message): void {
    this.#checkVote(from, to, message);
    if (!this.connected(from.index, to.index) || this.random() < this.lossShare) return;
    const copies = this.random() < this.doubleShare ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const lateMs = this.random() < this.lateShare ? this.random() * this.lateMsMax : 0;
      this.after(this.uniform(0.1, 2) + lateMs, () => {
        this.input(to, { kind: 'message', from: from.id, message: this.#tamper(message) });
        if (message.kind === 'VoteResp' && message.granted) this.#notice(from, to);
      });
    }
  }

  #notice(voter: SimulatedNode, candidate: SimulatedNode): void {
    const notice = this.onVote;
    this.onVote = undefined;
    notice?.(voter, candidate);
  }

  #tamper(message: Message): Message {
    if (this.mutant !== 'no promise') return message;
    if (message.kind === 'Vote' || message.kind === 'GetCpu')
      return { ...message, releasedTerm: message.term };
    return message;
  }

  // ---- what must hold ----

  #checkLeader(node: SimulatedNode, term: number): void {
    const other = this.#leaders.get(term);
    if (other !== undefined && other !== node.id) {
      this.violations.push(`I1 term ${term} has two leaders, ${other} and ${node.id}`);
    }
    this.#leaders.set(term, node.id);
  }

  #holdsLease(node: SimulatedNode): boolean {
    return node.election !== undefined && node.clock(this.now) < node.election.leaseEnd();
  }

  #checkLease(node: SimulatedNode): void {
    if (!this.#holdsLease(node)) return;
    for (const other of this.nodes) {
      if (other === node || !this.#holdsLease(other)) continue;
      this.violations.push(`I2 leases of ${other.id} and ${node.id} overlap at ${this.now.toFixed(1)}`);
    }
    this.#claim(node);
  }

  #claim(node: SimulatedNode): void {
    const { run } = node;
    const term = node.election?.term ?? 0;
    if (node.claimedTerm === term) return;
    node.claimedTerm = term;
    this.after(this.uniform(1, 3), () => {
      if (node.run !== run) return;
      if (term > this.storeTerm) this.storeTerm = term;
      else this.input(node, { kind: 'fence', term });
    });
  }

  #checkVote(from: SimulatedNode, to: SimulatedNode, message: Message): void {
    const isVote = message.kind === 'Vote' || (message.kind === 'VoteResp' && message.granted);
    if (!isVote) return;
    const candidate = message.kind === 'Vote' ? from.id : to.id;
    const key = `${message.term} ${from.id}`;
    const before = this.#votes.get(key);
    if (before !== undefined && before !== candidate) {
      this.violations.push(`I4 ${from.id} voted for ${before} and ${candidate} in term ${message.term}`);
    }
    this.#votes.set(key, candidate);
  }
}
