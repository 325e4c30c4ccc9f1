// Signals by name and number (signal(7), x86 and ARM; the numbers of most architectures).

/** Number by name, aliases included. */
export const SIGNALS = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  IOT: 6,
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
  CLD: 17,
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
  POLL: 29,
  PWR: 30,
  SYS: 31,
} as const;

/** Without SIG. */
export type SignalName = keyof typeof SIGNALS;

const NUMBERS: Readonly<Record<string, number>> = SIGNALS;
const RTMIN = 34;
const RTMAX = 64;

/** `SIGTERM`, `term`, `15`, `RTMIN+3`: the number; undefined for what is no signal. */
export function signalNumber(text: string): number | undefined {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    return number >= 1 && number <= RTMAX ? number : undefined;
  }
  const name = text.toUpperCase().replace(/^SIG/, "");
  const realTime = /^RT(MIN|MAX)([+-]\d+)?$/.exec(name);
  if (realTime) {
    const number = (realTime[1] === "MIN" ? RTMIN : RTMAX) + Number(realTime[2] ?? 0);
    return number >= RTMIN && number <= RTMAX ? number : undefined;
  }
  return Object.hasOwn(NUMBERS, name) ? NUMBERS[name] : undefined;
}

/** `TERM` for 15; undefined for what is no signal's number. */
export function signalName(number: number): string | undefined {
  return Object.keys(NUMBERS).find((name) => NUMBERS[name] === number);
}
