// Durations as Go writes them (`1h2m3s`, `500ms`), and points in time as docker's --since and
// --until take them: such a duration ago, a date, or seconds since the epoch.

import { FlagError } from "../flag-error.ts";
import { parseFloatAsGo } from "./number.ts";

const UNIT_MS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds of a duration; may be negative. @throws FlagError */
export function parseDurationMs(text: string): number {
  const quoted = JSON.stringify(text);
  const [, sign, body] = /^([+-]?)(.*)$/s.exec(text)!;
  if (body === "0") return 0;
  if (body === "") throw new FlagError(`time: invalid duration ${quoted}`);
  let rest = body!;
  let totalMs = 0;
  while (rest !== "") {
    const number = /^(\d+\.?\d*|\.\d+)/.exec(rest)?.[0];
    if (number === undefined) throw new FlagError(`time: invalid duration ${quoted}`);
    const unit = /^[^0-9.]*/.exec(rest.slice(number.length))![0];
    if (unit === "") throw new FlagError(`time: missing unit in duration ${quoted}`);
    const unitMs = Object.hasOwn(UNIT_MS, unit) ? UNIT_MS[unit] : undefined;
    if (unitMs === undefined) {
      throw new FlagError(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`);
    }
    totalMs += parseFloatAsGo(number) * unitMs;
    rest = rest.slice(number.length + unit.length);
  }
  return sign === "-" ? -totalMs : totalMs;
}

/** The same, for options that count a time from now on. @throws FlagError */
export function parsePositiveDurationMs(text: string): number {
  const durationMs = parseDurationMs(text);
  if (durationMs < 0) throw new FlagError("duration cannot be negative");
  return durationMs;
}

/** Milliseconds since the epoch. @throws FlagError */
export function parseTimeMs(text: string, nowMs: number): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (/^\d{4}-\d\d-\d\d/.test(text)) {
    // A date without a zone is meant in this machine's, as docker reads it; ISO 8601 alone would be UTC.
    const local = text.length === 10 ? `${text}T00:00:00` : text;
    const timeMs = Date.parse(local.replace(/(\.\d{3})\d+/, "$1"));
    if (!Number.isNaN(timeMs)) return timeMs;
  }
  try {
    return nowMs - parseDurationMs(text);
  } catch {
    throw new FlagError(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  }
}

/** The same for `--option`, named where it cannot be read. */
export function timeOption(option: string, text: string, nowMs: number): number {
  try {
    return parseTimeMs(text, nowMs);
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    throw new FlagError(
      `invalid argument ${JSON.stringify(text)} for "--${option}" flag: ${error.message}`,
    );
  }
}
