// What happens to a process that has no handler for a signal (signal(7)).

import { SIGNALS } from "@nacre/core/program/signals.ts";

/** The last real-time signal. */
export const LAST_SIGNAL = 64;

export type Disposition = "terminate" | "ignore" | "stop" | "continue";

const IGNORED: readonly number[] = [SIGNALS.CHLD, SIGNALS.URG, SIGNALS.WINCH];
export const STOPPING: readonly number[] = [SIGNALS.STOP, SIGNALS.TSTP, SIGNALS.TTIN, SIGNALS.TTOU];

/** Core dumps are ends like others here. */
export function defaultDisposition(signal: number): Disposition {
  if (signal === SIGNALS.CONT) return "continue";
  if (IGNORED.includes(signal)) return "ignore";
  return STOPPING.includes(signal) ? "stop" : "terminate";
}

export const isIgnoredByDefault = (signal: number): boolean =>
  signal === SIGNALS.CONT || IGNORED.includes(signal);

/** Neither can be handled or ignored, and both also reach a pid namespace's init from outside. */
export function isForced(signal: number): boolean {
  return signal === SIGNALS.KILL || signal === SIGNALS.STOP;
}

/** The handler of a signal that is ignored: fork(2) and execve(2) keep it, as they keep no other. */
export const IGNORE = (): void => {};
