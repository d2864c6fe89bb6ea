/** Timing by the median of several runs: this is for comparing rows of one run, on one machine, with each other. */

export interface Timing {
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
}

/** Runs `work` once to warm up, then `runs` times. */
export async function time(runs: number, work: () => Promise<unknown>): Promise<Timing> {
  await work();
  const samples: number[] = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await work();
    samples.push(performance.now() - start);
  }
  return timingOf(samples);
}

/** Of milliseconds that were measured elsewhere. */
export function timingOf(samples: readonly number[]): Timing {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    medianMs: sorted[sorted.length >> 1] ?? Number.NaN,
    minMs: sorted[0] ?? Number.NaN,
    maxMs: sorted.at(-1) ?? Number.NaN,
  };
}

/** `    412 ms (398-455)` */
export function show({ medianMs, minMs, maxMs }: Timing): string {
  return `${medianMs.toFixed(0).padStart(6)} ms (${minMs.toFixed(0)}-${maxMs.toFixed(0)})`;
}
