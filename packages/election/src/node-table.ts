import type { NodeId } from './config.ts';
import type { NodeReport } from './message.ts';

interface Observation {
  readonly url: string | null;
  readonly cpuPercent: number | null;
  readonly term: number | null;
  readonly lagMs: number | null;
  /** When the node was heard, on this node's clock. */
  readonly heardAt: number;
}

/**
 * What this node knows of the other members, from their own messages and from the leader's table. The newer
 * observation wins; nothing is ever made up for a node that wasn't heard.
 */
export class NodeTable {
  readonly #peers: readonly NodeId[];
  readonly #seen = new Map<NodeId, Observation>();

  constructor(peers: readonly NodeId[]) {
    this.#peers = peers;
  }

  /** `id` itself told its load and term, and perhaps its address. */
  hear(now: number, id: NodeId, told: { cpuPercent: number; term: number; httpUrl?: string }): void {
    const { url = null, lagMs = null } = this.#seen.get(id) ?? {};
    const { cpuPercent, term, httpUrl } = told;
    this.#seen.set(id, { url: httpUrl ?? url, cpuPercent, term, lagMs, heardAt: now });
  }

  /** Takes over what another node knows better. Lines about strangers or this node itself are passed over. */
  learn(now: number, reports: readonly NodeReport[]): void {
    for (const { id, url, cpuPercent, term, lagMs, ageMs } of reports) {
      if (ageMs === null || !this.#peers.includes(id)) continue;
      const heardAt = now - ageMs;
      const known = this.#seen.get(id);
      if (known && known.heardAt >= heardAt) continue;
      this.#seen.set(id, { url: url ?? known?.url ?? null, cpuPercent, term, lagMs, heardAt });
    }
  }

  /** One line for each other member, in the order of the configuration. */
  report(now: number): NodeReport[] {
    return this.#peers.map((id) => {
      const seen = this.#seen.get(id);
      return {
        id,
        url: seen?.url ?? null,
        cpuPercent: seen?.cpuPercent ?? null,
        term: seen?.term ?? null,
        lagMs: seen?.lagMs ?? null,
        ageMs: seen ? Math.max(0, now - seen.heardAt) : null,
      };
    });
  }
}
