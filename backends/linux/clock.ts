import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";

/** Node's timers know whole milliseconds. */
const TIMER_MS = 1;

export class LinuxClock implements Clock {
  readonly #cell: Int32Array | undefined;

  /** `blocks`: nothing else waits in this process, which may be held for less than a timer takes. */
  constructor({ blocks = false }: { readonly blocks?: boolean } = {}) {
    if (blocks) this.#cell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  }

  nowMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    // performance.now() loads perf_hooks first, 2 ms.
    return Number(process.hrtime.bigint() / 1000n) / 1000;
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    if (this.#cell && delayMs < TIMER_MS && !signal) {
      Atomics.wait(this.#cell, 0, 0, delayMs);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const interrupt = (): void => {
        clearTimeout(timer);
        reject(
          new NacreError("interrupted", "interrupted while waiting", { cause: signal?.reason }),
        );
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", interrupt);
        resolve();
      }, delayMs);
      if (signal?.aborted) interrupt();
      else signal?.addEventListener("abort", interrupt, { once: true });
    });
  }
}
