/** What the demo demands of its commands. */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Ended } from './processes.ts';
import { Surprise } from './report.ts';

export type Json = Readonly<Record<string, unknown>>;

/** The JSON of a command that must succeed. */
export async function succeeds(running: Promise<Ended>): Promise<{ json: Json; ended: Ended }> {
  return exits(running, 0);
}

/** The JSON of a command that must end with this code. */
async function exits(running: Promise<Ended>, exit: number): Promise<{ json: Json; ended: Ended }> {
  const ended = await running;
  if (ended.exit !== exit) throw new Surprise(`exit ${exit}`, ended);
  try {
    return { json: JSON.parse(ended.stdout) as Json, ended };
  } catch {
    throw new Surprise('one JSON object', ended);
  }
}

/** The error's message of a command that must be refused with this code. */
export async function refused(running: Promise<Ended>, exit: number): Promise<string> {
  const { json, ended } = await exits(running, exit);
  const error = json['error'] as Json | undefined;
  if (typeof error?.['message'] !== 'string') throw new Surprise('an error object', ended);
  return error['message'];
}

export function demand(condition: boolean, expected: string, seen?: Ended): asserts condition {
  if (!condition) throw new Surprise(expected, seen);
}

export function textIn(json: Json, name: string): string {
  const value = json[name];
  demand(typeof value === 'string', `a text ${name}`);
  return value;
}

export function numberIn(json: Json, name: string): number {
  const value = json[name];
  demand(typeof value === 'number', `a number ${name}`);
  return value;
}

export function listIn(json: Json, name: string): readonly Json[] {
  const value = json[name];
  demand(Array.isArray(value), `a list ${name}`);
  return value as readonly Json[];
}

/** Two files of the same bytes; their length. */
export async function sameBytes(one: string, other: string): Promise<number> {
  const [a, b] = await Promise.all([readFile(one), readFile(other)]);
  demand(a.equals(b), `${one} to be byte for byte ${other}`);
  return a.length;
}

export function isGone(path: string): void {
  demand(!existsSync(path), `${path} to be deleted`);
}
