/** Errors as RFC 9457 has them, in one place. */

import { type AppError, type Problem, RETRY_AFTER_SECONDS, traitsOf } from '@cloud-steg/protocol';
import { LeaderElsewhere } from './redirect.ts';

/**
 * The answer to a request that failed with `error`. What went wrong inside the server stays in its
 * log; of a 5xx only the cluster's own state is told. `target` is the path and query that was asked for.
 */
export function problemResponse(error: AppError, requestId: string, target: string): Response {
  const { status, title } = traitsOf(error.code);
  const inside = status >= 500 && !error.code.startsWith('cluster/');
  const problem: Problem = {
    type: `urn:cloud-steg:error:${error.code}`,
    title,
    status,
    detail: inside ? title : error.message,
    code: error.code,
    requestId,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(inside || Object.keys(error.data).length === 0 ? {} : { data: error.data }),
  };
  const headers = new Headers({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' });
  if (status === 429 || status === 503) {
    const { retryAfterSeconds } = error.data;
    headers.set(
      'retry-after',
      String(typeof retryAfterSeconds === 'number' ? retryAfterSeconds : RETRY_AFTER_SECONDS),
    );
  }
  const allow = error.data['allow'];
  if (error.code === 'input/wrong-method' && Array.isArray(allow)) headers.set('allow', allow.join(', '));
  if (error instanceof LeaderElsewhere) {
    headers.set('location', error.where.leader_url.replace(/\/$/, '') + target);
    return new Response(JSON.stringify({ ...problem, ...error.where }), { status, headers });
  }
  return new Response(JSON.stringify(problem), { status, headers });
}
