/**
 * Slow twin of the orders: `docs/carrier-format.md`, "Orders", word for word, one sample at a time.
 */

import type { Keystream } from '../../src/index.ts';

function u32(keystream: Keystream): bigint {
  const bytes = new Uint8Array(4);
  keystream(bytes);
  return bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
}

function permutation(keystream: Keystream, size: number): number[] {
  const order = Array.from({ length: size }, (_, i) => i);
  for (let i = size - 1; i > 0; i--) {
    const j = Number((u32(keystream) * BigInt(i + 1)) >> 32n);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
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
  const blocks = permutation(headerStream, columns).map((n) => usable[n] as number);
  const turns = blocks.map(() => Number(u32(headerStream)));
  const directions = new Uint8Array(8192);
  headerStream(directions);
  const position = (row: number, column: number) => {
    const turn = turns[column] as number;
    const rotation = turn % 4096;
    const xor = Math.floor(turn / 4096) % 4096;
    return (blocks[column] as number) * 4096 + ((table[(row + rotation) % 4096] as number) ^ xor);
  };

  const rows = permutation(bodyStream, bodyRows);
  const slots = permutation(bodyStream, columns);
  const starts = slots.map(() => Number((u32(bodyStream) * BigInt(bodyRows)) >> 32n));
  return {
    headerPosition: (k) => position(Math.floor(k / columns), k % columns),
    direction: (k) => ((directions[Math.floor(k / 8)] as number) >> (k % 8)) & 1,
    bodyPosition: (k) => {
      const slot = k % columns;
      const row = (Math.floor(k / columns) + (starts[slot] as number)) % bodyRows;
      return position(headerRows + (rows[row] as number), slots[slot] as number);
    },
  };
}

/** Bit `k` of packed bytes, LSB first. */
export function bitOf(bytes: Uint8Array, k: number): number {
  return ((bytes[Math.floor(k / 8)] ?? 0) >> (k % 8)) & 1;
}
