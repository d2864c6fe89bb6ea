/** What a {@link WorkerWriter} and its thread say to each other. */

import { AppError, type ErrorCode, type Term, toAppError } from '@cloud-steg/protocol';
import type { Commit } from '@cloud-steg/store';
import type { SqliteWriterOptions } from './sqlite-writer.ts';
import type { StoreLog } from './store-log.ts';

export interface WorkerOptions {
  path: string;
  options: SqliteWriterOptions;
}

export type Call =
  | { kind: 'warm' }
  | { kind: 'claim'; term: Term; leader: string }
  | { kind: 'commit'; commit: Commit }
  | { kind: 'erase' }
  | { kind: 'close' };

/** Calls are answered in their order, each once; `told` comes in between. */
export type Reply = { answer: unknown } | { failure: Failure } | { told: Parameters<StoreLog> };

/** An `AppError` as it survives structured cloning. */
export interface Failure {
  code: ErrorCode;
  message: string;
  hint: string | undefined;
  data: Record<string, unknown>;
  cause: unknown;
}

export function failureOf(thrown: unknown): Failure {
  const { code, message, hint, data, cause } = toAppError(thrown);
  return { code, message, hint, data, cause: cause instanceof Error ? cause.message : undefined };
}

export function errorOf({ code, message, hint, data, cause }: Failure): AppError {
  return new AppError(code, message, { data, cause, ...(hint !== undefined && { hint }) });
}
