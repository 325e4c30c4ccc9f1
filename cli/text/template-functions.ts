// The functions of --format templates: docker's own and those of Go's text/template that people
// use with it.

import { FlagError } from "../flag-error.ts";

/** Whether `if` takes it for true: everything but an empty value. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value !== null && typeof value === "object") return Object.keys(value).length > 0;
  return Boolean(value);
}

/** A value as Go prints it: `[a b]`, `map[k:v]`. */
export function goText(value: unknown): string {
  if (value === undefined) return "<no value>";
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (typeof value === "object") {
    const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `map[${entries.map(([key, each]) => `${key}:${goText(each)}`).join(" ")}]`;
  }
  return String(value);
}

/** JSON as Go's encoder has it: `<`, `>` and `&` are left alone, as docker leaves them. */
function json(value: unknown): string {
  return JSON.stringify(value) ?? "null";
}

function index(value: unknown, ...keys: unknown[]): unknown {
  let found = value;
  for (const key of keys) {
    if (Array.isArray(found)) {
      if (typeof key !== "number" || key < 0 || key >= found.length) {
        throw new FlagError(`template: error calling index: index out of range: ${goText(key)}`);
      }
      found = found[key];
    } else if (found !== null && typeof found === "object") {
      const name = String(key);
      found = Object.hasOwn(found, name) ? (found as Record<string, unknown>)[name] : "";
    } else throw new FlagError("template: error calling index: can't index this value");
  }
  return found;
}

function length(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (value !== null && typeof value === "object") return Object.keys(value).length;
  return 0;
}

function printf(format: unknown, ...values: unknown[]): string {
  let next = 0;
  return String(format).replace(/%(-?\d+)?([vsdq%])/g, (_, width: string | undefined, verb) => {
    if (verb === "%") return "%";
    const value = values[next++];
    const text = verb === "q" ? JSON.stringify(String(value)) : goText(value);
    const columns = Math.abs(Number(width ?? 0));
    return width?.startsWith("-") ? text.padEnd(columns) : text.padStart(columns);
  });
}

const joined = (values: unknown, separator: unknown) =>
  Array.isArray(values) ? values.map(goText).join(String(separator)) : goText(values);

export const FUNCTIONS: Readonly<Record<string, (...values: unknown[]) => unknown>> = {
  json,
  index,
  len: length,
  printf,
  join: joined,
  lower: (text: unknown) => goText(text).toLowerCase(),
  upper: (text: unknown) => goText(text).toUpperCase(),
  title: (text: unknown) => goText(text).replace(/\b[a-z]/g, (letter) => letter.toUpperCase()),
  split: (text: unknown, separator: unknown) => goText(text).split(String(separator)),
  truncate: (text: unknown, characters: unknown) =>
    [...goText(text)].slice(0, Number(characters)).join(""),
  print: (...values: unknown[]) => values.map(goText).join(""),
  println: (...values: unknown[]) => `${values.map(goText).join(" ")}\n`,
  eq: (first: unknown, ...others: unknown[]) => others.includes(first),
  ne: (a: unknown, b: unknown) => a !== b,
  not: (value: unknown) => !isTrue(value),
  and: (...values: unknown[]) => values.find((value) => !isTrue(value)) ?? values.at(-1),
  or: (...values: unknown[]) => values.find(isTrue) ?? values.at(-1),
};
