import { closeSync, openSync, readSync } from 'node:fs';

/**
 * The file's text, or undefined where it can't be read or has more than `bytesMax` bytes. For files of `/proc`, whose
 * size is known only when they are read. Never for the store's own: closing one drops SQLite's locks on it.
 */
export function readBounded(path: string, bytesMax: number): string | undefined {
  try {
    const descriptor = openSync(path, 'r');
    try {
      return readAll(descriptor, bytesMax);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined;
  }
}

function readAll(descriptor: number, bytesMax: number): string | undefined {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, bytesMax + 1 - total));
    const bytes = readSync(descriptor, chunk);
    if (bytes === 0) return Buffer.concat(chunks).toString();
    total += bytes;
    if (total > bytesMax) return undefined;
    chunks.push(chunk.subarray(0, bytes));
  }
}

const CHUNK_BYTES = 64 * 1024;
