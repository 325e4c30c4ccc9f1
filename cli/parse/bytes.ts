// Sizes as people type them, read as docker reads them (go-units): a decimal number, an optional
// space, an optional suffix of at most three letters. `64m`, `64MB` and `64MiB` are all the same
// 64 · 2^20 where memory is meant; where disks are meant, they count in powers of ten.

import { FlagError } from "../flag-error.ts";
import { parseFloatAsGo } from "./number.ts";

const LETTERS = "kmgtpezy";
/** Go's int64 ends below it; what is larger becomes the smallest one. */
const INT64_LIMIT = 2 ** 63;

/** Bytes of a memory size; a suffix counts in powers of 1024. @throws FlagError */
export function parseMemoryBytes(text: string): number {
  return parseSize(text, 1024);
}

/** Bytes of a size on disk; a suffix counts in powers of 1000. @throws FlagError */
export function parseDiskBytes(text: string): number {
  return parseSize(text, 1000);
}

/**
 * A limit of memory: what docker's client lets through and its daemon refuses afterwards (sizes
 * past 2^63, which wrap around to negative ones) is refused at once.
 */
export function parseMemoryLimit(text: string): number {
  const bytes = parseMemoryBytes(text);
  if (bytes < 0) throw new FlagError(`invalid size: '${text}'`);
  return bytes;
}

/** The same for memory and swap together, where -1 is any amount of swap. @throws FlagError */
export function parseMemorySwap(text: string): number {
  return text === "-1" ? -1 : parseMemoryLimit(text);
}

function parseSize(text: string, base: number): number {
  const last = lastNumberCharacter(text);
  if (last < 0) throw new FlagError(`invalid size: '${text}'`);
  const spaced = text[last] === " ";
  const size = parseFloatAsGo(text.slice(0, spaced ? last : last + 1));
  if (size < 0) throw new FlagError(`invalid size: '${text}'`);
  const bytes = Math.trunc(size * multiplier(text.slice(last + 1), base));
  return bytes >= INT64_LIMIT ? -INT64_LIMIT : bytes;
}

function lastNumberCharacter(text: string): number {
  for (let i = text.length - 1; i >= 0; i--) if (/[0-9. ]/.test(text[i]!)) return i;
  return -1;
}

function multiplier(suffix: string, base: number): number {
  if (suffix === "") return 1;
  const lower = suffix.toLowerCase();
  if (lower === "b") return 1;
  const power = LETTERS.indexOf(lower[0]!) + 1;
  const rest = lower.slice(1);
  if (power === 0 || power > 5 || !(rest === "" || rest === "b" || rest === "ib")) {
    throw new FlagError(`invalid suffix: '${lower}'`);
  }
  return base ** power;
}
