// The quota of a group: so much CPU time a period, for all of its processes together. When it is
// used up they wait for the next period. With a burst, what was not used may be used later.
// Source: Linux, scheduler/sched-bwc.rst.

export interface BandwidthLimits {
  /** Infinite: none. */
  readonly quotaMs: number;
  readonly periodMs: number;
  readonly burstMs: number;
}

/** Time below this is rounding. */
const NOTHING_MS = 1e-6;

export class Bandwidth {
  #limits: BandwidthLimits = { quotaMs: Number.POSITIVE_INFINITY, periodMs: 100, burstMs: 0 };
  #beganMs = 0;
  #usedMs = 0;
  /** Unused time of earlier periods that may be used in this one. */
  #carriedMs = 0;
  #throttledSinceMs: number | undefined;
  running = false;
  /** On how many CPUs its processes would run, and how much of them they get now. */
  wanting = 0;
  rate = 0;

  /** nr_periods, nr_throttled, nr_bursts of cpu.stat. */
  periods = 0;
  throttledPeriods = 0;
  bursts = 0;
  throttledMs = 0;
  burstMs = 0;

  get limited(): boolean {
    return this.#limits.quotaMs !== Number.POSITIVE_INFINITY;
  }
  get throttled(): boolean {
    return this.#throttledSinceMs !== undefined;
  }

  /** A write into one of its files: what was used counts no more. */
  configure(nowMs: number, limits: BandwidthLimits): void {
    const { quotaMs, periodMs, burstMs } = this.#limits;
    const same =
      quotaMs === limits.quotaMs && periodMs === limits.periodMs && burstMs === limits.burstMs;
    if (same) return;
    this.#limits = limits;
    this.#unthrottle(nowMs);
    this.#beganMs = nowMs;
    this.#usedMs = 0;
    this.#carriedMs = 0;
    if (!this.limited) this.running = false;
  }

  /** Somebody wants to run: periods begin to pass. */
  begin(nowMs: number): void {
    if (this.running) return;
    this.running = true;
    this.#beganMs = nowMs;
    this.#usedMs = 0;
    this.wanting = 0;
  }

  use(amountMs: number): void {
    if (this.limited) this.#usedMs += amountMs;
  }

  get #availableMs(): number {
    return this.#limits.quotaMs + this.#carriedMs - this.#usedMs;
  }

  /** Ends the periods that are over. With nobody there that is done when somebody looks. */
  pass(nowMs: number): void {
    const { periodMs } = this.#limits;
    while (this.running && nowMs - this.#beganMs >= periodMs - NOTHING_MS) {
      this.#beganMs += periodMs;
      this.#endPeriod(this.#beganMs);
    }
  }

  /** Holds back who has used up this period and wants more. */
  throttle(nowMs: number): void {
    if (this.throttled || this.wanting === 0 || this.#availableMs > NOTHING_MS) return;
    this.#throttledSinceMs = nowMs;
  }

  /** A whole period in which nobody ran is the last one. */
  #endPeriod(atMs: number): void {
    const { quotaMs, burstMs } = this.#limits;
    const idle = this.#usedMs === 0 && !this.throttled;
    this.periods++;
    if (this.throttled) this.throttledPeriods++;
    const beyondMs = this.#usedMs - quotaMs;
    if (beyondMs > NOTHING_MS) {
      this.bursts++;
      this.burstMs += beyondMs;
    }
    this.#carriedMs = Math.min(burstMs, Math.max(0, this.#availableMs));
    this.#usedMs = 0;
    this.#unthrottle(atMs);
    if (idle) this.running = false;
  }

  #unthrottle(nowMs: number): void {
    if (this.#throttledSinceMs === undefined) return;
    this.throttledMs += (nowMs - this.#throttledSinceMs) * Math.max(1, this.wanting);
    this.#throttledSinceMs = undefined;
  }

  /** Milliseconds until the period ends or, at the present rate, is used up. */
  untilDueMs(nowMs: number): number {
    if (!this.running || this.wanting === 0) return Number.POSITIVE_INFINITY;
    const endMs = this.#beganMs + this.#limits.periodMs - nowMs;
    return this.rate > 0 && !this.throttled
      ? Math.min(endMs, this.#availableMs / this.rate)
      : endMs;
  }
}
