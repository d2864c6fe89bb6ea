/** Slow twins of a scene's development: stretching, and drawing one sample from an alias table. */

import { bitOf } from './orders.ts';

/** Mean level (12 bits) of every sample of row `y`, mixed in 8.8 fixed point, rows first. */
export function slowRow(
  scene: { width: number; height: number; codes: Uint16Array },
  width: number,
  height: number,
  y: number,
): number[] {
  const source = (at: number, size: number, sourceSize: number) => {
    const exact = Math.min(sourceSize - 1, Math.max(0, ((at + 0.5) * sourceSize) / size - 0.5));
    const low = Math.floor(exact);
    return { low, high: Math.min(low + 1, sourceSize - 1), share: Math.round((exact - low) * 256) };
  };
  const mix = (a: number, b: number, share: number) => Math.floor((a * (256 - share) + b * share) / 256);
  const down = source(y, height, scene.height);
  const code = (x: number, row: number, channel: number) =>
    scene.codes[(row * scene.width + x) * 3 + channel] ?? 0;
  return Array.from({ length: 3 * width }, (_, i) => {
    const across = source(Math.floor(i / 3), width, scene.width);
    const left = mix(code(across.low, down.low, i % 3), code(across.low, down.high, i % 3), down.share);
    const right = mix(code(across.high, down.low, i % 3), code(across.high, down.high, i % 3), down.share);
    return Math.floor(mix(left, right, across.share) / 16);
  });
}

/** One sample: column by the draw's low 4 bits, own value or alias by its high 20. */
export function slowDraw(table: Uint32Array, level: number, parity: number, draw: number): number {
  const own = draw % 16;
  const packed = table[level * 32 + parity * 16 + own] ?? 0;
  const threshold = Math.floor(packed / 4096);
  const column = Math.floor(draw / 4096) < threshold ? own : Math.floor(packed / 256) % 16;
  return (packed % 256) + 2 * column;
}

/** Probability of each code value under the tables of one level and parity, by all that can be drawn. */
export function tableShares(table: Uint32Array, level: number, parity: number): Map<number, number> {
  const shares = new Map<number, number>();
  for (let own = 0; own < 16; own++) {
    const packed = table[level * 32 + parity * 16 + own] ?? 0;
    const kept = Math.floor(packed / 4096) / 2 ** 20;
    const first = packed % 256;
    const alias = first + 2 * (Math.floor(packed / 256) % 16);
    shares.set(first + 2 * own, (shares.get(first + 2 * own) ?? 0) + kept / 16);
    shares.set(alias, (shares.get(alias) ?? 0) + (1 - kept) / 16);
  }
  return shares;
}

/** Parity of each sample a packed plane asks for. */
export function planeBits(plane: Uint8Array, count: number): number[] {
  return Array.from({ length: count }, (_, k) => bitOf(plane, k));
}
