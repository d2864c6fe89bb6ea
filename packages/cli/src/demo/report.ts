/** The demo's steps as they are told: one line each with the time it took, or one JSON object each. */

import { type AppError, toAppError } from '@cloud-steg/protocol';
import type { Output } from '../output.ts';
import type { Ended } from './processes.ts';

/** Lines are padded to this, so that times stand below each other. */
const TEXT_COLUMNS = 100;

/** Something came out otherwise than it must. */
export class Surprise extends Error {
  readonly expected: string;
  readonly seen: Ended | undefined;

  constructor(expected: string, seen?: Ended) {
    super(`expected ${expected}`);
    this.name = 'Surprise';
    this.expected = expected;
    this.seen = seen;
  }
}

/** What a step found out. */
export interface Finding {
  readonly text: string;
  /** For `--json`. */
  readonly data?: Record<string, unknown>;
}

export class Report {
  readonly #output: Output;
  readonly #now: () => number;
  readonly #startedAt: number;
  #steps = 0;

  constructor(output: Output, now: () => number) {
    this.#output = output;
    this.#now = now;
    this.#startedAt = now();
  }

  /** Plays one step and tells of it. Rethrows whatever it throws, told as a failure unless the demo was cancelled. */
  async step<T extends Finding>(name: string, play: () => Promise<T>): Promise<T> {
    const startedAt = this.#now();
    this.#steps += 1;
    try {
      const finding = await play();
      const elapsedMs = this.#now() - startedAt;
      this.#output.print({ step: name, ok: true, elapsedMs, text: finding.text, ...finding.data }, [
        `✓ ${finding.text.padEnd(TEXT_COLUMNS)} ${duration(elapsedMs).padStart(8)}`,
      ]);
      return finding;
    } catch (thrown) {
      const elapsedMs = this.#now() - startedAt;
      if (!isCancelled(thrown)) this.#failed(name, elapsedMs, thrown);
      throw thrown;
    }
  }

  summary(lines: readonly string[], data: Record<string, unknown>): void {
    const elapsedMs = this.#now() - this.#startedAt;
    this.#output.print({ step: 'summary', ok: true, steps: this.#steps, elapsedMs, ...data }, [
      '',
      `All ${this.#steps} steps came out as they must, in ${duration(elapsedMs)}.`,
      ...lines,
    ]);
  }

  #failed(name: string, elapsedMs: number, thrown: unknown): void {
    const seen = thrown instanceof Surprise ? thrown.seen : undefined;
    const expected = thrown instanceof Surprise ? thrown.expected : 'no error';
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    this.#output.print({ step: name, ok: false, elapsedMs, expected, message, seen: seen ?? null }, [
      `✗ ${name}: ${message}`,
      ...(seen
        ? [
            `  $ ${seen.command}`,
            `  exit ${seen.exit ?? 'by a signal'}`,
            ...indented(seen.stdout),
            ...indented(seen.stderr),
          ]
        : []),
    ]);
  }
}

function isCancelled(thrown: unknown): boolean {
  const error: AppError = toAppError(thrown);
  return error.code === 'program/cancelled';
}

function indented(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `  | ${line}`);
}

/** `412 ms`, `3.1 s`. */
function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
