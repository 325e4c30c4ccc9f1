import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";

interface Sleeper {
  readonly wakesAtMs: number;
  readonly wake: () => void;
}

/** Time that stands still until `advance` moves it. Starts at `epochMs`, the same in every run. */
export class SimulatedClock implements Clock {
  readonly #epochMs: number;
  #elapsedMs = 0;
  /** By waking time, then by the order in which they fell asleep. */
  readonly #sleepers: Sleeper[] = [];

  constructor(epochMs = 1_750_000_000_000) {
    this.#epochMs = epochMs;
  }

  nowMs(): number {
    return this.#epochMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const interrupt = (): void => {
        const at = this.#sleepers.indexOf(sleeper);
        if (at >= 0) this.#sleepers.splice(at, 1);
        reject(
          new NacreError("interrupted", "interrupted while waiting", { cause: signal?.reason }),
        );
      };
      const sleeper: Sleeper = {
        wakesAtMs: this.#elapsedMs + Math.max(0, delayMs),
        wake: () => {
          signal?.removeEventListener("abort", interrupt);
          resolve();
        },
      };
      if (signal?.aborted) {
        interrupt();
        return;
      }
      signal?.addEventListener("abort", interrupt, { once: true });
      const later = this.#sleepers.findIndex((other) => other.wakesAtMs > sleeper.wakesAtMs);
      this.#sleepers.splice(later < 0 ? this.#sleepers.length : later, 0, sleeper);
    });
  }

  /** How many wait for time to pass. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  /** What waits for something outside of the machine, which takes none of its time. */
  standDuring<T>(work: Promise<T>): Promise<T> {
    return work;
  }

  /** Lets as much time pass as the next sleeper sleeps; false if nobody does. */
  protected wakeNext(): boolean {
    const next = this.#sleepers.shift();
    if (!next) return false;
    this.#elapsedMs = Math.max(this.#elapsedMs, next.wakesAtMs);
    next.wake();
    return true;
  }

  /** Time that passes while somebody holds everybody up: sleepers that were due wake late. */
  pass(byMs: number): void {
    this.#elapsedMs += byMs;
  }

  /**
   * Lets `byMs` milliseconds pass. Sleepers wake in order, each at its own time; between two of
   * them promises that are ready run, so that one who sleeps again within the span wakes within it.
   */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#elapsedMs + byMs;
    for (;;) {
      const next = this.#sleepers[0];
      if (next === undefined || next.wakesAtMs > endMs) break;
      this.#sleepers.shift();
      this.#elapsedMs = Math.max(this.#elapsedMs, next.wakesAtMs);
      next.wake();
      await settled();
    }
    this.#elapsedMs = Math.max(this.#elapsedMs, endMs);
    await settled();
  }
}

/**
 * Time that passes by itself, but only while somebody waits for it (`passDuring`), and then without
 * taking any: when nothing is left that could run, it is the moment at which the next sleeper
 * wakes. `nextTurn` calls back once all promises that are ready have run.
 */
export class AutomaticClock extends SimulatedClock {
  readonly #nextTurn: (act: () => void) => void;
  #waiting = 0;
  #standing = 0;
  #armed = false;

  constructor(nextTurn: (act: () => void) => void, epochMs?: number) {
    super(epochMs);
    this.#nextTurn = nextTurn;
  }

  override sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    const sleeping = super.sleep(delayMs, signal);
    this.#arm();
    return sleeping;
  }

  /** Lets time pass, as it is needed, until the promise is settled. */
  async passDuring<T>(awaited: Promise<T>): Promise<T> {
    this.#waiting++;
    this.#arm();
    try {
      return await awaited;
    } finally {
      this.#waiting--;
    }
  }

  override async standDuring<T>(work: Promise<T>): Promise<T> {
    this.#standing++;
    try {
      return await work;
    } finally {
      this.#standing--;
      this.#arm();
    }
  }

  get #passes(): boolean {
    return this.#waiting > 0 && this.#standing === 0;
  }

  #arm(): void {
    if (this.#armed || !this.#passes) return;
    this.#armed = true;
    this.#nextTurn(() => {
      this.#armed = false;
      if (this.#passes && this.wakeNext()) this.#arm();
    });
  }
}

/** A few turns of the microtask queue: enough for a chain of awaits to reach its next sleep. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 32; turn++) await Promise.resolve();
}
