// What the kernel's parsers make of a text that was written into a control file.
// Source: Linux, lib/kstrtox.c, lib/cmdline.c (memparse), mm/page_counter.c.

import { fail } from "./errno.ts";

export const PAGE_BYTES = 4096;
/** PAGE_COUNTER_MAX pages: what version 1 shows for "no limit". */
export const UNLIMITED_BYTES = 9223372036854771712n;

const U64_MAX = 2n ** 64n - 1n;
const S64_MAX = 2n ** 63n - 1n;

/** A number: decimal, octal after `0`, hexadecimal after `0x`. */
function digitsOf(digits: string): bigint {
  if (/^0[xX]/.test(digits)) return BigInt(digits);
  if (!/^0\d/.test(digits)) return BigInt(digits);
  return /^[0-7]+$/.test(digits) ? BigInt(`0o${digits.slice(1)}`) : fail("EINVAL");
}

/** kstrtoll. EINVAL for what is no number, ERANGE for one that 64 bits do not hold. */
export function signed(text: string): number {
  const [, sign, digits = ""] = /^([+-]?)(0x[\da-f]+|\d+)$/i.exec(text.trim()) ?? fail("EINVAL");
  const value = digitsOf(digits);
  if (value > (sign === "-" ? S64_MAX + 1n : S64_MAX)) fail("ERANGE");
  return Number(sign === "-" ? -value : value);
}

/** kstrtoull. */
export function unsigned(text: string): number {
  const [, digits = ""] = /^\+?(0x[\da-f]+|\d+)$/i.exec(text.trim()) ?? fail("EINVAL");
  const value = digitsOf(digits);
  return value > U64_MAX ? fail("ERANGE") : Number(value);
}

/** A number within bounds, else EINVAL. */
export function between(text: string, least: number, most: number): number {
  const value = signed(text);
  return value < least || value > most ? fail("EINVAL") : value;
}

/** A number of which only counts whether it is 0. */
export const flag = (text: string): "0" | "1" => (unsigned(text) === 0 ? "0" : "1");

const SUFFIXES = " kmgtpe";

/** page_counter_memparse: bytes with a suffix, in whole pages; `unlimited` is the word for none. */
export function memory(text: string, unlimited: string): number | "max" {
  const trimmed = text.trim();
  if (trimmed === unlimited) return "max";
  const [, digits = "", suffix = ""] =
    /^(0x[\da-f]+|\d*)([kmgtpe]?)$/i.exec(trimmed) ?? fail("EINVAL");
  const unit = 1024n ** BigInt(suffix === "" ? 0 : SUFFIXES.indexOf(suffix.toLowerCase()));
  // The kernel's arithmetic wraps at 64 bits, and no number at all is 0.
  const bytes = ((digits === "" ? 0n : digitsOf(digits)) * unit) & U64_MAX;
  const pages = bytes / BigInt(PAGE_BYTES);
  return pages * BigInt(PAGE_BYTES) >= UNLIMITED_BYTES ? "max" : Number(pages) * PAGE_BYTES;
}

/** A limit in bytes as version 1 shows it. */
export const shownV1 = (bytes: number | "max"): string =>
  bytes === "max" ? String(UNLIMITED_BYTES) : String(bytes);
