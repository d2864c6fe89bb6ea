/** What a leader does for a client: checks its lease, reads, decides, commits under its term, answers. */

import type { GrantSeen } from './fenced-store.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { World } from './world.ts';

export interface Request {
  readonly client: number;
  /** The view asked for; undefined for a plain write. */
  readonly viewId: string | undefined;
}

export type Answer = 'done' | 'usedUp';

/** A leader looks so often again before it leaves it to the client to ask again. */
const LOOKS_MAX = 4;

/** Serves one request at the leader of index `node`. Calls `answer` at most once; a client that hears nothing asks again. */
export function serve(
  world: World,
  node: number,
  process: SimulatedProcess,
  request: Request,
  answer: (answer: Answer) => void,
): void {
  const service = new Service(world, node, process, request, answer);
  process.thread.do(() => service.begin(1));
}

class Service {
  readonly #world: World;
  readonly #node: number;
  readonly #process: SimulatedProcess;
  readonly #request: Request;
  readonly #answer: (answer: Answer) => void;

  constructor(
    world: World,
    node: number,
    process: SimulatedProcess,
    request: Request,
    answer: (answer: Answer) => void,
  ) {
    this.#world = world;
    this.#node = node;
    this.#process = process;
    this.#request = request;
    this.#answer = answer;
  }

  begin(look: number): void {
    const { store } = this.#world;
    const term = this.#process.serves();
    const { viewId } = this.#request;
    if (term === undefined || look > LOOKS_MAX) return;
    if (viewId === undefined) return this.#commit(term, () => this.#write(term));
    this.#call(() => {
      const seen = store.see(viewId);
      this.#backAtLeader(() => this.#decide(term, viewId, seen, look));
    });
  }

  #decide(term: number, viewId: string, seen: GrantSeen, look: number): void {
    const { store, surroundings } = this.#world;
    if (seen.counted) return this.#answer('done');
    if (seen.used >= store.viewsMax) return this.#answer('usedUp');
    if (!surroundings.countFirst) this.#answer('done');
    this.#commit(term, () => {
      const result = store.countView(term, this.#node, viewId, seen);
      if (result === 'ok') this.#backAtLeader(() => this.#answer('done'));
      if (result !== 'conflict') return;
      this.#backAtLeader(() => (surroundings.lookAgain ? this.begin(look + 1) : this.#answer('usedUp')));
    });
  }

  #write(term: number): void {
    if (this.#world.store.write(term, this.#node) === 'ok') this.#backAtLeader(() => this.#answer('done'));
  }

  /** Whatever holds the leader up between its decision and the commit, the commit may still get there. */
  #commit(term: number, commit: () => void): void {
    const { random, timeline, trap, journal, heldUpShare } = this.#world;
    const { electionTimeoutMsMax } = this.#process.timings;
    const heldUpMs = random.chance(heldUpShare) ? random.uniform(0, 2 * electionTimeoutMsMax) : 0;
    trap?.({ kind: 'commits', node: this.#node });
    timeline.after(heldUpMs, () => {
      this.#call(() => {
        const what = this.#request.viewId ?? 'a write';
        journal.note(timeline.now, 'db', () => `${this.#process.name} commits ${what} under term ${term}`);
        commit();
      });
    });
  }

  /** Calls the store, unless the leader's process ends first; then it may have been called or not. */
  #call(call: () => void): void {
    const { random, timeline, store } = this.#world;
    timeline.after(random.uniform(0.2, store.callMsMax), () => {
      if (!this.#process.ended || random.chance(0.5)) call();
    });
  }

  #backAtLeader(work: () => void): void {
    const { random, timeline, store } = this.#world;
    timeline.after(random.uniform(0.2, store.callMsMax), () => this.#process.thread.do(work));
  }
}
