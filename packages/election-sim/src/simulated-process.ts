import type {
  DurableState,
  ElectionConfig,
  ElectionTimings,
  Input,
  Outgoing,
  Outputs,
} from '@cloud-steg/election';
import { Alarm } from './alarm.ts';
import { BrokenRule, nameOf } from './checker.ts';
import type { DriftingClock } from './drifting-clock.ts';
import type { MachineLoad } from './machine-load.ts';
import type { SimulatedDisk } from './simulated-disk.ts';
import { TermClaim } from './term-claim.ts';
import { Thread } from './thread.ts';
import { FSYNC_MS_MIN, type SimulatedElection, type World } from './world.ts';

/** What a process runs on, and finds again after a restart. */
export interface Machine {
  readonly index: number;
  readonly config: ElectionConfig;
  readonly disk: SimulatedDisk;
  readonly clock: DriftingClock;
  readonly load: MachineLoad;
}

/** One run of a server, from its start to its end: carries out what its machine decides, in the order it asks for. */
export class SimulatedProcess {
  /** Names this run among all of all nodes. */
  readonly name: string;
  readonly thread: Thread;
  /** The next outputs leave so much after they were decided on. */
  stallMs = 0;
  #role: 'follower' | 'polling' | 'candidate' | 'leader' = 'follower';
  readonly #on: Machine;
  readonly #world: World;
  readonly #election: SimulatedElection;
  readonly #claim: TermClaim;
  readonly #alarm: Alarm;
  readonly #onExit: () => void;
  readonly #storeTermAtStart: number;
  #leaseEnd = Number.NEGATIVE_INFINITY;
  #stopping = false;
  #ended = false;

  /** `onExit`: it leaves by itself, as it was told to. */
  constructor(name: string, on: Machine, world: World, onExit: () => void) {
    this.name = name;
    this.#on = on;
    this.#world = world;
    this.#onExit = onExit;
    this.thread = new Thread(world.timeline);
    this.#storeTermAtStart = world.store.term;
    const { state } = on.disk;
    if (state) world.checker.persists(on.index, state.term);
    this.#election = new world.Election({
      config: on.config,
      httpUrl: `http://${on.config.thisNode}/`,
      process: name,
      durable: state,
      storeTerm: world.store.term,
      now: on.clock.read(world.timeline.now),
      random: world.random.next,
    });
    this.#claim = new TermClaim(world, {
      index: on.index,
      retryMs: on.config.timings.electionRetryMs,
      standsOrLeads: (term) =>
        !this.#ended && (this.#role === 'leader' || this.#role === 'candidate') && this.term === term,
      whenFree: (work) => this.thread.do(work),
      refused: (term) => this.take({ kind: 'fence', term }),
    });
    this.#alarm = new Alarm(world.timeline, () => this.thread.do(() => this.#tickIfDue()));
    this.#setAlarm();
    this.#sampleLoad();
  }

  get role(): string {
    return this.#role;
  }

  get term(): number {
    return this.#election.term;
  }

  get timings(): ElectionTimings {
    return this.#on.config.timings;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  get ended(): boolean {
    return this.#ended;
  }

  holdsLease(now: number): boolean {
    return this.#leaseEnd > Number.NEGATIVE_INFINITY && this.#on.clock.read(now) < this.#leaseEnd;
  }

  /** The term in which it may serve clients right now. */
  serves(): number | undefined {
    const { term } = this;
    if (this.#role !== 'leader' || this.#claim.grantedTerm !== term) return undefined;
    return this.holdsLease(this.#world.timeline.now) ? term : undefined;
  }

  /** What it says first on a new connection. */
  greet(to: number): void {
    this.#world.network.send(this.#on.index, to, this.#election.greeting());
  }

  /** SIGTERM: hands over if it leads, then exits. */
  stop(): void {
    this.#stopping = true;
    this.take({ kind: 'stop' });
  }

  /** Ends a pause, and a stall that was to come. */
  resume(): void {
    this.stallMs = 0;
    this.thread.resume();
  }

  /** Nothing of it ever happens again. */
  end(): void {
    this.#ended = true;
    this.thread.end();
  }

  take(input: Input): void {
    if (this.thread.free) this.#step(input);
    else this.thread.do(() => this.#step(input));
  }

  #step(input: Input): void {
    const { timeline, checker, journal, leaseholders } = this.#world;
    const { now } = timeline;
    const outputs = this.#decide(input);
    journal.step(now, this.#on.index, input, this.term, outputs);
    // A sample of load moves no deadline and no lease.
    if (input.kind === 'cpu') return;
    this.#perform(outputs);
    this.#leaseEnd = this.#role === 'leader' ? this.#election.leaseEnd() : Number.NEGATIVE_INFINITY;
    if (this.holdsLease(now)) checker.leased(now, this.#on.index, leaseholders);
    this.#setAlarm();
    if (this.#stopping && this.#role !== 'leader') this.thread.do(() => this.#exit());
  }

  #decide(input: Input): Outputs {
    try {
      return this.#election.step(this.#on.clock.read(this.#world.timeline.now), input);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new BrokenRule('A', `${nameOf(this.#on.index)}: ${message}`);
    }
  }

  /** Its last messages are out. */
  #exit(): void {
    if (!this.#ended && this.#role !== 'leader') this.#onExit();
  }

  // ---- outputs ----

  #perform({ claim, persist, send, became }: Outputs): void {
    const { checker, trap } = this.#world;
    const { index } = this.#on;
    if (claim !== undefined) this.#claim.begin(claim);
    const fsyncMs = persist ? this.#write(persist) : 0;
    for (const { role, term } of became) {
      this.#role = role;
      if (role === 'leader') checker.elected(index, term);
      if (trap && (role === 'leader' || role === 'candidate')) trap({ kind: 'became', node: index, role });
    }
    if (this.stallMs > 0) this.thread.pause(this.stallMs);
    if (fsyncMs + this.stallMs === 0) return this.#proceed(send);
    this.stallMs = 0;
    this.thread.block(fsyncMs, () => {
      if (persist) checker.persisted(index, persist.term);
      this.#proceed(send);
    });
  }

  /** Begins to write and returns how long that takes, milliseconds. */
  #write(state: DurableState): number {
    const { timeline, random, checker, trap, fsyncMsMax } = this.#world;
    const { index, disk } = this.#on;
    const ms = random.uniform(FSYNC_MS_MIN, fsyncMsMax);
    checker.persists(index, state.term);
    disk.write(timeline.now, state, ms);
    trap?.({ kind: 'writes', node: index, ms });
    return ms;
  }

  /** What may happen only once all that it depends on is durable. */
  #proceed(send: readonly Outgoing[]): void {
    for (const outgoing of send) this.#send(outgoing);
  }

  #send({ to, message }: Outgoing): void {
    const { checker, network } = this.#world;
    const { index, config, disk } = this.#on;
    const receiver = config.members.indexOf(to);
    if ('term' in message) {
      checker.speaks(index, message.term, Math.max(disk.state?.term ?? 0, this.#storeTermAtStart));
    }
    if (message.kind === 'Vote') this.#vote(message.term, index);
    if (message.kind === 'VoteResp' && message.granted) this.#vote(message.term, receiver);
    network.send(index, receiver, message);
  }

  #vote(term: number, candidate: number): void {
    const { index, config, disk } = this.#on;
    const kept = disk.state?.term === term && disk.state.votedFor === config.members[candidate];
    this.#world.checker.votes(index, term, candidate, kept);
  }

  // ---- timers ----

  /** The clock's rate has changed, so that deadlines come at other true times. */
  clockChanged(): void {
    this.#alarm.clear();
    this.#setAlarm();
  }

  #setAlarm(): void {
    this.#alarm.set(this.#on.clock.trueTimeOf(this.#election.nextDeadline()));
  }

  #tickIfDue(): void {
    const now = this.#on.clock.read(this.#world.timeline.now);
    if (this.#election.nextDeadline() <= now) this.#step({ kind: 'tick' });
    else this.#setAlarm();
  }

  #sampleLoad(): void {
    if (this.#ended) return;
    const { timeline, random, leadingCostPoints } = this.#world;
    const { load, config } = this.#on;
    const percent = load.sample(random, this.#role === 'leader' ? leadingCostPoints : 0);
    this.take({ kind: 'cpu', percent });
    timeline.after(config.timings.cpuRefreshMs, () => this.#sampleLoad());
  }
}
