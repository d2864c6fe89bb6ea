/** What servers answer when they don't do as they were asked: an error, or who leads instead. */

import { openLeaderStatement } from '@cloud-steg/envelope';
import {
  AppError,
  isErrorCode,
  LeaderHint,
  Problem,
  type PublicKey,
  parseJson,
  SIGNATURE_WINDOW_MS,
} from '@cloud-steg/protocol';
import type { HttpAnswer } from './http-call.ts';

/** A leader statement older than this, by this machine's clock, is not followed. */
const STATEMENT_AGE_MS_MAX = 2 * SIGNATURE_WINDOW_MS;

/** Where a 307 points, and on whose word. */
export interface Redirect {
  readonly origin: string;
  readonly statement: LeaderHint['leader_statement'];
}

export function leaderHintOf(answer: HttpAnswer): Redirect {
  const hint = parseJson(LeaderHint, Buffer.from(answer.body).toString(), 'redirect to the leader');
  return { origin: new URL(hint.leader_url).origin, statement: hint.leader_statement };
}

/** Throws `auth/bad-signature` or `cluster/untrusted-leader` unless the cluster has just signed that this server leads. */
export function checkVouchedFor({ origin, statement }: Redirect, clusterKey: PublicKey, now: number): void {
  const { url, at } = openLeaderStatement(clusterKey, statement);
  if (new URL(url).origin === origin && Math.abs(now - at) <= STATEMENT_AGE_MS_MAX) return;
  throw new AppError(
    'cluster/untrusted-leader',
    `a server sent us to ${origin}, which the cluster has not vouched for just now`,
    { hint: 'name the servers you trust with --server' },
  );
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
