// From the pieces of an expanded word to fields: field splitting and quote removal (POSIX 2.6.5).

import { quoted } from "./pattern.ts";

export interface Piece {
  readonly text: string;
  /** Neither split nor a pattern. */
  readonly quoted: boolean;
  /** Came out of an expansion: split at IFS unless it is quoted. */
  readonly expanded: boolean;
}

/** Where one field ends and the next begins whatever IFS is: between the parts of "$@". */
export const BREAK = "break";
export type Part = Piece | typeof BREAK;

/** A field as a pattern: characters that were quoted stand behind a backslash. */
export interface Field {
  readonly pattern: string;
  readonly text: string;
}

class Splitter {
  readonly #ifs: string;
  readonly #fields: Field[] = [];
  #text = "";
  #pattern = "";
  /** Whether the field is one although it may be empty. */
  #stands = false;
  /** Blanks have ended a field: one other character of IFS after them is of the same end. */
  #spaced = false;

  constructor(ifs: string) {
    this.#ifs = ifs;
  }

  add(part: Part): void {
    if (part === BREAK) {
      this.#end(true);
      this.#spaced = false;
    } else if (part.quoted) {
      this.#stands = true;
      this.#append(part.text, quoted(part.text));
    } else if (!part.expanded) this.#append(part.text, part.text);
    else this.#split(part.text);
  }

  #append(text: string, pattern: string): void {
    this.#text += text;
    this.#pattern += pattern;
    this.#spaced = false;
  }

  #split(text: string): void {
    for (const character of text) {
      if (!this.#ifs.includes(character)) this.#append(character, character);
      else if (/[ \t\n]/.test(character)) this.#spaced = this.#end(false) || this.#spaced;
      else if (this.#spaced) this.#spaced = false;
      else this.#end(true);
    }
  }

  /** Whether there was a field. */
  #end(always: boolean): boolean {
    const found = always || this.#stands || this.#text !== "";
    if (found) this.#fields.push({ text: this.#text, pattern: this.#pattern });
    this.#text = "";
    this.#pattern = "";
    this.#stands = false;
    return found;
  }

  fields(): readonly Field[] {
    this.#end(false);
    return this.#fields;
  }
}

/**
 * Field splitting (POSIX 2.6.5): what was quoted is never split, and empty parts without quotes
 * leave no field.
 */
export function fieldsOf(parts: readonly Part[], ifs: string): readonly Field[] {
  const splitter = new Splitter(ifs);
  for (const part of parts) splitter.add(part);
  return splitter.fields();
}

/** As one string, without splitting: in assignments, redirections and `case`. */
export function textOf(parts: readonly Part[]): string {
  return parts.map((part) => (part === BREAK ? " " : part.text)).join("");
}

/** What was quoted stands for itself in the pattern. */
export function patternOf(parts: readonly Part[]): string {
  return parts
    .map((part) => (part === BREAK ? " " : part.quoted ? quoted(part.text) : part.text))
    .join("");
}

/** `read`: at most `most` fields, the last with all that is left. */
export function splitLine(line: string, ifs: string, most: number): string[] {
  const isSpace = (c: string | undefined): boolean =>
    c !== undefined && ifs.includes(c) && /[ \t\n]/.test(c);
  const found: string[] = [];
  let at = 0;
  while (isSpace(line[at])) at++;
  while (at < line.length && found.length < most - 1) {
    let end = at;
    while (end < line.length && !ifs.includes(line[end] as string)) end++;
    found.push(line.slice(at, end));
    while (isSpace(line[end])) end++;
    if (end < line.length && ifs.includes(line[end] as string)) end++;
    while (isSpace(line[end])) end++;
    at = end;
  }
  let rest = line.slice(at);
  while (isSpace(rest.at(-1))) rest = rest.slice(0, -1);
  if (rest !== "" || found.length === 0) found.push(rest);
  return found;
}
