import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import { NOBODY, type Timer, TimerQueue } from "./timer-queue.ts";

/** Time that stands still until `advance` moves it. Starts at `epochMs`, the same in every run. */
export class SimulatedClock implements Clock {
  readonly #epochMs: number;
  #elapsedMs = 0;
  readonly #timers = new TimerQueue();

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
        cancel?.();
        reject(
          new NacreError("interrupted", "interrupted while waiting", { cause: signal?.reason }),
        );
      };
      let cancel: (() => void) | undefined;
      if (signal?.aborted) return interrupt();
      signal?.addEventListener("abort", interrupt, { once: true });
      cancel = this.after(delayMs, () => {
        signal?.removeEventListener("abort", interrupt);
        resolve();
      });
    });
  }

  /**
   * Calls `act` when `delayMs` have passed, unless the result is called before. What `act` lets go
   * on has run when the next one is called; if it lets nobody go on, it returns NOBODY.
   */
  after(delayMs: number, act: () => unknown): () => void {
    const timer = this.#timers.add(this.#elapsedMs + Math.max(0, delayMs), act);
    return () => this.#timers.remove(timer);
  }

  /** How many wait for time to pass. */
  get sleeping(): number {
    return this.#timers.size;
  }

  /** What waits for something outside of the machine, which takes none of its time. */
  standDuring<T>(work: Promise<T>): Promise<T> {
    return work;
  }

  /** Lets as much time pass as the next sleeper sleeps; false if nobody does. */
  protected wakeNext(): boolean {
    for (;;) {
      const next = this.#timers.first;
      if (!next) return false;
      if (this.#wake(next) !== NOBODY) return true;
    }
  }

  #wake(timer: Timer): unknown {
    this.#timers.remove(timer);
    this.#elapsedMs = Math.max(this.#elapsedMs, timer.atMs);
    return timer.act();
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
    // Who is on the way to sleep falls asleep now, not when the time is over.
    await settled();
    for (;;) {
      const next = this.#timers.first;
      if (next === undefined || next.atMs > endMs) break;
      if (this.#wake(next) !== NOBODY) await settled();
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

  override after(delayMs: number, act: () => unknown): () => void {
    const cancel = super.after(delayMs, act);
    this.#arm();
    return cancel;
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

const READY = Promise.resolve();

/** A few turns of the microtask queue: enough for a chain of awaits to reach its next sleep. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 32; turn++) await READY;
}

/** The same as `after` of a simulated clock, on whatever clock a machine has. */
export function callAfter(clock: Clock, delayMs: number, act: () => unknown): () => void {
  if (clock instanceof SimulatedClock) return clock.after(delayMs, act);
  const taken = new AbortController();
  clock.sleep(delayMs, taken.signal).then(act, () => {}); // taken back
  return () => taken.abort();
}
