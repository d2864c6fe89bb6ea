/** Measures load between its own calls. */
export interface CpuMeter {
  /** Share of the available processor time used since the call before, 0 to 100; `undefined` at the first call. */
  sample(): number | undefined;
}

export function systemCpuMeter(): CpuMeter {
  return { sample: () => undefined };
}
