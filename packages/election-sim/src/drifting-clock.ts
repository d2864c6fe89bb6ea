/** A node's monotonic clock: begins anywhere, and runs a little fast or slow. */
export class DriftingClock {
  #readingAt = 0;
  #reading = 0;
  #rate = 1;

  /** Begins anew, as after a reboot. */
  start(now: number, reading: number, rate: number): void {
    this.#readingAt = now;
    this.#reading = reading;
    this.#rate = rate;
  }

  /** From true time `now` on. */
  changeRate(now: number, rate: number): void {
    this.start(now, this.read(now), rate);
  }

  /** What it shows at true time `now`. */
  read(now: number): number {
    return this.#reading + (now - this.#readingAt) * this.#rate;
  }

  /** The true time at which it will show `reading`. */
  trueTimeOf(reading: number): number {
    return this.#readingAt + (reading - this.#reading) / this.#rate;
  }
}
