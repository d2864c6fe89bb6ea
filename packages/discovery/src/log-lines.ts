/** What the server says while it runs: one line per event, for people or for programs. */

import { AppError, LOG_TEXT_CHARS_MAX } from '@cloud-steg/protocol';
import type { Log } from './ports.ts';

type Level = Parameters<Log>[0];
type Fields = Parameters<Log>[2];

/** For events that bring a sentence of their own. */
const told = ({ message, hint }: Fields) =>
  `${String(message)}${typeof hint === 'string' ? `; ${hint}` : ''}`;

/** Sentences for the events an operator waits for; everything else is shown as it is. */
const SENTENCES: Readonly<Record<string, (fields: Fields) => string>> = {
  listening: ({ url, node }) => `listening on ${String(url)}, node ${String(node)}`,
  leading: ({ term }) => `leader since term ${String(term)}`,
  following: ({ leader }) => `following ${String(leader)}`,
  'no-leader': () => 'no leader known: waiting for an election',
  stopping: ({ signal }) => `stopping on ${String(signal)}`,
  stopped: () => 'stopped',
  'store.writer-ended': told,
  'store.waiting': told,
  'store.log-grows': told,
  'store.unregistered': told,
  'store.untidy': told,
};

export interface LogOptions {
  /** Newline-delimited JSON instead of text. */
  readonly json: boolean;
  /** Leaves out what is less important. */
  readonly level: Level;
  readonly now: () => number;
  readonly write: (line: string) => void;
}

const RANK: Record<Level, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * A log that writes lines. Fields and errors may hold whatever a stranger has sent: they stay within quotes and
 * within their line, and no character of theirs reaches a terminal that isn't one to be seen.
 */
export function lineLog({ json, level: lowest, now, write }: LogOptions): Log {
  return (level, event, fields) => {
    if (RANK[level] < RANK[lowest]) return;
    if (json) {
      const at = new Date(now()).toISOString();
      write(visible(JSON.stringify({ at, level, event, ...jsonFields(fields) })));
      return;
    }
    const sentence = SENTENCES[event]?.(fields) ?? [event, ...wordsOf(fields)].join(' ');
    write(visible(level === 'info' || level === 'debug' ? sentence : `${level}: ${sentence}`));
  };
}

/** Controls, format characters (they turn the direction of text) and separators of lines, as JSON escapes them. */
function visible(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, i) => {
      const unit = character.charCodeAt(i).toString(16);
      return `\\u${unit.padStart(4, '0')}`;
    }).join(''),
  );
}

/** Errors have no JSON of their own. */
function jsonFields(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error
        ? { ...codeOf(value), message: clip(value.message), stack: clip(value.stack ?? '') }
        : clipped(value),
    ]),
  );
}

function wordsOf(fields: Fields): string[] {
  return Object.entries(fields).map(
    ([name, value]) =>
      `${name}=${JSON.stringify(value instanceof Error ? clip(describe(value)) : clipped(value))}`,
  );
}

/** With the causes, innermost last; the stack only of what nobody expected. */
function describe(error: Error): string {
  const expected = error instanceof AppError && error.code !== 'program/bug';
  const own = expected ? `${error.code}: ${error.message}` : (error.stack ?? error.message);
  return error.cause instanceof Error ? `${own} (because ${describe(error.cause)})` : own;
}

function codeOf(error: Error): { code?: string } {
  return error instanceof AppError ? { code: error.code } : {};
}

function clipped(value: unknown): unknown {
  return typeof value === 'string' ? clip(value) : value;
}

function clip(text: string): string {
  return text.length > LOG_TEXT_CHARS_MAX ? `${text.slice(0, LOG_TEXT_CHARS_MAX)}…` : text;
}
