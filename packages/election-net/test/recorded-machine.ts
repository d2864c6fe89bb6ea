import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CpuSources } from '../src/cpu-sources.ts';

export type Moment = 'first' | 'second';

/** A machine as recorded, at either of two moments; see `recorded/README.md`. */
export class RecordedMachine implements CpuSources {
  moment: Moment = 'first';
  /** Takes precedence over what was recorded; `undefined` for a file that can't be read. */
  readonly changed = new Map<string, string | undefined>();
  /** Added to the recorded time. */
  laterMs = 0;
  delayMs = 0;
  readonly eventLoop = { takeDelayMs: () => this.delayMs, close: () => undefined };
  readonly #folder: string;

  constructor(name: string) {
    this.#folder = fileURLToPath(new URL(`recorded/${name}`, import.meta.url));
  }

  read(path: string): string | undefined {
    if (this.changed.has(path)) return this.changed.get(path);
    return this.#file(`/${this.moment}${path}`) ?? this.#file(path);
  }

  cpus(): ReturnType<CpuSources['cpus']> {
    return [{ times: { user: 100, idle: 900 } }];
  }

  now(): number {
    return this.laterMs + (this.moment === 'first' ? 0 : Number(this.#file('/elapsed-ms') ?? 0));
  }

  #file(path: string): string | undefined {
    return existsSync(this.#folder + path) ? readFileSync(this.#folder + path, 'utf8') : undefined;
  }
}
