// `--chmod`: permission bits, in octal or as chmod(1) writes changes of them.

import { NacreError } from "@nacre/core/error.ts";

export type ModeChange = (mode: number, isDirectory: boolean) => number;

const WHO: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o1007 };
const ALL = 0o7777;

/** NacreError `invalid`. */
export function parseMode(text: string): ModeChange {
  if (/^[0-7]{1,4}$/.test(text)) return () => Number.parseInt(text, 8);
  const clauses = text.split(",").map((clause) => clauseOf(clause, text));
  return (mode, isDirectory) => clauses.reduce((now, change) => change(now, isDirectory), mode);
}

function clauseOf(clause: string, text: string): ModeChange {
  const [, who = "", operator = "", letters = ""] =
    /^([ugoa]*)([-+=])([rwxXst]*)$/.exec(clause) ?? [];
  if (operator === "") {
    throw new NacreError("invalid", `--chmod=${text} is no mode`, {
      advice: "It is octal, 0755, or a change, u=rwX,go=rX.",
    });
  }
  const named = who === "" || who.includes("a") ? ["u", "g", "o"] : [...who];
  const mask = named.reduce((bits, one) => bits | (WHO[one] ?? 0), 0);
  return (mode, isDirectory) => {
    const executes = isDirectory || (mode & 0o111) !== 0;
    const bits = bitsOf(letters, executes) & mask;
    if (operator === "+") return mode | bits;
    if (operator === "-") return mode & ~bits & ALL;
    return (mode & ~(mask & 0o777) & ALL) | bits;
  };
}

function bitsOf(letters: string, executes: boolean): number {
  const bits: Readonly<Record<string, number>> = {
    ...{ r: 0o444, w: 0o222, x: 0o111, X: executes ? 0o111 : 0, s: 0o6000, t: 0o1000 },
  };
  return [...letters].reduce((sum, letter) => sum | (bits[letter] ?? 0), 0);
}
