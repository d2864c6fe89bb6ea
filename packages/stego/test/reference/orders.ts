/**
 * Slow twin of the orders: `docs/carrier-format.md`, "Orders", word for word, one sample at a time.
 */

import type { Keystream } from '../../src/index.ts';

function at(list: ArrayLike<number>, index: number): number {
  const value = list[index];
  if (value === undefined) throw new RangeError(`nothing at ${index} of ${list.length}`);
  return value;
}

function u32(keystream: Keystream): bigint {
  const bytes = new Uint8Array(4);
  keystream(bytes);
  return bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
}

function permutation(keystream: Keystream, size: number): number[] {
  const order = Array.from({ length: size }, (_, i) => i);
  for (let i = size - 1; i > 0; i--) {
    const j = Number((u32(keystream) * BigInt(i + 1)) >> 32n);
    [order[i], order[j]] = [at(order, j), at(order, i)];
  }
  return order;
}

export interface Orders {
  readonly headerPosition: (k: number) => number;
  readonly direction: (k: number) => number;
  readonly bodyPosition: (k: number) => number;
}

export function slowOrders(
  width: number,
  height: number,
  anchor: number,
  headerStream: Keystream,
  bodyStream: Keystream,
): Orders {
  const columns = Math.floor((3 * width * height) / 4096) - 1;
  const headerRows = Math.ceil(65_536 / columns);
  const bodyRows = 4096 - headerRows;
  const usable = Array.from({ length: columns + 1 }, (_, block) => block).filter((block) => block !== anchor);

  const table = permutation(headerStream, 4096);
  const blocks = permutation(headerStream, columns).map((n) => at(usable, n));
  const turns = blocks.map(() => Number(u32(headerStream)));
  const directions = new Uint8Array(8192);
  headerStream(directions);
  const position = (row: number, column: number) => {
    const turn = at(turns, column);
    const rotation = turn % 4096;
    const xor = Math.floor(turn / 4096) % 4096;
    return at(blocks, column) * 4096 + (at(table, (row + rotation) % 4096) ^ xor);
  };

  const rows = permutation(bodyStream, bodyRows);
  const slots = permutation(bodyStream, columns);
  const starts = slots.map(() => Number((u32(bodyStream) * BigInt(bodyRows)) >> 32n));
  return {
    headerPosition: (k) => position(Math.floor(k / columns), k % columns),
    direction: (k) => (at(directions, Math.floor(k / 8)) >> (k % 8)) & 1,
    bodyPosition: (k) => {
      const slot = k % columns;
      const row = (Math.floor(k / columns) + at(starts, slot)) % bodyRows;
      return position(headerRows + at(rows, row), at(slots, slot));
    },
  };
}

/** Bit `k` of packed bytes, LSB first. */
export function bitOf(bytes: Uint8Array, k: number): number {
  return ((bytes[Math.floor(k / 8)] ?? 0) >> (k % 8)) & 1;
}
