import { describe, expect, it } from 'vitest';
import { askServers, type ServerAnswer } from '../src/cluster/servers-asked.ts';
import type { ClusterSnapshot } from '../src/cluster/snapshot.ts';
import { type WatchPorts, watchCluster } from '../src/cluster/watch-cluster.ts';
import { A, AT, B, C, election, KEY, OTHER_KEY, says, silent } from './cluster-answers.ts';

/** A watch over scripted looks; its clock moves only by asking and pausing. The last look ends it. */
class ScriptedWatch {
  time = AT;
  /** What asking takes. */
  askMs = 0;
  readonly asked: number[] = [];
  readonly pauses: number[] = [];
  readonly shown: ClusterSnapshot[] = [];
  readonly events: string[][] = [];
  readonly #stop = new AbortController();
  readonly #looks: readonly (readonly ServerAnswer[])[];

  constructor(looks: readonly (readonly ServerAnswer[])[]) {
    this.#looks = looks;
  }

  async run(options: Partial<Parameters<typeof watchCluster>[1]> = {}): Promise<void> {
    const ports: WatchPorts = {
      now: () => this.time,
      ask: async () => {
        this.asked.push(this.time - AT);
        this.time += this.askMs;
        const look = this.#looks[this.asked.length - 1] ?? [];
        return look.map((answer) => ({ ...answer, at: this.time }));
      },
      pause: async (ms) => {
        this.pauses.push(ms);
        this.time += ms;
      },
      show: (snapshot, changes) => {
        this.shown.push(snapshot);
        this.events.push(changes.map(({ event }) => event));
        if (this.shown.length === this.#looks.length) this.#stop.abort();
      },
    };
    await watchCluster(ports, { intervalMs: 1_000, signal: this.#stop.signal, ...options });
  }
}

const HEALTHY = [says(A, A), says(B, A), says(C, A)];
const DOWN = [silent(A), silent(B), silent(C)];

describe('a watch', () => {
  it('looks once an interval, however long a look takes', async () => {
    const watch = new ScriptedWatch([HEALTHY, HEALTHY, HEALTHY]);
    watch.askMs = 300;
    await watch.run();
    expect(watch.asked).toEqual([0, 1_000, 2_000]);
  });

  it('looks again at once when a server was slower than that', async () => {
    const watch = new ScriptedWatch([HEALTHY, HEALTHY]);
    watch.askMs = 1_500;
    await watch.run();
    expect(watch.asked).toEqual([0, 1_500]);
  });

  it('goes on while servers are down, and remembers what it knew', async () => {
    const after = [says(A, A, { elections: [election(4, A)] }), says(B, A), says(C, A)];
    const watch = new ScriptedWatch([HEALTHY, DOWN, DOWN, after]);
    await watch.run();
    expect(watch.events).toEqual([[], ['unreachable'], [], ['reachable']]);
    expect(watch.shown.map(({ leadership }) => leadership.kind)).toEqual([
      'serving',
      'unreachable',
      'unreachable',
      'serving',
    ]);
    expect(watch.shown[2]?.nodes.map(({ role, lastSeenAt }) => [role, (lastSeenAt ?? 0) - AT])).toEqual([
      ['unknown', 0],
      ['unknown', 0],
      ['unknown', 0],
    ]);
  });

  it('starts even if nobody answers yet', async () => {
    const watch = new ScriptedWatch([DOWN, HEALTHY]);
    await watch.run();
    expect(watch.shown.at(-1)?.leadership.kind).toBe('serving');
  });

  it('is not held up by a clock that is set back', async () => {
    const watch = new ScriptedWatch([HEALTHY, HEALTHY]);
    watch.askMs = -3_600_000;
    await watch.run();
    expect(watch.pauses).toEqual([1_000, 1_000]);
  });

  it('stays with the cluster that its user knows', async () => {
    const stranger = says(A, A, { cluster_key: OTHER_KEY });
    const watch = new ScriptedWatch([[stranger, says(B, A)]]);
    await watch.run({ clusterKey: KEY });
    expect(watch.shown[0]?.clusterKey).toBe(KEY);
  });

  it('ends at the signal without another word', async () => {
    const stop = new AbortController();
    const watch = new ScriptedWatch([HEALTHY]);
    stop.abort();
    await watch.run({ signal: stop.signal });
    expect(watch.shown).toEqual([]);
  });
});

describe('asking', () => {
  const signal = new AbortController().signal;
  const failing = (error: Error) => ({
    now: () => AT,
    statusOf: async (): Promise<never> => {
      throw error;
    },
  });

  it('goes to all at once, and each answer has its own time', async () => {
    let time = AT;
    const open: (() => void)[] = [];
    const statusOf = (url: string) =>
      new Promise<never>((_, reject) => {
        open.push(() => reject(new Error(`answered by ${url}`)));
      });
    const asking = askServers({ now: () => time, statusOf }, ['http://a', 'http://b'], signal);
    expect(open).toHaveLength(2);
    for (const answer of open) {
      time += 10;
      answer();
      await Promise.resolve();
    }
    expect((await asking).map(({ url, at }) => [url, at - AT])).toEqual([
      ['http://a', 10],
      ['http://b', 20],
    ]);
  });

  it.each([
    [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'refused'],
    [Object.assign(new Error('x'), { name: 'TimeoutError' }), 'timed out'],
    [new Error('answered 404'), 'answered 404'],
    [new SyntaxError('Unexpected token < in JSON'), 'no Cloud Steg server of this version'],
  ])('never rejects: %s', async (error, reason) => {
    expect(await askServers(failing(error), ['http://a'], signal)).toEqual([
      { kind: 'silent', url: 'http://a', at: AT, reason },
    ]);
  });
});
