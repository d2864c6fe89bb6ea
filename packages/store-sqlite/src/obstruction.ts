/** Gets a lock of the store out of the hands of a deposed leader that can't let go of it. */

import type { Term } from '@cloud-steg/protocol';
import { judge, suspectOf, type Verdict } from './deposed-writer.ts';
import { holdersOf, type LockHolder, type StoreLock } from './file-locks.ts';
import type { ProcessTable } from './process-table.ts';
import type { StoreLog } from './store-log.ts';

/** Who holds a lock, and what became of that. */
export interface Obstruction {
  /** Undefined where it can't be seen: another namespace, another system, or it has just let go. */
  pid: number | undefined;
  /** Whether it was ended just now. */
  ended: boolean;
  /** A clause for people. */
  what: string;
}

/**
 * One wait for `locks` on the store at `path`, in the name of `term`. Ends the process that holds one, if
 * `deposed-writer.ts` allows; each process once.
 */
export class ObstructionWatch {
  readonly #path: string;
  readonly #locks: readonly StoreLock[];
  readonly #processes: ProcessTable;
  readonly #log: StoreLog;
  readonly #ended = new Set<number>();
  #seen: { pid: number; version: number; sinceMs: number } | undefined;

  constructor(path: string, locks: readonly StoreLock[], processes: ProcessTable, log: StoreLog) {
    this.#path = path;
    this.#locks = locks;
    this.#processes = processes;
    this.#log = log;
  }

  /** `version` differs from that of the look before when something was committed since. */
  look(term: Term | undefined, version: number, nowMs: number): Obstruction {
    const holder = this.#holder();
    if (!holder) {
      this.#seen = undefined;
      return { pid: undefined, ended: false, what: 'which one can’t be seen from here' };
    }
    if (this.#seen?.pid !== holder.pid || this.#seen.version !== version) {
      this.#seen = { pid: holder.pid, version, sinceMs: nowMs };
    }
    const { pid } = holder;
    if (this.#ended.has(pid))
      return {
        pid,
        ended: false,
        what: 'it was ended, but goes only once its control group is thawed or its disk has answered',
      };
    const what = this.#confront(holder, term, nowMs - this.#seen.sinceMs);
    return { pid, ended: this.#ended.has(pid), what };
  }

  #holder(): LockHolder | undefined {
    return holdersOf(this.#path, this.#locks)[0];
  }

  #confront(holder: LockHolder, term: Term | undefined, heldMs: number): string {
    const verdict = this.#judge(holder, term, heldMs);
    if (verdict.kind === 'spare') return `it is not ended: ${verdict.why}`;
    // Once more, as late as can be: Node has no handle (pidfd) by which to end a process and never its successor in number.
    const now = this.#holder();
    const last = now?.pid === holder.pid ? this.#judge(now, term, heldMs) : undefined;
    return last?.kind === 'end' ? this.#end(holder.pid, last, term) : 'it has let go meanwhile';
  }

  #judge(holder: LockHolder, term: Term | undefined, heldMs: number): Verdict {
    return judge(suspectOf(this.#path, holder, this.#processes), this.#processes.self, term, heldMs);
  }

  #end(pid: number, { note, why }: Verdict & { kind: 'end' }, term: Term | undefined): string {
    try {
      this.#processes.end(pid);
    } catch (error) {
      return `it can’t be ended: ${(error as Error).message}`;
    }
    this.#ended.add(pid);
    this.#log('warn', 'store.writer-ended', {
      message: `ended process ${pid}, the server ${note.node} that led term ${note.term}: it ${why} while it held the lock on ${this.#path}, which term ${term} needs`,
      hint: 'start that server again when it is fit to run',
      pid,
      node: note.node,
      term: note.term,
    });
    return 'it was ended';
  }
}
