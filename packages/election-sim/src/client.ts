import { hold } from './checker.ts';
import type { Random } from './random.ts';
import { type Answer, type Request, serve } from './serving.ts';
import type { SimulatedNode } from './simulated-node.ts';
import type { World } from './world.ts';

export interface ClientOptions {
  readonly index: number;
  /** Views it wants, one after the other, with plain writes between them. */
  readonly views: number;
  /** Mean pause between two requests, milliseconds. */
  pauseMs: number;
  /** Without an answer for so long it asks again, with the same id. */
  readonly retryMs: number;
}

/** Share of requests that go to any node, as by a client that knows no better. */
const ASTRAY_SHARE = 0.2;
const LATENCY_MS_MIN = 0.2;
const LATENCY_MS_MAX = 1;

/** Wants one thing after the other and asks until it is answered. Throws `BrokenRule` on V3, V4 and V5. */
export class Client {
  readonly options: ClientOptions;
  readonly shown = new Set<string>();
  refusals = 0;
  readonly #world: World;
  readonly #nodes: readonly SimulatedNode[];
  readonly #random: Random;
  #request: Request | undefined;
  #asked = 0;
  #viewsAsked = 0;
  #done = false;

  constructor(world: World, nodes: readonly SimulatedNode[], random: Random, options: ClientOptions) {
    this.#world = world;
    this.#nodes = nodes;
    this.#random = random;
    this.options = options;
  }

  /** It has all that it wanted. */
  get done(): boolean {
    return this.#done;
  }

  /** Moves on to what it wants next. */
  next(): void {
    this.#asked++;
    const view = this.#asked % 2 === 0;
    this.#done = view && this.#viewsAsked === this.options.views;
    this.#request = undefined;
    if (this.#done) return;
    if (view) this.#viewsAsked++;
    const viewId = view ? `c${this.options.index + 1}/v${this.#viewsAsked}` : undefined;
    this.#request = { client: this.options.index, viewId };
    this.#ask(this.#request);
  }

  #ask(request: Request): void {
    if (this.#request !== request) return;
    const { timeline, network } = this.#world;
    timeline.after(this.options.retryMs, () => this.#retry(request));
    const { process, index } = this.#choose();
    if (this.#random.chance(network.lossShare)) return;
    timeline.after(this.#random.uniform(LATENCY_MS_MIN, LATENCY_MS_MAX), () => {
      if (!process) return;
      serve(this.#world, index, process, request, (answer) => this.#answered(request, answer));
    });
  }

  #retry(request: Request): void {
    if (this.#request !== request) return;
    const { viewId } = request;
    const sameId = this.#world.surroundings.sameId || viewId === undefined;
    this.#request = sameId ? request : { ...request, viewId: `${viewId}'` };
    this.#ask(this.#request);
  }

  #choose(): SimulatedNode {
    const leaders = this.#nodes.filter((node) => node.leads);
    const astray = leaders.length === 0 || this.#random.chance(ASTRAY_SHARE);
    return this.#random.pick(astray ? this.#nodes : leaders);
  }

  #answered(request: Request, answer: Answer): void {
    const { timeline, network } = this.#world;
    if (this.#random.chance(network.lossShare)) return;
    timeline.after(this.#random.uniform(LATENCY_MS_MIN, LATENCY_MS_MAX), () => {
      if (this.#request !== request) return;
      this.#request = undefined;
      if (request.viewId !== undefined) this.#take(request.viewId, answer);
      timeline.after(this.#random.exponential(this.options.pauseMs), () => this.next());
    });
  }

  #take(viewId: string, answer: Answer): void {
    const { store } = this.#world;
    if (answer === 'done') {
      hold('V4', store.counted.has(viewId), () => `view ${viewId} is shown, but was not counted`);
      this.shown.add(viewId);
      return;
    }
    this.refusals++;
    hold('V3', !store.counted.has(viewId), () => `view ${viewId} is refused, but was counted`);
    hold('V5', store.used >= store.viewsMax, () => {
      return `view ${viewId} is refused with ${store.used} of ${store.viewsMax} used`;
    });
  }
}
