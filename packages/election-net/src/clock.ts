/** Monotonic time and timers, so that tests can bring their own. */
export interface Clock {
  /** Milliseconds, never set back; the zero is arbitrary. */
  now(): number;
  /** Calls `run` once, `ms` from now or a little later; the function returned prevents it. */
  after(ms: number, run: () => void): () => void;
}

/** This process's own clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.ceil(ms));
    return () => clearTimeout(timer);
  },
};
