// Signals: numbers, and what happens to a process that has no handler (signal(7)).

export const SIGNALS = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  PWR: 30,
  SYS: 31,
} as const;

/** The last real-time signal. */
export const LAST_SIGNAL = 64;

export type Disposition = "terminate" | "ignore" | "stop" | "continue";

const IGNORED: readonly number[] = [SIGNALS.CHLD, SIGNALS.URG, SIGNALS.WINCH];
const STOPPING: readonly number[] = [SIGNALS.STOP, SIGNALS.TSTP, SIGNALS.TTIN, SIGNALS.TTOU];

export function defaultDisposition(signal: number): Disposition {
  if (signal === SIGNALS.CONT) return "continue";
  if (IGNORED.includes(signal)) return "ignore";
  return STOPPING.includes(signal) ? "stop" : "terminate";
}

/** Neither can be handled or ignored, and both also reach a pid namespace's init from outside. */
export function isForced(signal: number): boolean {
  return signal === SIGNALS.KILL || signal === SIGNALS.STOP;
}
