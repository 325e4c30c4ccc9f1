// `.dockerignore`: which paths of a build's context are left out of it. Also the patterns of
// `--exclude`.
// Source: https://docs.docker.com/build/concepts/context/#dockerignore-files; patterns are those of
// Go's filepath.Match, with `**` for any number of directories.

import { NacreError } from "../error.ts";

/** The patterns of a file, cleaned: without comments, empty lines, space and what a path does not need. */
export function ignorePatterns(text: string): string[] {
  const patterns: string[] = [];
  for (const line of text.replace(/^\ufeff/, "").split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const word = line.trim();
    if (word === "") continue;
    const keeps = word.startsWith("!");
    const pattern = keeps ? word.slice(1).trim() : word;
    const cleaned = pattern === "" ? "" : clean(pattern);
    const relative = cleaned.length > 1 && cleaned.startsWith("/") ? cleaned.slice(1) : cleaned;
    patterns.push(keeps ? `!${relative}` : relative);
  }
  return patterns;
}

interface Pattern {
  readonly keeps: boolean;
  readonly text: string;
  readonly matches: RegExp;
}

export class IgnoreMatcher {
  readonly #patterns: readonly Pattern[];
  readonly #keepers: readonly Pattern[];

  /** The last pattern that matches decides; one that begins with `!` keeps. NacreError `invalid`. */
  constructor(patterns: readonly string[]) {
    this.#patterns = patterns
      .map((one) => one.trim())
      .filter((one) => one !== "")
      .map(compiled);
    this.#keepers = this.#patterns.filter(({ keeps }) => keeps);
  }

  /** Whether a path, or a directory that it is in, is left out. */
  excludes(path: string): boolean {
    const directories = directoriesOf(path);
    let excluded = false;
    for (const { keeps, matches } of this.#patterns) {
      // One that could only say what is said already need not be asked.
      if (keeps !== excluded) continue;
      if (matches.test(path) || directories.some((one) => matches.test(one))) excluded = !keeps;
    }
    return excluded;
  }

  /** Whether something below a directory that is left out may be kept. */
  mayKeepBelow(directory: string): boolean {
    return this.#keepers.some(({ text }) => {
      const literal = text.slice(0, (text.search(/[*?[\\]/) + text.length + 1) % (text.length + 1));
      return (
        literal.startsWith(`${directory}/`) ||
        (literal !== text && `${directory}/`.startsWith(literal))
      );
    });
  }
}

/** What a path must be that a pattern matches as a whole. NacreError `invalid`. */
export const pathPattern = (pattern: string): RegExp =>
  new RegExp(`^${expression(pattern)}$`, "su");

function compiled(text: string): Pattern {
  const cleaned = clean(text);
  const keeps = cleaned.startsWith("!");
  const pattern = keeps ? cleaned.slice(1) : cleaned;
  if (pattern === "") throw new NacreError("invalid", `illegal exclusion pattern: "${text}"`);
  return { keeps, text: pattern, matches: pathPattern(pattern) };
}

/** Those a path is in, the outermost first. */
function directoriesOf(path: string): string[] {
  const parent = clean(path.slice(0, path.lastIndexOf("/") + 1) || ".");
  if (parent === ".") return [];
  const names = parent.split("/");
  return names.map((_, at) => names.slice(0, at + 1).join("/"));
}

/** The shortest name of the same path, by its words alone. */
export function clean(path: string): string {
  const names: string[] = [];
  const rooted = path.startsWith("/");
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") names.push(name);
    else if (names.length > 0 && names.at(-1) !== "..") names.pop();
    else if (!rooted) names.push(name);
  }
  return (rooted ? "/" : "") + names.join("/") || ".";
}

// -- patterns -------------------------------------------------------------------------------------

function expression(pattern: string): string {
  const characters = [...pattern];
  let text = "";
  for (let at = 0; at < characters.length; ) {
    const [part, next] = element(characters, at, pattern);
    text += part;
    at = next;
  }
  return text;
}

/** The expression of what begins at a place, and where the next begins. */
function element(characters: readonly string[], at: number, pattern: string): [string, number] {
  const character = characters[at] as string;
  switch (character) {
    case "*": {
      if (characters[at + 1] !== "*") return ["[^/]*", at + 1];
      const next = characters[at + 2] === "/" ? at + 3 : at + 2;
      return next >= characters.length ? [".*", next] : ["(?:.*/)?", next];
    }
    case "?":
      return ["[^/]", at + 1];
    case "[":
      return characterClass(characters, at, pattern);
    case "\\": {
      const escaped = characters[at + 1];
      if (escaped === undefined) throw badPattern(pattern);
      return [quoted(escaped), at + 2];
    }
    default:
      return [quoted(character), at + 1];
  }
}

function characterClass(
  characters: readonly string[],
  from: number,
  pattern: string,
): [string, number] {
  let at = from + 1;
  const negated = characters[at] === "^";
  if (negated) at++;
  /** One of its characters, which an escape may stand before. */
  const take = (): string => {
    const escaped = characters[at] === "\\";
    if (escaped) at++;
    const character = characters[at++];
    const isWrong = !escaped && (character === "-" || character === "]");
    if (character === undefined || isWrong) throw badPattern(pattern);
    return character;
  };
  let text = "";
  do {
    const low = take();
    text += quoted(low);
    if (characters[at] !== "-") continue;
    at++;
    const high = take();
    if (high < low) throw badPattern(pattern);
    text += `-${quoted(high)}`;
  } while (characters[at] !== "]");
  return [`[${negated ? "^" : ""}${text}]`, at + 1];
}

/** Every character by its number: none means anything else. */
const quoted = (character: string): string =>
  /^[\p{L}\p{N}_/]$/u.test(character)
    ? character
    : `\\u{${character.codePointAt(0)?.toString(16)}}`;

const badPattern = (pattern: string): NacreError =>
  new NacreError("invalid", `syntax error in pattern ${JSON.stringify(pattern)}`, {
    advice: "A [ needs its ], and a backslash something behind it.",
  });
