/** Assumed until the first sample. */
const LOAD_PERCENT_UNKNOWN = 50;
/** Samples it takes for a change of load to count half. */
const HALF_LIFE_SAMPLES = 10;
const SMOOTHING = 1 - 2 ** (-1 / HALF_LIFE_SAMPLES);

/** Points of CPU that count as the same load, so that ranks don't flicker (rule 2). */
const BUCKET_POINTS = 5;

/** This node's load, smoothed: an exponentially weighted mean over samples that come at a steady pace. */
export class LoadMeter {
  #percent = LOAD_PERCENT_UNKNOWN;
  #sampled = false;

  get percent(): number {
    return this.#percent;
  }

  /** Takes in one sample; values outside 0 to 100 are clipped. */
  add(samplePercent: number): void {
    const sample = Math.min(100, Math.max(0, samplePercent));
    this.#percent = this.#sampled ? this.#percent + SMOOTHING * (sample - this.#percent) : sample;
    this.#sampled = true;
  }
}

export interface Load {
  readonly id: string;
  readonly cpuPercent: number;
}

/** Orders by load in coarse steps, ties by address: negative when `a` is the idler. */
export function compareLoad(a: Load, b: Load): number {
  const steps = Math.round(a.cpuPercent / BUCKET_POINTS) - Math.round(b.cpuPercent / BUCKET_POINTS);
  if (steps !== 0) return steps;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}
