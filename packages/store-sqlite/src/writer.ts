/** Where the writing happens: in the caller's thread, or in one of its own. */

import type { Term } from '@cloud-steg/protocol';
import type { Commit, CommitResult } from '@cloud-steg/store';
import type { SqliteWriter } from './sqlite-writer.ts';

/** The calls of a {@link SqliteWriter}, answered in order. */
export interface Writer {
  warmUp(): Promise<boolean>;
  claimTerm(term: Term, leader: string): Promise<boolean>;
  commit(commit: Commit): Promise<CommitResult>;
  eraseRemnants(): Promise<void>;
  /** Waits for the calls before it. */
  close(): Promise<void>;
}

/** Writes in the caller's thread, which stands still for each sync of the disk: for command lines and tests. */
export class InlineWriter implements Writer {
  readonly #writer: SqliteWriter;

  constructor(writer: SqliteWriter) {
    this.#writer = writer;
  }

  async warmUp(): Promise<boolean> {
    return this.#writer.warmUp();
  }

  async claimTerm(term: Term, leader: string): Promise<boolean> {
    const granted = this.#writer.claimTerm(term, leader);
    this.#writer.tidy();
    return granted;
  }

  async commit(commit: Commit): Promise<CommitResult> {
    const result = this.#writer.commit(commit);
    this.#writer.tidy();
    return result;
  }

  async eraseRemnants(): Promise<void> {
    this.#writer.eraseRemnants();
  }

  async close(): Promise<void> {
    this.#writer.close();
  }
}
