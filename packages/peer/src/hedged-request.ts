/** One request, asked of one server after the other, and of several at once, until one of them has answered it. */

import {
  AppError,
  CLUSTER_CALLS_AT_ONCE_MAX,
  CLUSTER_HEDGE_MS,
  CLUSTER_RETRY_PAUSE_MS_MAX,
  CLUSTER_RETRY_PAUSE_MS_MIN,
  traitsOf,
} from '@cloud-steg/protocol';
import { KeptConnectionBroke, reasonOf } from './http-call.ts';

/** One server's turn. */
export interface Attempt {
  readonly origin: string;
  /** Another answer has come, or the time is over. */
  readonly signal: AbortSignal;
  /** Origins that have given this request no answer so far. */
  readonly silent: readonly string[];
  /** Over a connection of its own, since a kept one was broken. */
  readonly afresh: boolean;
}

/** What a server said: the answer, who leads instead, or no. */
export type Said<T> =
  | { readonly kind: 'answer'; readonly answer: T }
  | { readonly kind: 'redirect'; readonly to: string }
  | { readonly kind: 'refusal'; readonly error: AppError };

type LastWord =
  | Exclude<Said<never>, { kind: 'answer' }>
  | { readonly kind: 'failure'; readonly reason: string };

export interface HedgedRequestOptions<T> {
  /** Whom to ask, likeliest first; origins. */
  readonly candidates: () => readonly string[];
  /** Rejects with an `AppError` that ends the request, or with whatever kept the server from answering. */
  readonly ask: (attempt: Attempt) => Promise<Said<T>>;
  /** Told of a server that does not answer, or not soon. */
  readonly onSilent: (origin: string) => void;
  readonly timeoutMs: number;
}

/**
 * A hedged request (Dean and Barroso, "The tail at scale", 2013) that follows redirects: whoever has not answered after
 * `CLUSTER_HEDGE_MS` is left to go on, and the next server is asked as well. It may take effect at several, so it
 * must be idempotent. Used once.
 */
export class HedgedRequest<T> {
  readonly #options: HedgedRequestOptions<T>;
  readonly #underWay = new Map<string, { readonly controller: AbortController; readonly since: number }>();
  /** Of this round: all candidates are asked once, and whoever they name. */
  #toAsk: string[] = [];
  #asked = new Set<string>();
  /** Asked last, and not silent for long yet. */
  #newest: string | undefined;
  readonly #lastWords = new Map<string, LastWord>();
  readonly #silent = new Set<string>();
  readonly #toAskAfresh = new Set<string>();
  /** Once it may have, giving up early could leave its effect behind: a view spent, a grant made. */
  #mayHaveArrived = false;
  #pauseMs = CLUSTER_RETRY_PAUSE_MS_MIN;
  #timer: NodeJS.Timeout | undefined;
  #settled = false;
  #end: (outcome: { answer: T } | { error: AppError }) => void = () => {};

  constructor(options: HedgedRequestOptions<T>) {
    this.#options = options;
  }

  /** Throws the refusal that was given, or `cluster/...` once the time is over or no server can be reached at all. */
  run(): Promise<T> {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => this.#end({ error: this.#failure() }), this.#options.timeoutMs);
      this.#end = (outcome) => {
        if (this.#settled) return;
        this.#settled = true;
        clearTimeout(deadline);
        clearTimeout(this.#timer);
        for (const { controller } of this.#underWay.values()) controller.abort();
        if ('answer' in outcome) resolve(outcome.answer);
        else reject(outcome.error);
      };
      this.#beginRound();
    });
  }

  #beginRound(): void {
    this.#asked.clear();
    this.#toAsk = [...this.#options.candidates()];
    this.#askNext();
  }

  #askNext(): void {
    clearTimeout(this.#timer);
    this.#newest = undefined;
    // Otherwise whoever answers first makes room.
    if (this.#underWay.size >= CLUSTER_CALLS_AT_ONCE_MAX) return;
    this.#toAsk = this.#toAsk.filter((origin) => !this.#underWay.has(origin));
    const origin = this.#toAsk.shift();
    if (origin === undefined) return this.#endRound();
    this.#newest = origin;
    this.#ask(origin);
    this.#timer = setTimeout(() => {
      this.#fallsSilent(origin);
      this.#askNext();
    }, CLUSTER_HEDGE_MS);
  }

  #endRound(): void {
    const nobodyReached = [...this.#lastWords.values()].every(({ kind }) => kind === 'failure');
    if (this.#underWay.size === 0 && nobodyReached && !this.#mayHaveArrived) {
      return this.#end({ error: this.#failure() });
    }
    this.#timer = setTimeout(() => this.#beginRound(), this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, CLUSTER_RETRY_PAUSE_MS_MAX);
  }

  #ask(origin: string): void {
    const controller = new AbortController();
    this.#asked.add(origin);
    this.#underWay.set(origin, { controller, since: performance.now() });
    const attempt: Attempt = {
      origin,
      signal: controller.signal,
      silent: [...this.#silent].filter((silent) => silent !== origin),
      afresh: this.#toAskAfresh.delete(origin),
    };
    this.#options.ask(attempt).then(
      (said) => this.#hear(origin, said),
      (error: unknown) => this.#fails(origin, error),
    );
  }

  #hear(origin: string, said: Said<T>): void {
    if (said.kind === 'answer') return this.#end(said);
    if (said.kind === 'refusal' && !this.#isPassing(said.error)) return this.#end({ error: said.error });
    this.#silent.delete(origin);
    const elsewhere = said.kind === 'redirect' && !this.#asked.has(said.to) && !this.#underWay.has(said.to);
    if (elsewhere) this.#toAsk = [said.to, ...this.#toAsk.filter((other) => other !== said.to)];
    this.#goOn(origin, said, elsewhere);
  }

  #fails(origin: string, error: unknown): void {
    if (error instanceof AppError) return this.#end({ error });
    this.#mayHaveArrived ||= !neverSent(error);
    const closedWhileIdle = error instanceof KeptConnectionBroke;
    if (closedWhileIdle) {
      this.#toAskAfresh.add(origin);
      this.#toAsk.unshift(origin);
    } else {
      this.#fallsSilent(origin);
    }
    this.#goOn(origin, { kind: 'failure', reason: reasonOf(error) }, closedWhileIdle);
  }

  /** After `origin` has had its turn: at once if there is somebody better to ask, or nobody asked who may answer soon. */
  #goOn(origin: string, word: LastWord, atOnce: boolean): void {
    this.#underWay.delete(origin);
    this.#lastWords.delete(origin);
    this.#lastWords.set(origin, word);
    if (this.#settled) return;
    if (atOnce || this.#newest === undefined || this.#newest === origin) this.#askNext();
  }

  #fallsSilent(origin: string): void {
    if (this.#settled) return;
    this.#silent.add(origin);
    this.#options.onSilent(origin);
  }

  /** Worth another try: the cluster could not, rather than would not. */
  #isPassing({ code }: AppError): boolean {
    // Too many calls now may hide that an earlier try of this very one was a success.
    return traitsOf(code).status === 503 || (code === 'rate/limited' && this.#mayHaveArrived);
  }

  /** What to say of all those tries: the last refusal, else who was said to lead, else who was tried in vain. */
  #failure(): AppError {
    const words = [...this.#lastWords].toReversed();
    for (const [, word] of words) if (word.kind === 'refusal') return word.error;
    const failures = this.#failures();
    for (const [origin, word] of words) {
      if (word.kind !== 'redirect') continue;
      const reason = failures.find(({ url }) => url === word.to)?.reason;
      const what = reason === undefined ? 'which does not lead' : `which does not answer (${reason})`;
      return new AppError('cluster/no-leader', `${origin} names ${word.to} as leader, ${what}`);
    }
    return unreachable(failures);
  }

  #failures(): Failure[] {
    const now = performance.now();
    const waiting = [...this.#underWay].map(([url, { since }]) => ({
      url,
      reason: `no answer for ${Math.round(now - since)} ms`,
    }));
    const failed = [...this.#lastWords].flatMap(([url, word]) =>
      word.kind === 'failure' && !this.#underWay.has(url) ? [{ url, reason: word.reason }] : [],
    );
    return [...failed, ...waiting];
  }
}

/** One server's last failure. */
export interface Failure {
  readonly url: string;
  readonly reason: string;
}

export function unreachable(failures: readonly Failure[]): AppError {
  const tried = failures.map(({ url, reason }) => `${url} (${reason})`).join(', ');
  return new AppError('cluster/unreachable', `no discovery server answered: tried ${tried}`, {
    data: { tried: failures },
  });
}

/** True when a failed call can't have reached anybody. */
function neverSent(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(code);
}
