// How an instruction's arguments are split. Quotes and escapes hold words together and stay in them:
// they go when variables are expanded.

import type { Directives } from "./lines.ts";

type Escape = Directives["escape"];

/** Words with quotes and escapes in them. */
export function rawWords(text: string, mark: Escape): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (quote === "" && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    word = (word ?? "") + character;
    // Between single quotes an escape is a character like any other.
    if (character === mark && quote !== "'" && at + 1 < text.length) word += text[++at];
    else if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character === quote) quote = "";
  }
  if (word !== undefined) words.push(word);
  return words;
}

export const plainWords = (text: string): string[] => text.split(/\s+/).filter((one) => one !== "");

/** The JSON form: a list of strings. Undefined for what is no list; "mixed" for one of others, too. */
export function jsonWords(text: string): string[] | "mixed" | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const all: unknown = JSON.parse(text);
    if (!Array.isArray(all)) return undefined;
    return all.every((one) => typeof one === "string") ? (all as string[]) : "mixed";
  } catch {
    return undefined;
  }
}

export interface Flag {
  readonly name: string;
  /** Absent: it was given without one. */
  readonly value?: string;
  /** As it was written. */
  readonly text: string;
}

/** `--name=value`s at the beginning of arguments; `--` by itself ends them. */
export function splitFlags(text: string, mark: Escape): { flags: Flag[]; rest: string } {
  const flags: Flag[] = [];
  let rest = text.trimStart();
  while (rest.startsWith("--")) {
    const end = wordEnd(rest, mark);
    const word = rest.slice(0, end);
    rest = rest.slice(end).trimStart();
    if (word === "--") break;
    flags.push(flagOf(word, mark));
  }
  return { flags, rest };
}

function wordEnd(text: string, mark: Escape): number {
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (quote === "" && /\s/.test(character)) return at;
    if (character === mark) at++;
    else if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character === quote) quote = "";
  }
  return text.length;
}

/** Without quotes and escapes. */
function flagOf(text: string, mark: Escape): Flag {
  let word = "";
  let quote = "";
  for (let at = 2; at < text.length; at++) {
    const character = text[at] as string;
    if (character === mark) word += text[++at] ?? "";
    else if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character === quote) quote = "";
    else word += character;
  }
  const equals = word.indexOf("=");
  if (equals < 0) return { name: word, text };
  return { name: word.slice(0, equals), value: word.slice(equals + 1), text };
}
