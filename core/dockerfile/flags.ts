// Flags of instructions: each at most once but for those that add up.

import { NacreError } from "../error.ts";
import type { Flag } from "./words.ts";

type Kind = "text" | "yes" | "list";

export interface GivenFlags {
  text(name: string): string | undefined;
  yes(name: string): boolean | undefined;
  list(name: string): readonly string[];
}

/** What is wrong with a word of an instruction; its place is looked for by it. */
export class WordFault extends Error {
  readonly word: string;
  readonly advice: string | undefined;

  constructor(message: string, word: string, advice?: string) {
    super(message);
    this.word = word;
    this.advice = advice;
  }
}

const NO_DEVICES = "--device: a step gets no devices by name (CDI)";
const DEVICES_ADVICE =
  "RUN --security=insecure has all of this machine's, if build is told --allow security.insecure.";

/** @throws WordFault */
export function readFlags(
  instruction: string,
  known: Readonly<Record<string, Kind>>,
  flags: readonly Flag[],
): GivenFlags {
  const given = new Map<string, string[]>();
  for (const { name, value, text } of flags) {
    const kind = known[name];
    if (kind === undefined) {
      if (instruction === "RUN" && name === "device")
        throw new WordFault(NO_DEVICES, text, DEVICES_ADVICE);
      const names = Object.keys(known).map((one) => `--${one}`);
      const advice = names.length > 0 ? `${instruction} takes ${names.join(", ")}.` : undefined;
      throw new WordFault(`unknown flag: --${name}`, text, advice ?? `${instruction} takes none.`);
    }
    const before = given.get(name);
    if (before && kind !== "list") throw new WordFault(`--${name} is given twice`, text);
    if (kind === "yes" && value !== undefined && !/^(true|false)$/i.test(value)) {
      throw new WordFault(`--${name} takes true or false, not ${JSON.stringify(value)}`, text);
    }
    if (kind !== "yes" && value === undefined) {
      throw new WordFault(`--${name} needs a value: --${name}=…`, text);
    }
    given.set(name, [...(before ?? []), value ?? "true"]);
  }
  return {
    text: (name) => given.get(name)?.[0],
    yes: (name) => {
      const value = given.get(name)?.[0];
      return value === undefined ? undefined : value.toLowerCase() === "true";
    },
    list: (name) => given.get(name) ?? [],
  };
}

const UNITS: Readonly<Record<string, number>> = {
  ...{ ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 },
};

/** `1m30s` as nanoseconds. NacreError `invalid`. */
export function durationNs(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)];
  if (text === "0") return 0;
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) {
    throw new NacreError("invalid", `${JSON.stringify(text)} is no duration`, {
      advice: "A duration looks like 30s, 1m30s or 500ms.",
    });
  }
  return parts.reduce(
    (sum, [, number, unit]) => sum + Number(number) * (UNITS[unit ?? ""] ?? 0),
    0,
  );
}
