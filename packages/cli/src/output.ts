/** What a command says: data on stdout, as text or JSON, and talk on stderr. */

import type { Log } from '@cloud-steg/peer';
import { type AppError, traitsOf } from '@cloud-steg/protocol';
import type { Sink } from './shell.ts';
import { printable } from './wording.ts';

export interface OutputStyle {
  /** One JSON object a result, on stdout; no talk. */
  readonly json: boolean;
  /** No talk. */
  readonly quiet: boolean;
  /** Logs of every level, and stacks. */
  readonly verbose: boolean;
  readonly color: boolean;
}

/** Every line passes `printable` here, so no caller can forget that names and messages come from other people. */
export class Output {
  readonly style: OutputStyle;
  readonly #stdout: Sink;
  readonly #stderr: Sink;

  constructor(stdout: Sink, stderr: Sink, style: OutputStyle) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.style = style;
  }

  /** A result, or one event of a command that stays: `data` with `--json`, else `lines`. */
  print(data: object, lines: readonly string[]): void {
    if (this.style.json) this.#stdout.write(`${jsonLine(data)}\n`);
    else for (const line of lines) this.#stdout.write(`${printable(line)}\n`);
  }

  /** Hints, progress, what to do next. */
  note(...lines: readonly string[]): void {
    if (this.style.json || this.style.quiet) return;
    for (const line of lines) this.#stderr.write(`${printable(line)}\n`);
  }

  /** `error:` and `hint:` on stderr; with `--json` one object on stdout, like every other result. */
  error(error: AppError): void {
    if (this.style.json) {
      this.#stdout.write(`${jsonLine({ error: errorJson(error) })}\n`);
    } else {
      this.#stderr.write(`${this.#emphasis('error:')} ${printable(error.message)}\n`);
      if (error.hint !== undefined) this.#stderr.write(`hint: ${printable(error.hint)}\n`);
    }
    if (error.code !== 'program/bug') return;
    if (this.style.verbose) {
      for (const line of stackOf(error).split('\n')) this.#stderr.write(`${printable(line)}\n`);
    } else if (!this.style.json) this.#stderr.write('note: add --verbose to see where it happened\n');
  }

  /** A log for the peer: warnings always, the rest with `--verbose`. */
  readonly log: Log = (level, event, fields = {}) => {
    if (!this.style.verbose && (this.style.quiet || level === 'debug' || level === 'info')) return;
    const shown = Object.entries(fields).map(([name, value]) => ` ${name}=${jsonLine(value)}`);
    this.#stderr.write(printable(`${level}: ${event}${shown.join('')}`) + '\n');
  };

  /** Bytes for the terminal itself, such as a picture in its own protocol. */
  raw(text: string): void {
    this.#stdout.write(text);
  }

  #emphasis(text: string): string {
    return this.style.color && this.#stderr.isTty ? `\u001b[1;31m${text}\u001b[0m` : text;
  }
}

/** The error as `--json` shows it. */
function errorJson(error: AppError) {
  return {
    code: error.code,
    message: error.message,
    hint: error.hint ?? null,
    data: error.data,
    exit: traitsOf(error.code).exit,
  };
}

/** JSON in one line that no terminal can mistake for commands: what `JSON.stringify` leaves of control characters is escaped. */
export function jsonLine(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function stackOf(error: AppError): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  return cause.stack ?? String(cause);
}
