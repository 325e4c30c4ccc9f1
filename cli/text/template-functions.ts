// The functions of --format templates: docker's own and those of Go's text/template.

import { FIELDS } from "./go-shapes.ts";

function fieldsOf(value: object): readonly string[] | undefined {
  return (value as { readonly [FIELDS]?: readonly string[] })[FIELDS];
}

/** Whether `if` takes it for true: everything but an empty value. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value !== null && typeof value === "object") {
    return fieldsOf(value) !== undefined || Object.keys(value).length > 0;
  }
  return Boolean(value);
}

/** A value as Go prints it: `[a b]`, `map[k:v]`, a struct as `{v w}`. */
export function goText(value: unknown): string {
  if (value === undefined) return "<no value>";
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (typeof value === "object") {
    const members = value as Record<string, unknown>;
    const fields = fieldsOf(value)?.map((name) => goText(members[name]));
    if (fields) return `{${fields.join(" ")}}`;
    const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `map[${entries.map(([key, each]) => `${key}:${goText(each)}`).join(" ")}]`;
  }
  return String(value);
}

/** JSON as docker's encoder has it: `<`, `>` and `&` are left alone. */
function json(value: unknown): string {
  return JSON.stringify(value) ?? "null";
}

function index(value: unknown, ...keys: unknown[]): unknown {
  let found = value;
  for (const key of keys) {
    if (Array.isArray(found) || typeof found === "string") {
      const at = position(key, found.length - 1);
      found = typeof found === "string" ? found.charCodeAt(at) : found[at];
    } else if (found !== null && typeof found === "object") {
      const name = String(key);
      found = Object.hasOwn(found, name) ? (found as Record<string, unknown>)[name] : "";
    } else if (found === null || found === undefined) throw new Error("index of untyped nil");
    else throw new Error("can't index this value");
  }
  return found;
}

function position(key: unknown, last: number): number {
  if (typeof key !== "number" || !Number.isInteger(key)) {
    throw new Error(`cannot index slice/array with ${JSON.stringify(key)}`);
  }
  if (key < 0 || key > last) throw new Error(`index out of range: ${key}`);
  return key;
}

function slice(value: unknown, ...bounds: unknown[]): unknown {
  if (!Array.isArray(value) && typeof value !== "string") throw new Error("can't slice this value");
  const [from = 0, to = value.length] = bounds.map((bound) => position(bound, value.length));
  return value.slice(from, to);
}

function length(value: unknown): number {
  if (typeof value === "string") return new TextEncoder().encode(value).length;
  if (Array.isArray(value)) return value.length;
  if (value !== null && typeof value === "object") return Object.keys(value).length;
  throw new Error(`len of ${value === null ? "nil pointer" : `type ${typeOf(value)}`}`);
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "[]interface {}";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  const names: Record<string, string> = { boolean: "bool", object: "map[string]interface {}" };
  return value === null ? "<nil>" : (names[typeof value] ?? typeof value);
}

const VERBS: Readonly<Record<string, (value: unknown, precision: number | undefined) => string>> = {
  v: goText,
  s: goText,
  d: goText,
  t: goText,
  T: typeOf,
  q: (value) => JSON.stringify(goText(value)),
  c: (value) => String.fromCodePoint(Number(value)),
  b: (value) => Number(value).toString(2),
  o: (value) => Number(value).toString(8),
  f: (value, precision = 6) => Number(value).toFixed(precision),
  x: hexadecimal,
  X: (value) => hexadecimal(value).toUpperCase(),
};
/** Those that take only a value of one type; of another Go says so in the text. */
const TYPES: Readonly<Record<string, string>> = { d: "number", f: "number", t: "boolean" };

function hexadecimal(value: unknown): string {
  if (typeof value === "number") return value.toString(16);
  const bytes = [...new TextEncoder().encode(goText(value))];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function printf(format: unknown, ...values: unknown[]): string {
  let next = 0;
  const text = String(format).replace(
    /%([-+# 0]*)(\d*)(?:\.(\d+))?([a-zA-Z%])/g,
    (_, flags: string, width: string, precision: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      if (next >= values.length) return `%!${verb}(MISSING)`;
      const value = values[next++];
      const print = VERBS[verb];
      const type = TYPES[verb] ?? typeof value;
      const fits = type === typeof value;
      if (!print || !fits) return `%!${verb}(${typeOf(value)}=${goText(value)})`;
      const shown = print(value, precision === undefined ? undefined : Number(precision));
      const signed = flags.includes("+") && typeof value === "number" && value >= 0 ? "+" : "";
      const cut = verb === "s" && precision ? shown.slice(0, Number(precision)) : signed + shown;
      if (flags.includes("-")) return cut.padEnd(Number(width));
      const zeros = flags.includes("0") && typeof value === "number";
      return cut.padStart(Number(width), zeros ? "0" : " ");
    },
  );
  const extra = values.slice(next).map((value) => `${typeOf(value)}=${goText(value)}`);
  return extra.length > 0 ? `${text}%!(EXTRA ${extra.join(", ")})` : text;
}

/** A space between two of which neither is a string. */
function print(...values: unknown[]): string {
  return values.reduce<string>((text, value, i) => {
    const apart = i > 0 && typeof value !== "string" && typeof values[i - 1] !== "string";
    return `${text}${apart ? " " : ""}${goText(value)}`;
  }, "");
}

/** Below 0, 0, above 0. Go compares like with like only. */
function compared(a: unknown, b: unknown): number {
  const comparable = typeof a === typeof b && ["number", "string"].includes(typeof a);
  if (!comparable) throw new Error("incompatible types for comparison");
  return (a as string) < (b as string) ? -1 : a === b ? 0 : 1;
}

function equal(a: unknown, b: unknown): boolean {
  const comparable = (a ?? null) === null || (b ?? null) === null || typeof a === typeof b;
  if (!comparable) throw new Error("incompatible types for comparison");
  return a === b;
}

function joined(values: unknown, separator: unknown): string {
  return Array.isArray(values) ? values.map(goText).join(goText(separator)) : goText(values);
}

function padded(text: unknown, before: unknown, after: unknown): string {
  const bare = goText(text);
  if (bare === "") return "";
  return " ".repeat(Number(before)) + bare + " ".repeat(Number(after));
}

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;" },
};
const html = (text: unknown): string =>
  goText(text).replace(/[&<>"']/g, (each) => ENTITIES[each] ?? each);

function js(text: unknown): string {
  const hex = (each: string): string => each.charCodeAt(0).toString(16).padStart(4, "0");
  return goText(text)
    .replace(/[\\'"]/g, (each) => `\\${each}`)
    .replace(/[\n\r\t<>&=]/g, (each) => `\\u${hex(each).toUpperCase()}`);
}

const urlquery = (text: unknown): string =>
  encodeURIComponent(goText(text))
    .replace(/%20/g, "+")
    .replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);

export type Functions = Readonly<Record<string, (...values: unknown[]) => unknown>>;

/** `and` and `or` are the evaluator's: they do not look at all that they are given. */
export const FUNCTIONS: Functions = {
  json,
  index,
  slice,
  len: length,
  print,
  printf,
  println: (...values: unknown[]) => `${values.map(goText).join(" ")}\n`,
  join: joined,
  lower: (text: unknown) => goText(text).toLowerCase(),
  upper: (text: unknown) => goText(text).toUpperCase(),
  title: (text: unknown) => goText(text).replace(/\b[a-z]/g, (letter) => letter.toUpperCase()),
  split: (text: unknown, separator: unknown) => goText(text).split(goText(separator)),
  pad: padded,
  truncate: (text: unknown, characters: unknown) =>
    [...goText(text)].slice(0, Number(characters)).join(""),
  html,
  js,
  urlquery,
  eq: (first: unknown, ...others: unknown[]) => others.some((other) => equal(first, other)),
  ne: (a: unknown, b: unknown) => !equal(a, b),
  lt: (a: unknown, b: unknown) => compared(a, b) < 0,
  le: (a: unknown, b: unknown) => compared(a, b) <= 0,
  gt: (a: unknown, b: unknown) => compared(a, b) > 0,
  ge: (a: unknown, b: unknown) => compared(a, b) >= 0,
  not: (value: unknown) => !isTrue(value),
  and: (...values: unknown[]) => values.at(-1),
  or: (...values: unknown[]) => values.at(-1),
};

const itself = (value: unknown): unknown => value;

/** Over the headings of a table: what changes a value leaves its heading as it is. */
export const HEADING_FUNCTIONS: Functions = {
  ...FUNCTIONS,
  ...{ json: itself, lower: itself, upper: itself, title: itself, truncate: itself },
  ...{ html: itself, js: itself, urlquery: itself, join: itself },
};
