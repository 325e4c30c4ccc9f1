// Shell patterns (glob(7)) and the names that they match.

import type { ProgramFiles } from "../program-files.ts";

/** Characters of quoted text stand behind a backslash in a pattern. */
export const quoted = (text: string): string => text.replace(/[\\*?[\]]/g, "\\$&");

const unquoted = (pattern: string): string => pattern.replace(/\\(.)/gs, "$1");

export const isPattern = (pattern: string): boolean => /[*?[]/.test(pattern.replace(/\\./gs, ""));

const CLASSES: Readonly<Record<string, string>> = {
  alpha: "a-zA-Z",
  digit: "0-9",
  alnum: "a-zA-Z0-9",
  upper: "A-Z",
  lower: "a-z",
  space: "\\s",
  blank: " \\t",
  punct: "!-\\/:-@\\[-`{-~",
  xdigit: "0-9a-fA-F",
};

const literal = (character: string): string => character.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");

/** The bracket expression at `start`, as a class of a regular expression, and where it ends. */
function bracket(pattern: string, start: number): { source: string; end: number } | undefined {
  let at = start + 1;
  const negated = pattern[at] === "!" || pattern[at] === "^";
  if (negated) at++;
  let source = "";
  for (let first = true; at < pattern.length; first = false) {
    const [named, name = ""] = /^\[:(\w+):\]/.exec(pattern.slice(at)) ?? [];
    if (named) {
      source += CLASSES[name] ?? "";
      at += named.length;
      continue;
    }
    if (pattern[at] === "]" && !first) {
      return { source: `[${negated ? "^" : ""}${source}]`, end: at + 1 };
    }
    if (pattern[at] === "\\" && at + 1 < pattern.length) at++;
    const character = pattern[at] as string;
    source += /[\\\]^[]/.test(character) ? `\\${character}` : character;
    at++;
  }
  return undefined;
}

/** The source of a regular expression; `any` is what a star and a question mark stand for. */
export function patternSource(pattern: string, any = "[\\s\\S]", lazy = ""): string {
  let source = "";
  for (let at = 0; at < pattern.length; ) {
    const character = pattern[at] as string;
    const set = character === "[" ? bracket(pattern, at) : undefined;
    if (set) {
      source += set.source;
      at = set.end;
      continue;
    }
    if (character === "*") source += `${any}*${lazy}`;
    else if (character === "?") source += any;
    else if (character === "\\" && at + 1 < pattern.length)
      source += literal(pattern[++at] as string);
    else source += literal(character);
    at++;
  }
  return source;
}

/**
 * The whole text, by a pattern of POSIX 2.13.1. Unlike in names of files, a dot and a slash are
 * characters like others.
 */
export const matches = (text: string, pattern: string): boolean =>
  new RegExp(`^(?:${patternSource(pattern)})$`).test(text);

function namesIn(files: ProgramFiles, directory: string): string[] {
  try {
    return files.list(directory === "" ? "." : directory);
  } catch {
    return []; // what cannot be read matches nothing
  }
}

/** The paths that exist and match, sorted; none is a pattern that stays as it is. */
export function pathsMatching(files: ProgramFiles, pattern: string): string[] {
  let found = [pattern.startsWith("/") ? "/" : ""];
  const names = pattern.split("/").filter((name) => name !== "");
  for (const [i, name] of names.entries()) {
    const last = i === names.length - 1;
    found = found.flatMap((directory) => {
      const below = (one: string): string =>
        directory === "" || directory === "/" ? `${directory}${one}` : `${directory}/${one}`;
      if (!isPattern(name)) {
        const path = below(unquoted(name));
        return exists(files, path) ? [path] : [];
      }
      const regular = new RegExp(`^(?:${patternSource(name, "[^/]")})$`);
      const hidden = unquoted(name).startsWith(".");
      return namesIn(files, directory)
        .filter((one) => regular.test(one) && (hidden || !one.startsWith(".")))
        .map(below)
        .filter((path) => last || files.kindOf(path) === "directory");
    });
  }
  if (pattern.endsWith("/")) return found.map((path) => `${path}/`);
  return found.sort();
}

const exists = (files: ProgramFiles, path: string): boolean =>
  files.kindOf(path, { follow: false }) !== undefined;
