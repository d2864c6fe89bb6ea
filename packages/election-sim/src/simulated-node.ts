import type { ElectionConfig, Message } from '@cloud-steg/election';
import { type Leaseholder, nameOf } from './checker.ts';
import { DriftingClock } from './drifting-clock.ts';
import { MachineLoad } from './machine-load.ts';
import type { Receiver } from './network.ts';
import type { Random } from './random.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { SimulatedProcess } from './simulated-process.ts';
import type { World } from './world.ts';

/** Clock rates are off by this share at most, either way: what rule 4 allows for. */
const CLOCK_DRIFT_MAX = 0.01;
const CLOCK_START_MS_MAX = 1e6;

/** One server: a machine with its clock and disk, and the process that runs on it, if one does. */
export class SimulatedNode implements Receiver, Leaseholder {
  readonly index: number;
  /** In traces: n1, n2, and so on. */
  readonly name: string;
  readonly config: ElectionConfig;
  readonly disk = new SimulatedDisk();
  readonly clock = new DriftingClock();
  readonly load = new MachineLoad();
  /** Called with the name of each process that has ended. */
  onEnd: ((process: string) => void) | undefined;
  readonly #world: World;
  #process: SimulatedProcess | undefined;
  #runs = 0;

  constructor(index: number, config: ElectionConfig, world: World) {
    this.index = index;
    this.name = nameOf(index);
    this.config = config;
    this.#world = world;
  }

  /** The process that runs now. */
  get process(): SimulatedProcess | undefined {
    return this.#process;
  }

  get leads(): boolean {
    return this.#process?.role === 'leader';
  }

  /** True of a paused process too: once it goes on, it may act on its lease as long as its clock lets it. */
  holdsLease(now: number): boolean {
    return this.#process?.holdsLease(now) ?? false;
  }

  start(): void {
    const { timeline, random, store, journal } = this.#world;
    const { now } = timeline;
    this.clock.start(now, random.next() * CLOCK_START_MS_MAX, randomRate(random));
    const name = `${this.name}/${++this.#runs}`;
    journal.note(now, this.name, () => {
      const disk = this.disk.state ? `term ${this.disk.state.term} on disk` : 'nothing on disk';
      return `starts as process ${name}, ${disk}, store at term ${store.term}`;
    });
    this.#process = new SimulatedProcess(name, this, this.#world, () => this.crash());
  }

  /** Ends the process, perhaps in the middle of a write. */
  crash(): void {
    const process = this.#process;
    if (!process) return;
    const { timeline, random, journal } = this.#world;
    journal.note(timeline.now, this.name, () => `process ${process.name} ends`);
    process.end();
    this.disk.crash(timeline.now, random.chance(0.5));
    this.#process = undefined;
    this.onEnd?.(process.name);
  }

  /** Loses what is on the disk of a node whose process is down. */
  wipe(): void {
    this.disk.wipe();
    this.#world.checker.forgets(this.index);
  }

  /** From now on, its clock runs at `rate` times the speed of true time. */
  changeClockRate(rate: number): void {
    this.clock.changeRate(this.#world.timeline.now, rate);
    this.#process?.clockChanged();
  }

  receive(from: number, message: Message): void {
    const id = this.config.members[from];
    if (!this.#process || id === undefined) return;
    this.#process.take({ kind: 'message', from: id, message });
    const { trap } = this.#world;
    if (trap && message.kind === 'VoteResp' && message.granted) {
      trap({ kind: 'voted', voter: from, candidate: this.index });
    }
  }
}

/** Within what rule 4 allows for, and half of the time at its very end. */
export function randomRate(random: Random): number {
  const off = random.chance(0.5) ? random.pick([-1, 1]) : random.uniform(-1, 1);
  return 1 + off * CLOCK_DRIFT_MAX;
}
