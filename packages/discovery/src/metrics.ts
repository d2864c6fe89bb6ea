/** Counters in Prometheus' text format, version 0.0.4. */

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A value, or one for each of a bounded set of labels, that is asked for when the metrics are. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  /** Default: a gauge. A counter never falls while the process runs. */
  readonly type?: 'counter';
  readonly read: () => number | readonly Sample[];
}

interface Tally {
  requests: number;
  seconds: number;
}

/** Labels come from the route table and from status codes, so their number is bounded. */
export class Metrics {
  readonly #metrics: readonly Metric[];
  readonly #tallies = new Map<string, Tally>();

  constructor(metrics: readonly Metric[]) {
    this.#metrics = metrics;
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
    for (const { name, help, type = 'gauge', read } of this.#metrics) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
      const values = read();
      const samples = typeof values === 'number' ? [{ labels: {}, value: values }] : values;
      for (const { labels, value } of samples) lines.push(`${name}${labelText(labels)} ${value}`);
    }
    const duration = 'cloud_steg_request_seconds';
    lines.push(`# HELP ${duration} Requests answered, and the time they took.`, `# TYPE ${duration} summary`);
    for (const [labels, { requests, seconds }] of this.#tallies) {
      lines.push(`${duration}_count${labels} ${requests}`, `${duration}_sum${labels} ${seconds.toFixed(6)}`);
    }
    return `${lines.join('\n')}\n`;
  }
}

function labelText(labels: Sample['labels']): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
