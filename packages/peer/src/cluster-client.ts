/**
 * Talking to the cluster: finds the leader, follows it, signs, and keeps trying through a failover
 * until the deadline. Every call may be repeated, since every change is idempotent by its id.
 */

import type { Identity } from '@cloud-steg/envelope';
import { signRequest } from '@cloud-steg/envelope';
import {
  AppError,
  CLUSTER_ATTEMPT_TIMEOUT_MS,
  ClusterStatus,
  NO_ANSWER_FROM,
  PAGE_MAX,
  type PublicKey,
  parse,
  parseJson,
  type Username,
} from '@cloud-steg/protocol';
import type * as z from 'zod';
import { type Attempt, type Failure, HedgedRequest, type Said, unreachable } from './hedged-request.ts';
import { callHttp, type HttpAnswer, reasonOf } from './http-call.ts';
import type { PeerPorts } from './ports.ts';
import { checkVouchedFor, leaderHintOf, problemOf } from './server-answers.ts';

/** Enough for a page of users with their pictures' data. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
/** A list longer than this is a server's mistake, or malice. */
const PAGES_MAX = 10_000;

/** Who signs, and for which cluster. */
export interface Caller {
  readonly username: Username;
  readonly identity: Identity;
}

export interface ClusterCall<S extends z.ZodType> {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  readonly body?: object;
  /** Signs with the caller's key when given. */
  readonly as?: Caller;
  /** Shape of the answer. */
  readonly answer: S;
}

/** Shape of a page: what it lists, and `after` of the next one. */
type PageSchema = z.ZodType<{ next?: string | undefined }>;

/** What is asked of whichever server leads. */
interface ClusterRequest {
  readonly method: string;
  readonly path: string;
  readonly body: Uint8Array;
  readonly caller: Caller | undefined;
}

export class ClusterClient {
  readonly servers: readonly string[];
  readonly #ports: Pick<PeerPorts, 'now' | 'random' | 'clusterTimeoutMs'>;
  #clusterKey: PublicKey | undefined;
  #leader: string | undefined;

  /** `clusterKey` undefined: pinned at first contact, and given by {@link clusterKey}. */
  constructor(
    servers: readonly string[],
    clusterKey: PublicKey | undefined,
    ports: Pick<PeerPorts, 'now' | 'random' | 'clusterTimeoutMs'>,
  ) {
    this.servers = servers.map((server) => new URL(server).origin);
    this.#clusterKey = clusterKey;
    this.#ports = ports;
  }

  /** The address that answered as leader last, if any. */
  get leaderUrl(): string | undefined {
    return this.#leader;
  }

  /** The key this client holds its cluster to, unless there was no contact yet. */
  get pinnedKey(): PublicKey | undefined {
    return this.#clusterKey;
  }

  /**
   * The pinned key. At first contact it is asked of all servers, and those that answer must agree:
   * `auth/wrong-cluster` when they don't, since one of them is not what the user thinks.
   */
  async clusterKey(): Promise<PublicKey> {
    if (this.#clusterKey) return this.#clusterKey;
    const answers = await this.#statuses();
    const keys = new Set(answers.map(({ status }) => status.cluster_key));
    const [key] = keys;
    if (key === undefined || keys.size > 1) {
      const who = answers
        .map(({ url, status }) => `${url} (key ${status.cluster_key.slice(0, 8)}…)`)
        .join(', ');
      throw new AppError('auth/wrong-cluster', `these servers are not of one cluster: ${who}`, {
        hint: 'name those you trust with --server',
      });
    }
    this.#clusterKey = key;
    return key;
  }

  /** What every server that answers says. Throws `cluster/unreachable` when none does. */
  async #statuses(): Promise<{ url: string; status: ClusterStatus }[]> {
    const failures: Failure[] = [];
    const answers = await Promise.all(
      this.servers.map(async (url) => {
        try {
          return [{ url, status: await statusOf(url) }];
        } catch (error) {
          failures.push({ url, reason: reasonOf(error) });
          return [];
        }
      }),
    );
    const answered = answers.flat();
    if (answered.length === 0) throw unreachable(failures);
    return answered;
  }

  /** A JSON call to the leader. Throws what the cluster answered, or `cluster/...` when it can't. */
  async call<S extends z.ZodType>(call: ClusterCall<S>): Promise<z.infer<S>> {
    const { body } = await this.#answerTo(call.method, call.path, call.body, call.as);
    return parseJson(call.answer, Buffer.from(body).toString(), `answer to ${call.method} ${call.path}`);
  }

  /** Every page of a list, in order. `call.path` has no query; `query` is what the list wants besides paging. */
  async *pages<S extends PageSchema>(
    call: Omit<ClusterCall<S>, 'method'>,
    query: Readonly<Record<string, string>> = {},
  ): AsyncGenerator<z.infer<S>> {
    let after: string | undefined;
    for (let i = 0; i < PAGES_MAX; i++) {
      const search = new URLSearchParams({
        ...query,
        limit: String(PAGE_MAX),
        ...(after !== undefined && { after }),
      });
      const page = await this.call({ ...call, method: 'GET', path: `${call.path}?${search.toString()}` });
      yield page;
      after = page.next;
      if (after === undefined) return;
    }
    throw new AppError('program/failed', `${call.path} has no end: ${PAGES_MAX} pages were read`);
  }

  /** The bytes of a preview. */
  async bytes(path: string): Promise<Uint8Array> {
    return (await this.#answerTo('GET', path, undefined, undefined)).body;
  }

  async #answerTo(
    method: string,
    path: string,
    json: object | undefined,
    caller: Caller | undefined,
  ): Promise<HttpAnswer> {
    const began = performance.now();
    const body = json === undefined ? new Uint8Array() : new Uint8Array(Buffer.from(JSON.stringify(json)));
    // Before the servers are asked for anything else: it takes the word of all of them.
    if (caller) await this.clusterKey();
    return new HedgedRequest({
      candidates: () => this.#candidates(),
      ask: (attempt) => this.#ask(attempt, { method, path, body, caller }),
      onSilent: (origin) => {
        if (origin === this.#leader) this.#leader = undefined;
      },
      timeoutMs: Math.max(1, this.#ports.clusterTimeoutMs - (performance.now() - began)),
    }).run();
  }

  /** The last leader first, then every configured server. */
  #candidates(): string[] {
    return [...new Set([...(this.#leader ? [this.#leader] : []), ...this.servers])];
  }

  async #ask(attempt: Attempt, { method, path, body, caller }: ClusterRequest): Promise<Said<HttpAnswer>> {
    const { origin, silent, signal, afresh } = attempt;
    const url = origin + path;
    const headers: Record<string, string> = body.length > 0 ? { 'content-type': 'application/json' } : {};
    if (silent.length > 0) headers[NO_ANSWER_FROM] = silent.join(', ');
    // Anew for each try: a server accepts no nonce twice.
    if (caller) Object.assign(headers, await this.#sign(method, url, body, caller));
    const answer = await callHttp({
      method,
      url,
      headers,
      ...(body.length > 0 && { body }),
      timeoutMs: Math.min(CLUSTER_ATTEMPT_TIMEOUT_MS, this.#ports.clusterTimeoutMs),
      answerBytesMax: ANSWER_BYTES_MAX,
      signal,
      afresh,
    });
    if (answer.status === 307) {
      const hint = leaderHintOf(answer);
      const known = this.servers.includes(hint.origin);
      if (!known) checkVouchedFor(hint, await this.clusterKey(), this.#ports.now());
      return { kind: 'redirect', to: hint.origin };
    }
    if (answer.status >= 300) return { kind: 'refusal', error: problemOf(answer, origin) };
    this.#leader = origin;
    return { kind: 'answer', answer };
  }

  async #sign(
    method: string,
    url: string,
    body: Uint8Array,
    caller: Caller,
  ): Promise<Record<string, string>> {
    return signRequest(
      { method, url, body },
      {
        username: caller.username,
        key: caller.identity.signing,
        clusterKey: await this.clusterKey(),
        nowMs: this.#ports.now(),
        random: this.#ports.random,
      },
    );
  }
}

/** One server's view of the cluster. Rejects when it doesn't answer in time. */
export async function statusOf(
  server: string,
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
): Promise<ClusterStatus> {
  const answer = await callHttp({
    method: 'GET',
    url: `${server}/status`,
    answerBytesMax: ANSWER_BYTES_MAX,
    timeoutMs: CLUSTER_ATTEMPT_TIMEOUT_MS,
    ...options,
  });
  if (answer.status !== 200) throw new Error(`answered ${answer.status}`);
  return parse(ClusterStatus, JSON.parse(Buffer.from(answer.body).toString()), `${server}/status`);
}
