import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";

export class LinuxClock implements Clock {
  nowMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    // performance.now() loads perf_hooks first, 2 ms.
    return Number(process.hrtime.bigint() / 1000n) / 1000;
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
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
