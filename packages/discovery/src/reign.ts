/** What a leader holds in memory, for as long as its term lasts. */

import { type Address, AppError, type Term, type Username } from '@cloud-steg/protocol';
import {
  adoptPresence,
  findPresence,
  PresenceLog,
  PresenceTable,
  type Registry,
  sweepGrants,
} from '@cloud-steg/registry';
import type { DiscoveryPorts, Log } from './ports.ts';

/** One term's leadership. */
export class Reign {
  readonly term: Term;
  readonly presence: PresenceTable;
  readonly #registry: Registry;
  readonly #log: PresenceLog;
  readonly #adopted: Promise<void>;
  #unswept = 0;

  constructor(registry: Registry, term: Term, heartbeatTtlMs: number) {
    this.term = term;
    this.presence = new PresenceTable(heartbeatTtlMs);
    this.#registry = registry;
    this.#log = new PresenceLog(registry, term, this.presence);
    this.#adopted = adoptPresence(registry, this.presence);
  }

  /** Resolves once everyone is known who was online under the leader before. */
  ready(): Promise<void> {
    return this.#adopted;
  }

  /** Stored before it resolves, if it changed anything. Throws `auth/replayed`. */
  async heartbeat(username: Username, addresses: readonly Address[], seq: number): Promise<void> {
    const stored = await this.#storedUnlessKnown(username);
    this.presence.heartbeat(username, addresses, seq, this.#registry.now(), stored);
    await this.#log.save(username);
  }

  /** As {@link heartbeat}, for a farewell. */
  async leave(username: Username, seq: number): Promise<void> {
    const stored = await this.#storedUnlessKnown(username);
    this.presence.leave(username, seq, this.#registry.now(), stored);
    await this.#log.save(username);
  }

  /** What nobody asks for but has to be done: silent users go offline, shares of ended grants are erased. */
  async tick(log: Log): Promise<void> {
    this.presence.expire(this.#registry.now());
    await this.#log.saveAll();
    const { failures } = await sweepGrants(this.#registry, this.term);
    // They fail again with every sweep, but are news only when there are more.
    for (const failure of failures.slice(this.#unswept)) log('error', 'sweep-failed', { ...failure });
    this.#unswept = failures.length;
  }

  async #storedUnlessKnown(username: Username) {
    return this.presence.knows(username) ? undefined : findPresence(this.#registry, username);
  }
}

/** Follows the election: a reign begins with each term this node leads, and is forgotten when it ends. */
export class Reigns {
  readonly #ports: DiscoveryPorts;
  readonly #registry: Registry;
  #reign: Reign | undefined;
  #ticking: Promise<void> | undefined;

  constructor(ports: DiscoveryPorts, registry: Registry) {
    this.#ports = ports;
    this.#registry = registry;
  }

  /** The reign that may serve right now, or undefined when this node doesn't lead. */
  async current(): Promise<Reign | undefined> {
    const leading = this.#ports.leadership.leading();
    if (!leading) {
      this.#reign = undefined;
      return undefined;
    }
    if (this.#reign?.term !== leading.term) {
      this.#reign = new Reign(this.#registry, leading.term as Term, this.#ports.heartbeatTtlMs);
    }
    const reign = this.#reign;
    try {
      await reign.ready();
    } catch (error) {
      // Whoever asks next begins it again.
      if (this.#reign === reign) this.#reign = undefined;
      throw error;
    }
    return this.isCurrent(reign) ? reign : undefined;
  }

  /** How many users are online; 0 where this node doesn't lead. */
  get onlineCount(): number {
    return this.#ports.leadership.leading() && this.#reign ? this.#reign.presence.onlineCount : 0;
  }

  isCurrent(reign: Reign): boolean {
    return this.#ports.leadership.leading()?.term === reign.term;
  }

  /** To be called every `SWEEP_INTERVAL_MS`, and when leadership changes. Waits for one under way. Never rejects. */
  tick(): Promise<void> {
    this.#ticking ??= this.#tickOnce().finally(() => {
      this.#ticking = undefined;
    });
    return this.#ticking;
  }

  async #tickOnce(): Promise<void> {
    try {
      await (await this.current())?.tick(this.#ports.log);
    } catch (error) {
      const fenced = error instanceof AppError && error.code === 'cluster/fenced';
      this.#ports.log(fenced ? 'info' : 'error', 'tick-failed', { error });
    }
  }
}
