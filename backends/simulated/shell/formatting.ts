// echo and printf: escapes and conversions.

import { ShellError } from "./state.ts";

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  e: "\x1b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

/** With `\c`, nothing after it is written. */
function unescaped(text: string): { text: string; stops: boolean } {
  let found = "";
  const part = /\\(?:0?([0-7]{1,3})|x([\da-fA-F]{1,2})|u([\da-fA-F]{1,4})|(.))|([^\\]+|\\$)/gsy;
  for (const [, octal, hex, unicode, letter, plain] of text.matchAll(part)) {
    if (plain !== undefined) found += plain;
    else if (octal !== undefined) found += String.fromCodePoint(Number.parseInt(octal, 8));
    else if (hex ?? unicode)
      found += String.fromCodePoint(Number.parseInt((hex ?? unicode) as string, 16));
    else if (letter === "c") return { text: found, stops: true };
    else found += ESCAPES[letter ?? ""] ?? `\\${letter}`;
  }
  return { text: found, stops: false };
}

/** As bash and busybox: `-n`, `-e`, `-E`; escapes only with `-e`. */
export function echo(words: readonly string[]): string {
  let [first, escapes, newline] = [0, false, true];
  for (; /^-[neE]+$/.test(words[first] ?? ""); first++) {
    for (const letter of (words[first] as string).slice(1)) {
      if (letter === "n") newline = false;
      else escapes = letter === "e";
    }
  }
  const text = words.slice(first).join(" ");
  const end = newline ? "\n" : "";
  if (!escapes) return text + end;
  const { text: made, stops } = unescaped(text);
  return stops ? made : made + end;
}

function integer(word: string): bigint {
  if (/^['"]./.test(word)) return BigInt(word.codePointAt(1) ?? 0);
  const trimmed = word.trim();
  if (trimmed === "") return 0n;
  const octal = /^([-+]?)0([0-7]+)$/.exec(trimmed);
  if (octal) return BigInt(`0o${octal[2]}`) * (octal[1] === "-" ? -1n : 1n);
  if (!/^[-+]?(\d+|0x[\da-f]+)$/i.test(trimmed))
    throw new ShellError(`printf: ${word}: invalid number`);
  return trimmed.startsWith("-") ? -BigInt(trimmed.slice(1)) : BigInt(trimmed.replace("+", ""));
}

function padded(text: string, flags: string, width: number): string {
  if (flags.includes("-")) return text.padEnd(width);
  if (!flags.includes("0")) return text.padStart(width);
  const [, sign = "", digits = ""] = /^([-+]?)(.*)$/s.exec(text) ?? [];
  return sign + digits.padStart(width - sign.length, "0");
}

function converted(
  kind: string,
  word: string | undefined,
  precision: number | undefined,
  flags: string,
): string {
  const plus = (value: number | bigint, text: string): string =>
    flags.includes("+") && value >= 0 ? `+${text}` : text;
  switch (kind) {
    case "d":
    case "i":
    case "u":
      return plus(integer(word ?? ""), String(integer(word ?? "")).padStart(precision ?? 0, "0"));
    case "x":
      return (flags.includes("#") ? "0x" : "") + integer(word ?? "").toString(16);
    case "X":
      return (
        (flags.includes("#") ? "0X" : "") +
        integer(word ?? "")
          .toString(16)
          .toUpperCase()
      );
    case "o":
      return (flags.includes("#") ? "0" : "") + integer(word ?? "").toString(8);
    case "f":
      return plus(Number(word ?? 0), Number(word ?? 0).toFixed(precision ?? 6));
    case "e":
      return Number(word ?? 0)
        .toExponential(precision ?? 6)
        .replace(/e([-+])(\d)$/, "e$10$2");
    case "g":
      return String(Number(Number(word ?? 0).toPrecision(precision ?? 6)));
    case "c":
      return (word ?? "").slice(0, 1);
    case "q":
      return /^[\w@%+=:,./-]+$/.test(word ?? "")
        ? (word as string)
        : `'${(word ?? "").replaceAll("'", "'\\''")}'`;
    default:
      return (word ?? "").slice(0, precision);
  }
}

const CONVERSION = /%([-+ 0#]*)(\*|\d+)?(?:\.(\*|\d+))?([diouxXfegcsbq%])|%(.?)|([^%]+)/gy;

const NUMBERS = "diouxX";
const FLOATS = "feg";

/** What is no number counts as 0, and is a fault. */
function checked(kind: string, word: string | undefined, faults: string[]): string | undefined {
  if (word === undefined || (!NUMBERS.includes(kind) && !FLOATS.includes(kind))) return word;
  try {
    if (NUMBERS.includes(kind)) integer(word);
    else if (Number.isNaN(Number(word))) throw new ShellError(`printf: ${word}: invalid number`);
    return word;
  } catch (error) {
    if (!(error instanceof ShellError)) throw error;
    faults.push(error.message);
    return "0";
  }
}

/** The format is used again until all operands are. What is wrong with them is added to `faults`. */
export function printf(words: readonly string[], faults: string[]): string {
  const [format, ...operands] = words[0] === "--" ? words.slice(1) : words;
  if (format === undefined) throw new ShellError("printf: usage: printf FORMAT [ARGUMENT]...", 2);
  let written = "";
  do {
    const left = operands.length;
    for (const [, flags = "", width, precision, kind, bad, plain] of format.matchAll(CONVERSION)) {
      if (bad !== undefined) throw new ShellError(`printf: %${bad}: invalid directive`);
      if (plain !== undefined) {
        const { text, stops } = unescaped(plain);
        written += text;
        if (stops) return written;
        continue;
      }
      if (kind === "%") {
        written += "%";
        continue;
      }
      const size = (given: string | undefined): number | undefined =>
        given === "*"
          ? Number(operands.shift() ?? 0)
          : given === undefined
            ? undefined
            : Number(given);
      const [columns = 0, digits] = [size(width), size(precision)];
      const word = operands.shift();
      if (kind === "b") {
        const { text, stops } = unescaped(word ?? "");
        written += padded(text, flags, columns);
        if (stops) return written;
        continue;
      }
      const good = checked(kind as string, word, faults);
      written += padded(converted(kind as string, good, digits, flags), flags, columns);
    }
    if (operands.length === left) break;
  } while (operands.length > 0);
  return written;
}
