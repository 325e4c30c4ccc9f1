// Signals by number or name, with or without SIG, in any case: `9`, `KILL`, `sigkill`.

import { constants } from "node:os";
import { FlagError } from "../flag-error.ts";

/** A signal's number. @throws FlagError */
export function parseSignal(text: string): number {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number >= 1 && number <= 64) return number;
  }
  const name = text.toUpperCase().replace(/^(SIG)?/, "SIG");
  const realTime = /^SIGRTM(IN\+(\d+)|AX-(\d+)|IN|AX)$/.exec(name);
  if (realTime) {
    // glibc keeps 32 and 33 for itself.
    const number = name.startsWith("SIGRTMIN")
      ? 34 + Number(realTime[2] ?? 0)
      : 64 - Number(realTime[3] ?? 0);
    if (number >= 34 && number <= 64) return number;
  }
  const number = Object.hasOwn(constants.signals, name)
    ? constants.signals[name as keyof typeof constants.signals]
    : undefined;
  if (number === undefined) throw new FlagError(`invalid signal: ${text}`);
  return number;
}

/** An empty word is none, as docker has it. @throws FlagError */
export const signalOrNone = (text: string): number | undefined =>
  text === "" ? undefined : parseSignal(text);
