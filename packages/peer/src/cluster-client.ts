/**
 * Talking to the cluster: finds the leader, follows it, signs, and keeps trying through a failover
 * until the deadline. Every call may be repeated, since every change is idempotent by its id.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Identity } from '@cloud-steg/envelope';
import { openLeaderStatement, signRequest } from '@cloud-steg/envelope';
import {
  AppError,
  ClusterStatus,
  isErrorCode,
  LeaderHint,
  PAGE_MAX,
  Problem,
  type PublicKey,
  parse,
  parseJson,
  SIGNATURE_WINDOW_MS,
  traitsOf,
  type Username,
} from '@cloud-steg/protocol';
import type * as z from 'zod';
import { callHttp, type HttpAnswer, reasonOf } from './http-call.ts';
import type { PeerPorts } from './ports.ts';

/** Enough for a page of users with their pictures' data. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
const ATTEMPT_TIMEOUT_MS = 5_000;
const RETRY_PAUSE_MS = 100;
const REDIRECTS_MAX = 4;
/** A list longer than this is a server's mistake, or malice. */
const PAGES_MAX = 10_000;
/** A leader statement older than this, by this machine's clock, is not followed. */
const STATEMENT_AGE_MS_MAX = 2 * SIGNATURE_WINDOW_MS;

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

/** One server's last failure. */
interface Failure {
  readonly url: string;
  readonly reason: string;
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

  /**
   * A server's own view: the leader's if it answers. Servers with another key than the pinned one don't count;
   * `auth/wrong-cluster` when no other answers.
   */
  async status(): Promise<ClusterStatus> {
    const answers = await this.#statuses();
    const own = answers.filter(({ status }) => !this.#clusterKey || status.cluster_key === this.#clusterKey);
    const best = own.find(({ status }) => status.is_leader) ?? own[0];
    if (best) return best.status;
    throw new AppError(
      'auth/wrong-cluster',
      `the servers at ${answers.map(({ url }) => url).join(', ')} are not the cluster this user registered at`,
      { hint: 'name the right servers with --server, or register anew here under another --data-dir' },
    );
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
    const { body } = await this.#untilDeadline(call.method, call.path, call.body, call.as);
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
    return (await this.#untilDeadline('GET', path, undefined, undefined)).body;
  }

  async #untilDeadline(method: string, path: string, json: object | undefined, caller: Caller | undefined) {
    const deadline = this.#ports.now() + this.#ports.clusterTimeoutMs;
    const body = json === undefined ? new Uint8Array() : new Uint8Array(Buffer.from(JSON.stringify(json)));
    let lastRefusal: AppError | undefined;
    // Once a request may have arrived, giving up early could leave its effect behind: a view spent, a grant made.
    let mayHaveArrived = false;
    for (;;) {
      const failures: Failure[] = [];
      const candidates = this.#candidates();
      for (const server of candidates) {
        try {
          const answer = await this.#attempt(server, method, path, body, caller);
          if (answer.status < 300) return answer;
          throw problemOf(answer, server);
        } catch (error) {
          if (error instanceof AppError) {
            if (!isPassing(error)) throw error;
            lastRefusal = error;
          } else {
            failures.push({ url: server, reason: reasonOf(error) });
            mayHaveArrived ||= !neverSent(error);
            if (server === this.#leader) this.#leader = undefined;
          }
        }
      }
      if (failures.length === candidates.length && !mayHaveArrived) throw unreachable(failures);
      if (this.#ports.now() + RETRY_PAUSE_MS >= deadline) throw lastRefusal ?? unreachable(failures);
      await sleep(RETRY_PAUSE_MS);
    }
  }

  /** The last leader first, then every configured server. */
  #candidates(): string[] {
    return [...new Set([...(this.#leader ? [this.#leader] : []), ...this.servers])];
  }

  /** One server and the redirects it gives. */
  async #attempt(server: string, method: string, path: string, body: Uint8Array, caller: Caller | undefined) {
    let origin = server;
    for (let hop = 0; hop < REDIRECTS_MAX; hop++) {
      const url = origin + path;
      const headers: Record<string, string> = body.length > 0 ? { 'content-type': 'application/json' } : {};
      if (caller) Object.assign(headers, await this.#sign(method, url, body, caller));
      const answer = await callHttp({
        method,
        url,
        headers,
        ...(body.length > 0 && { body }),
        timeoutMs: Math.min(ATTEMPT_TIMEOUT_MS, this.#ports.clusterTimeoutMs),
        answerBytesMax: ANSWER_BYTES_MAX,
      }).catch((error: unknown) => {
        if (hop === 0) throw error;
        // The follower is fine; the leader it names may just have died, and an election be due.
        throw new AppError(
          'cluster/no-leader',
          `${server} names ${origin} as leader, which does not answer (${reasonOf(error)})`,
        );
      });
      if (answer.status !== 307) {
        if (answer.status < 300) this.#leader = origin;
        return answer;
      }
      origin = await this.#leaderNamedBy(answer);
    }
    throw new AppError('cluster/no-leader', 'the servers point at each other: an election is under way');
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

  /** Where a 307 points, if this client knows that server or the cluster's key vouches for it. */
  async #leaderNamedBy(answer: HttpAnswer): Promise<string> {
    const hint = parseJson(LeaderHint, Buffer.from(answer.body).toString(), 'redirect to the leader');
    const origin = new URL(hint.leader_url).origin;
    if (this.servers.includes(origin)) return origin;
    const statement = openLeaderStatement(await this.clusterKey(), hint.leader_statement);
    const ageMs = Math.abs(this.#ports.now() - statement.at);
    if (new URL(statement.url).origin !== origin || ageMs > STATEMENT_AGE_MS_MAX) {
      throw new AppError(
        'cluster/untrusted-leader',
        `a server sent us to ${origin}, which the cluster has not vouched for just now`,
        {
          hint: 'name the servers you trust with --server',
        },
      );
    }
    return origin;
  }
}

/** One server's view of the cluster. Rejects when it doesn't answer. */
export async function statusOf(server: string): Promise<ClusterStatus> {
  const answer = await callHttp({
    method: 'GET',
    url: `${server}/status`,
    timeoutMs: ATTEMPT_TIMEOUT_MS,
    answerBytesMax: ANSWER_BYTES_MAX,
  });
  if (answer.status !== 200) throw new Error(`answered ${answer.status}`);
  return parse(ClusterStatus, JSON.parse(Buffer.from(answer.body).toString()), `${server}/status`);
}

/** An HTTP answer that is not a success, as the error it carries. */
export function problemOf(answer: HttpAnswer, who: string): AppError {
  try {
    const problem = parseJson(Problem, Buffer.from(answer.body).toString(), 'problem');
    if (isErrorCode(problem.code)) {
      // Somebody else's bug is a failure here, not a bug.
      const code = problem.code === 'program/bug' ? 'program/failed' : problem.code;
      return new AppError(code, problem.detail, {
        ...(problem.hint !== undefined && { hint: problem.hint }),
        ...(problem.data !== undefined && { data: problem.data }),
      });
    }
  } catch {
    // Fall through: whoever answered speaks another language.
  }
  return new AppError('program/failed', `${who} answered ${answer.status} without saying why`, {
    hint: 'is this address a Cloud Steg server?',
  });
}

/** Worth another try: the cluster could not, rather than would not. */
function isPassing(error: AppError): boolean {
  return traitsOf(error.code).status === 503;
}

/** True when a failed call can't have reached anybody. */
function neverSent(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(code);
}

function unreachable(failures: readonly Failure[]): AppError {
  const tried = failures.map(({ url, reason }) => `${url} (${reason})`).join(', ');
  return new AppError('cluster/unreachable', `no discovery server answered: tried ${tried}`, {
    data: { tried: failures },
  });
}
