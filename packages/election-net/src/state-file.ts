import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DurableState, type NodeId } from '@cloud-steg/election';
import { AppError, ELECTION_STATE_BYTES_MAX } from '@cloud-steg/protocol';

/**
 * A node's term and vote on disk: `nodes/<address>/state.json` below `DATA_DIR`, JSON of `node`, `state` and
 * `sha256`, the digest over the other two.
 *
 * Reading and writing are synchronous on purpose: nothing else may happen in the node before a vote is durable,
 * and it happens only when an election does.
 */
export class StateFile {
  readonly path: string;
  readonly #dataDir: string;
  readonly #id: NodeId;

  constructor(dataDir: string, id: NodeId) {
    this.#dataDir = dataDir;
    this.#id = id;
    this.path = join(dataDir, 'nodes', id.replaceAll(/[^A-Za-z0-9.-]/g, '_'), 'state.json');
  }

  /**
   * What was saved last; `undefined` if nothing ever was.
   *
   * @throws AppError `server/state-damaged` for anything but a whole file of this very node: to start without
   *   it would be to forget a vote.
   */
  load(): DurableState | undefined {
    let text: string;
    try {
      if (statSync(this.path).size > ELECTION_STATE_BYTES_MAX) throw this.#damaged('is too large');
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error instanceof AppError ? error : this.#damaged(`cannot be read${reasonOf(error)}`, error);
    }
    return this.#parse(text);
  }

  /**
   * Tries whether {@link save} would work, so that a full or read-only disk is found out now rather than at an election.
   *
   * @throws AppError `server/state-damaged`.
   */
  requireWritable(): void {
    this.#writing(() => rmSync(this.#writeBeside(' '.repeat(ELECTION_STATE_BYTES_MAX))));
  }

  /**
   * Replaces the file. Once this returns, `state` survives a power cut.
   *
   * @throws AppError `server/state-damaged`; either state may then be on disk.
   */
  save(state: DurableState): void {
    this.#writing(() => {
      const content = JSON.stringify({ node: this.#id, state, sha256: digest(this.#id, state) });
      renameSync(this.#writeBeside(`${content}\n`), this.path);
      syncDirectory(dirname(this.path));
    });
  }

  #writing(write: () => void): void {
    try {
      write();
    } catch (cause) {
      throw new AppError('server/state-damaged', `${this.path} cannot be written${reasonOf(cause)}`, {
        hint: 'make room on the disk or see to its permissions: without it, this server must not vote',
        data: { path: this.path },
        cause,
      });
    }
  }

  /** Makes `content` durable in a file next to the real one, and returns that file's path. */
  #writeBeside(content: string): string {
    const dir = dirname(this.path);
    if (mkdirSync(dir, { recursive: true, mode: 0o700 }) !== undefined) {
      syncDirectory(dirname(dir));
      syncDirectory(this.#dataDir);
    }
    const temporary = `${this.path}.tmp`;
    const file = openSync(temporary, 'w', 0o600);
    try {
      writeSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    return temporary;
  }

  #parse(text: string): DurableState {
    let content: unknown;
    try {
      content = JSON.parse(text);
    } catch (cause) {
      throw this.#damaged('is cut off or garbled', cause);
    }
    const { node, state, sha256 } = Object(content) as Record<string, unknown>;
    const parsed = DurableState.safeParse(state);
    if (typeof node !== 'string' || !parsed.success || sha256 !== digest(node, parsed.data)) {
      throw this.#damaged('is garbled');
    }
    if (node !== this.#id) throw this.#damaged(`belongs to ${node}, not to ${this.#id}`);
    return parsed.data;
  }

  #damaged(how: string, cause?: unknown): AppError {
    return new AppError('server/state-damaged', `${this.path} ${how}`, {
      hint:
        'it holds this server’s vote, which no backup and no other server’s file can replace: start all other servers, ' +
        'delete this file, then start this one, which asks them for their terms before it votes',
      data: { path: this.path },
      cause,
    });
  }
}

function digest(node: NodeId, { term, votedFor, recovering }: DurableState): string {
  return createHash('sha256')
    .update(JSON.stringify([node, term, votedFor, recovering]))
    .digest('hex');
}

/** Makes durable what was made or renamed in `dir`. */
function syncDirectory(dir: string): void {
  const handle = openSync(dir, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** What the system calls it, such as ` (ENOSPC)`. */
function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
