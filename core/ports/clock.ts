import { token } from "./token.ts";

/** Time as the engine sees it; in simulation it is virtual. */
export interface Clock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
  /** Milliseconds of a clock that never steps; only differences mean something. */
  monotonicMs(): number;
  /** Resolves after `delayMs`; rejects with NacreError `interrupted` when the signal aborts. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

export const Clock = token<Clock>("Clock");
