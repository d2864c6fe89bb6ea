import { AppError } from '@cloud-steg/protocol';

const LINE_FEED = 0x0a;

/** Cuts a byte stream into lines of bounded length. */
export class LineReader {
  #bytesMax: number;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  /** `bytesMax`: the longest line accepted, without its line feed. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Lines that come from now on may have this length instead. */
  allow(bytesMax: number): void {
    this.#bytesMax = bytesMax;
  }

  /**
   * Takes bytes in and returns the lines that they complete, as UTF-8 text without line feeds.
   *
   * @throws AppError `input/too-large` once a line is too long, complete or not.
   */
  push(bytes: Uint8Array): string[] {
    const lines: string[] = [];
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(LINE_FEED, start);
      this.#append(bytes.subarray(start, end === -1 ? undefined : end));
      if (end === -1) return lines;
      lines.push(this.#take());
      start = end + 1;
    }
  }

  #append(part: Uint8Array): void {
    this.#pendingBytes += part.length;
    if (this.#pendingBytes > this.#bytesMax) {
      throw new AppError('input/too-large', `line of over ${this.#bytesMax} bytes`);
    }
    if (part.length > 0) this.#pending.push(part);
  }

  #take(): string {
    const line = Buffer.concat(this.#pending).toString('utf8');
    this.#pending = [];
    this.#pendingBytes = 0;
    return line;
  }
}
