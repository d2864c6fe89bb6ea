/** Slow twins of the header's code: the parity-check matrix row by row, and Viterbi with whole paths. */

import { bitOf } from './orders.ts';

/** The column of sample `i` as the message bits it acts on. */
function rowsOf(columns: Uint8Array, messageBits: number): number[][] {
  const rows: number[][] = [];
  for (let k = 0; k < messageBits; k++) {
    const width = k % 3 === 2 ? columns.length : columns.length - 1;
    for (const column of columns.subarray(0, width))
      rows.push(
        [0, 1, 2, 3, 4, 5, 6, 7].filter((r) => (column >> r) & 1 && k + r < messageBits).map((r) => k + r),
      );
  }
  return rows;
}

/** Samples that a message of so many bits takes. */
export function samplesFor(columns: Uint8Array, messageBits: number): number {
  return rowsOf(columns, messageBits).length;
}

export function slowSyndrome(parities: Uint8Array, columns: Uint8Array, messageBytes: number): Uint8Array {
  const message = new Uint8Array(messageBytes);
  rowsOf(columns, messageBytes * 8).forEach((rows, i) => {
    if (parities[i] === 1)
      for (const row of rows) message[row >> 3] = (message[row >> 3] ?? 0) ^ (1 << (row & 7));
  });
  return message;
}

interface Path {
  readonly cost: number;
  readonly flips: readonly number[];
}

/** Samples to flip, ascending. Where two ways into a state cost the same, the one that doesn't flip. */
export function slowCheapestFlips(costs: Uint8Array, columns: Uint8Array, message: Uint8Array): number[] {
  let paths = new Map<number, Path>([[0, { cost: 0, flips: [] }]]);
  let sample = 0;
  for (let k = 0; k < message.length * 8; k++) {
    const width = k % 3 === 2 ? columns.length : columns.length - 1;
    for (const column of columns.subarray(0, width)) {
      const next = new Map(paths);
      for (const [state, { cost, flips }] of paths) {
        const flip = { cost: cost + (costs[sample] ?? 0), flips: [...flips, sample] };
        const present = paths.get(state ^ column);
        if (present === undefined || flip.cost < present.cost) next.set(state ^ column, flip);
      }
      paths = next;
      sample++;
    }
    paths = new Map(
      [...paths].filter(([s]) => (s & 1) === bitOf(message, k)).map(([s, path]) => [s >> 1, path]),
    );
  }
  const [best] = [...paths].sort(([s, a], [t, b]) => a.cost - b.cost || s - t);
  return [...(best?.[1].flips ?? [])];
}
