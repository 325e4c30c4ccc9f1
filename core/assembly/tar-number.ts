// Numbers in tar headers. Fields hold octal digits between blanks and NULs, or, where the first
// bit is set, a big-endian two's complement number ("base-256", of GNU and star). pax records
// hold decimal text. Quantities are f64, exact to 2^53; what is no number, or is larger, is NaN.

import { getU8, setF64, setU32 } from "./memory";

/** Whole numbers below it are exact. */
export const EXACT: f64 = 9007199254740992.0;

function isBlank(c: u32): bool {
  return c === 32 || c === 0;
}

function readBase256(p: u32, length: u32): f64 {
  const first = getU8(p);
  const flip: u32 = (first & 0x40) === 0 ? 0 : 0xff;
  let value: f64 = f64((first ^ flip) & 0x7f);
  for (let i: u32 = 1; i < length; i++) {
    value = value * 256.0 + f64(getU8(p + i) ^ flip);
    if (value >= EXACT) return NaN;
  }
  return flip === 0 ? value : -1.0 - value;
}

/** The numeric header field of `length` bytes at `p`; an empty field is 0. */
export function readField(p: u32, length: u32): f64 {
  if ((getU8(p) & 0x80) !== 0) return readBase256(p, length);
  const end = p + length;
  let at = p;
  while (at < end && isBlank(getU8(at))) at++;
  let value: f64 = 0.0;
  for (; at < end; at++) {
    const digit: u32 = getU8(at) ^ 48;
    if (digit > 7) break;
    value = value * 8.0 + f64(digit);
  }
  return at === end || isBlank(getU8(at)) ? (value < EXACT ? value : NaN) : NaN;
}

/** The decimal digits from…to, at least one. */
export function readDecimal(from: u32, to: u32): f64 {
  if (from === to) return NaN;
  let value: f64 = 0.0;
  for (let at = from; at < to; at++) {
    const c = getU8(at);
    if (c < 48 || c > 57) return NaN;
    value = value * 10.0 + f64(c - 48);
    if (value >= EXACT) return NaN;
  }
  return value;
}

/**
 * The time from…to in seconds with an optional fraction, as whole seconds (f64) at `out` and
 * nanoseconds (u32) at `out + 8`. Digits past the ninth, like all fractions, round towards minus
 * infinity: -1.75 is -2 s + 250,000,000 ns. Returns whether it is a time.
 */
export function readTime(from: u32, to: u32, out: u32): bool {
  const negative = from < to && getU8(from) === 45;
  const start = negative ? from + 1 : from;
  let point = start;
  while (point < to && getU8(point) !== 46) point++;
  let seconds = readDecimal(start, point);
  if (!(seconds >= 0.0)) return false;
  let nanoseconds: u32 = 0;
  let scale: u32 = 100000000;
  let beyond = false;
  for (let at = point + 1; at < to; at++) {
    const c = getU8(at);
    if (c < 48 || c > 57) return false;
    nanoseconds += (c - 48) * scale;
    if (scale === 0 && c !== 48) beyond = true;
    scale = u32(scale / 10);
  }
  if (negative) {
    if (beyond) nanoseconds++;
    seconds = 0.0 - seconds;
    if (nanoseconds > 0) {
      seconds -= 1.0;
      nanoseconds = 1000000000 - nanoseconds;
    }
  }
  setF64(out, seconds);
  setU32(out + 8, nanoseconds);
  return true;
}
