// Shell patterns over familiar references, as in `nacre images --filter reference='team/*:1.?'`.
//
// The language is that of Go's path.Match, which docker uses here: `*` any run without "/", `?` one
// character but "/", `[a-z]` and `[^a-z]` classes, `\` before a character to mean itself.

import { NacreError } from "./error.ts";
import type { Reference } from "./reference.ts";

/**
 * Whether `pattern` matches the reference's familiar text, with or without its tag and digest.
 * @throws NacreError `invalid` for a malformed pattern
 */
export function familiarMatches(reference: Reference, pattern: string): boolean {
  const compiled = compile(pattern);
  return compiled.test(reference.familiar()) || compiled.test(reference.familiarName);
}

function compile(pattern: string): RegExp {
  const characters = [...pattern];
  let source = "";
  for (let i = 0; i < characters.length; i++) {
    const c = characters[i]!;
    if (c === "*") source += "[^/]*";
    else if (c === "?") source += "[^/]";
    else if (c === "[") {
      const { text, end } = compileClass(characters, i + 1, pattern);
      source += text;
      i = end;
    } else source += literal(c === "\\" ? (characters[++i] ?? malformed(pattern)) : c);
  }
  return new RegExp(`^${source}$`, "su");
}

/** The class whose content begins at `from`; `end` is the place of its "]". */
function compileClass(characters: string[], from: number, pattern: string) {
  let i = from;
  const negated = characters[i] === "^";
  if (negated) i++;
  let ranges = "";
  for (let count = 0; count === 0 || characters[i] !== "]"; count++) {
    const low = classCharacter(characters, i, pattern);
    i = low.next;
    let high = low;
    if (characters[i] === "-") {
      high = classCharacter(characters, i + 1, pattern);
      i = high.next;
    }
    if (low.point <= high.point) ranges += `\\u{${low.hex}}-\\u{${high.hex}}`;
  }
  return { text: `[${negated ? "^" : ""}${ranges}]`, end: i };
}

/** One bound of a range. "-" and "]" stand for themselves only after a backslash. */
function classCharacter(characters: string[], at: number, pattern: string) {
  const c = characters[at];
  if (c === undefined || c === "-" || c === "]") return malformed(pattern);
  const escaped = c === "\\";
  const point = (escaped ? characters[at + 1] : c)?.codePointAt(0) ?? malformed(pattern);
  return { point, hex: point.toString(16), next: at + (escaped ? 2 : 1) };
}

function literal(c: string): string {
  return `\\u{${c.codePointAt(0)!.toString(16)}}`;
}

function malformed(pattern: string): never {
  throw new NacreError("invalid", `malformed pattern ${JSON.stringify(pattern)}`, {
    advice: "Patterns know *, ?, [a-z], [^a-z], and \\ before a character that means itself.",
  });
}
