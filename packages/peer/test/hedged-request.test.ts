import {
  AppError,
  CLUSTER_CALLS_AT_ONCE_MAX,
  CLUSTER_HEDGE_MS,
  CLUSTER_RETRY_PAUSE_MS_MAX,
} from '@cloud-steg/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Attempt, HedgedRequest, type Said } from '../src/hedged-request.ts';
import { KeptConnectionBroke } from '../src/http-call.ts';

const TIMEOUT_MS = 10_000;
const NO_LEADER: Said<string> = { kind: 'refusal', error: new AppError('cluster/no-leader', 'an election') };
const refused = () => Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
const lost = () => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
const answer = (by: string): Said<string> => ({ kind: 'answer', answer: by });
const redirect = (to: string): Said<string> => ({ kind: 'redirect', to });

interface Call extends Attempt {
  readonly says: (said: Said<string>) => Promise<void>;
  readonly breaks: (error: Error) => Promise<void>;
}

/** Servers whose answers the test gives, and a request that asks them. */
class Scene {
  readonly calls: Call[] = [];
  readonly forgotten: string[] = [];
  readonly outcome: Promise<string>;
  /** What became of the request, once anything has. */
  ended: string | undefined;
  readonly #settled = new Set<AbortSignal>();

  constructor(...servers: string[]) {
    const request = new HedgedRequest<string>({
      candidates: () => servers,
      ask: (attempt) => this.#ask(attempt),
      onSilent: (origin) => this.forgotten.push(origin),
      timeoutMs: TIMEOUT_MS,
    });
    this.outcome = request.run();
    this.outcome.then(
      (by) => {
        this.ended = by;
      },
      (error: AppError) => {
        this.ended = `${error.code}: ${error.message}`;
      },
    );
  }

  #ask(attempt: Attempt): Promise<Said<string>> {
    return new Promise((resolve, reject) => {
      this.calls.push({
        ...attempt,
        says: async (said) => {
          this.#settled.add(attempt.signal);
          resolve(said);
          await vi.advanceTimersByTimeAsync(0);
        },
        breaks: async (error) => {
          this.#settled.add(attempt.signal);
          reject(error);
          await vi.advanceTimersByTimeAsync(0);
        },
      });
    });
  }

  get asked(): string {
    return this.calls.map(({ origin }) => origin).join(' ');
  }

  /** Calls that have neither been answered nor broken off. */
  get underWay(): number {
    return this.calls.filter(({ signal }) => !signal.aborted && !this.#settled.has(signal)).length;
  }

  /** The latest call. */
  get last(): Call {
    const call = this.calls.at(-1);
    if (!call) throw new Error('nobody was asked');
    return call;
  }
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe('a hedged request', () => {
  it('asks one server if that answers soon', async () => {
    const scene = new Scene('a', 'b', 'c');
    await pass(CLUSTER_HEDGE_MS - 1);
    await scene.last.says(answer('a'));
    expect([scene.ended, scene.asked]).toEqual(['a', 'a']);
  });

  it('asks the next beside one that is silent, tells it so, and takes the first answer', async () => {
    const scene = new Scene('a', 'b', 'c');
    await pass(CLUSTER_HEDGE_MS);
    expect(scene.asked).toBe('a b');
    expect(scene.last.silent).toEqual(['a']);
    expect(scene.forgotten).toEqual(['a']);
    await scene.last.says(answer('b'));
    expect(scene.ended).toBe('b');
    expect(scene.calls[0]?.signal.aborted).toBe(true);
  });

  it('still takes the answer of one that was slow but well, and breaks the others off', async () => {
    const scene = new Scene('a', 'b', 'c');
    await pass(2 * CLUSTER_HEDGE_MS);
    expect(scene.asked).toBe('a b c');
    await scene.calls[0]?.says(answer('a'));
    expect(scene.ended).toBe('a');
    expect(scene.calls.map(({ signal }) => signal.aborted)).toEqual([true, true, true]);
  });

  it('has only so many calls under way, however many servers are silent', async () => {
    const scene = new Scene('a', 'b', 'c', 'd', 'e', 'f', 'g');
    await pass(TIMEOUT_MS - 1);
    expect(scene.underWay).toBe(CLUSTER_CALLS_AT_ONCE_MAX);
    expect(scene.asked).toBe('a b c d');
    await scene.calls[1]?.breaks(lost());
    expect(scene.asked).toBe('a b c d e');
    await scene.last.says(answer('e'));
    expect(scene.ended).toBe('e');
  });

  it('follows a redirect at once', async () => {
    const scene = new Scene('a', 'b');
    await scene.last.says(redirect('leader'));
    expect(scene.asked).toBe('a leader');
    await scene.last.says(answer('leader'));
    expect(scene.ended).toBe('leader');
  });

  it('comes back from a redirect to a dead leader, and tells the others who does not answer', async () => {
    const scene = new Scene('a', 'b', 'leader');
    await scene.last.says(redirect('leader'));
    await scene.last.breaks(refused());
    expect(scene.asked).toBe('a leader b');
    expect(scene.last.silent).toEqual(['leader']);
    await scene.last.says(answer('b'));
    expect(scene.ended).toBe('b');
  });

  it('does not ask a frozen leader again while it waits for it', async () => {
    const scene = new Scene('leader', 'a', 'b');
    await pass(CLUSTER_HEDGE_MS);
    await scene.last.says(redirect('leader'));
    expect(scene.asked).toBe('leader a b');
    await scene.last.says(redirect('leader'));
    await pass(CLUSTER_RETRY_PAUSE_MS_MAX);
    expect(scene.asked).toMatch(/^leader a b a/);
    await scene.last.says(redirect('next'));
    await scene.last.says(answer('next'));
    expect(scene.ended).toBe('next');
    expect(scene.asked.match(/leader/g)).toHaveLength(1);
  });

  it('keeps asking while the cluster can’t, ever less often', async () => {
    const scene = new Scene('a', 'b');
    for (let i = 0; i < 20; i++) {
      await scene.last.says(NO_LEADER);
      await scene.last.says(NO_LEADER);
      await pass(CLUSTER_RETRY_PAUSE_MS_MAX);
    }
    expect(scene.calls).toHaveLength(41);
    await scene.last.says(answer('a'));
    expect(scene.ended).toBe('a');
  });

  it('asks nobody else after a refusal', async () => {
    const scene = new Scene('a', 'b');
    const error = new AppError('grant/exhausted', 'no views left');
    await scene.last.says({ kind: 'refusal', error });
    expect([scene.ended, scene.asked]).toEqual(['grant/exhausted: no views left', 'a']);
  });

  it('takes too many calls for a refusal, unless they may hide that an earlier try was a success', async () => {
    const limited: Said<string> = { kind: 'refusal', error: new AppError('rate/limited', 'too many') };
    const first = new Scene('a');
    await first.last.says(limited);
    expect(first.ended).toBe('rate/limited: too many');
    const second = new Scene('a', 'b');
    await second.last.breaks(lost());
    await second.last.says(limited);
    expect(second.ended).toBeUndefined();
    await pass(CLUSTER_RETRY_PAUSE_MS_MAX);
    await second.last.says(answer('a'));
    expect(second.ended).toBe('a');
  });

  it('asks a server again, over a new connection, when a kept one was closed as it was used', async () => {
    const scene = new Scene('a', 'b');
    expect(scene.last.afresh).toBe(false);
    await scene.last.breaks(new KeptConnectionBroke(lost()));
    expect(scene.asked).toBe('a a');
    expect(scene.last.afresh).toBe(true);
    expect(scene.forgotten).toEqual([]);
    await scene.last.says(answer('a'));
    expect(scene.ended).toBe('a');
  });

  it('fails at once when no server is running', async () => {
    const scene = new Scene('a', 'b');
    await scene.last.breaks(refused());
    await scene.last.breaks(refused());
    expect(scene.ended).toBe(
      'cluster/unreachable: no discovery server answered: tried a (refused), b (refused)',
    );
  });

  it('does not fail before its time when it may have arrived', async () => {
    const scene = new Scene('a');
    await scene.last.breaks(lost());
    for (let i = 0; i < 5; i++) {
      await pass(CLUSTER_RETRY_PAUSE_MS_MAX);
      await scene.last.breaks(refused());
    }
    expect(scene.ended).toBeUndefined();
    await pass(CLUSTER_RETRY_PAUSE_MS_MAX);
    await scene.last.says(answer('a'));
    expect(scene.ended).toBe('a');
  });

  it('says of each server at the end what became of it', async () => {
    const scene = new Scene('a', 'b', 'c');
    await scene.last.breaks(new Error('timed out after 5000 ms'));
    await scene.last.breaks(refused());
    await pass(TIMEOUT_MS);
    expect(scene.ended).toMatch(
      /^cluster\/unreachable: no discovery server answered: tried .*c \(no answer for 10000 ms\)/,
    );
    expect(scene.underWay).toBe(0);
  });

  it('says at the end who was said to lead, and why that did not help', async () => {
    const scene = new Scene('a');
    await scene.last.says(redirect('leader'));
    await scene.last.breaks(new Error('timed out after 5000 ms'));
    await pass(TIMEOUT_MS);
    expect(scene.ended).toBe(
      'cluster/no-leader: a names leader as leader, which does not answer (timed out after 5000 ms)',
    );
  });

  it('is ended by whatever makes asking impossible', async () => {
    const scene = new Scene('a', 'b');
    await scene.last.breaks(new AppError('cluster/untrusted-leader', 'who is that?'));
    expect(scene.ended).toBe('cluster/untrusted-leader: who is that?');
  });
});
