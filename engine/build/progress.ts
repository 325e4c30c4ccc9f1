// What a build tells of itself while it runs.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { BuildEvent } from "../build-interface.ts";

export class Progress {
  readonly #clock: Clock;
  readonly #tell: (event: BuildEvent) => void;
  #steps = 0;

  constructor(clock: Clock, tell: (event: BuildEvent) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  warn(message: string): void {
    this.#tell({ type: "warning", message });
  }

  /** Does a step and tells how it went. */
  async step<T>(name: string, work: (step: StepProgress) => Promise<T>): Promise<T> {
    const number = ++this.#steps;
    const begun = this.#clock.monotonicMs();
    let cached = false;
    const say = (state: Extract<BuildEvent, { type: "step" }>["state"]): void =>
      this.#tell({ type: "step", number, name, state, tookMs: this.#clock.monotonicMs() - begun });
    say("started");
    try {
      const result = await work({
        cached: () => {
          cached = true;
        },
        output: (stream, bytes) => this.#tell({ type: "output", number, stream, bytes }),
      });
      say(cached ? "cached" : "done");
      return result;
    } catch (error) {
      say("failed");
      throw error;
    }
  }
}

export interface StepProgress {
  /** Nothing had to be done. */
  cached(): void;
  output(stream: 1 | 2, bytes: Uint8Array): void;
}
