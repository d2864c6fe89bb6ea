/** Counters in Prometheus' text format, version 0.0.4. */

/** A value that is asked for when the metrics are. */
export interface Gauge {
  readonly name: string;
  readonly help: string;
  /** Default: a gauge. A counter never falls while the process runs. */
  readonly type?: 'counter';
  readonly read: () => number;
}

interface Tally {
  requests: number;
  seconds: number;
}

/** Labels come from the route table and from status codes, so their number is bounded. */
export class Metrics {
  readonly #gauges: readonly Gauge[];
  readonly #tallies = new Map<string, Tally>();

  constructor(gauges: readonly Gauge[]) {
    this.#gauges = gauges;
  }

  /** Counts one answered request. `route` is the pattern, not the path. */
  count(method: string, route: string, status: number, seconds: number): void {
    const labels = `{method="${method}",route="${route}",status="${status}"}`;
    const tally = this.#tallies.get(labels) ?? { requests: 0, seconds: 0 };
    tally.requests += 1;
    tally.seconds += seconds;
    this.#tallies.set(labels, tally);
  }

  text(): string {
    const lines: string[] = [];
    for (const { name, help, type = 'gauge', read } of this.#gauges) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, `${name} ${read()}`);
    }
    const duration = 'cloud_steg_request_seconds';
    lines.push(`# HELP ${duration} Requests answered, and the time they took.`, `# TYPE ${duration} summary`);
    for (const [labels, { requests, seconds }] of this.#tallies) {
      lines.push(`${duration}_count${labels} ${requests}`, `${duration}_sum${labels} ${seconds.toFixed(6)}`);
    }
    return `${lines.join('\n')}\n`;
  }
}
