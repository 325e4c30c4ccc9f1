// Numbers and truth values, with the grammar and the words that Go's strconv has for them: they
// are what docker's messages are made of.

import { FlagError } from "../flag-error.ts";

/** A decimal number with an optional fraction and exponent. @throws FlagError */
export function parseFloatAsGo(text: string): number {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) {
    throw new FlagError(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  const value = Number(text);
  if (!Number.isFinite(value)) {
    throw new FlagError(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: value out of range`);
  }
  return value;
}

/** A whole number, which may be negative. @throws FlagError */
export function parseInteger(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) {
    throw new FlagError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw new FlagError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`);
  }
  return value;
}

const TRUTHS = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSEHOODS = new Set(["0", "f", "F", "FALSE", "false", "False"]);

/** The value of `--flag=VALUE`. @throws FlagError */
export function parseBoolean(text: string): boolean {
  if (TRUTHS.has(text)) return true;
  if (FALSEHOODS.has(text)) return false;
  throw new FlagError(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}
