// What somebody may have meant who typed a word that is none.

import { distance } from "fastest-levenshtein";
import type { UnknownWord } from "./flag-error.ts";
import type { Option } from "./options.ts";

/** How many letters may be wrong; short words are like too many others. */
const allowed = (word: string): number => Math.max(1, Math.floor(word.length / 3));

const letters = (word: string): string => [...word].sort().join("");

/** Letters in another order are one mistake: fingers are faster than thoughts. */
const mistakes = (word: string, candidate: string): number =>
  letters(word) === letters(candidate)
    ? Math.min(1, distance(word, candidate))
    : distance(word, candidate);

/** The nearest of `known`, at most three, best first; none where nothing is near. */
export function nearest(word: string, known: readonly string[]): string[] {
  return known
    .map((candidate) => ({ candidate, off: mistakes(word, candidate) }))
    .filter(({ off, candidate }) => off <= allowed(word) || candidate.startsWith(word))
    .toSorted((a, b) => a.off - b.off)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** What to say of a word that `command` does not know; `globals` are options of nacre itself. */
export function hint(
  { word, known }: UnknownWord,
  command: string,
  globals: readonly Pick<Option, "long" | "takes">[],
): string | undefined {
  const global = globals.find(({ long }) => word === `--${long}`);
  if (global && command !== "nacre") {
    const value = global.takes === undefined ? "" : ` ${global.takes.toUpperCase()}`;
    const line = `nacre ${word}${value} ${command.replace(/^nacre /, "")}`;
    return `${word} is an option of nacre itself and stands before the command: ${line}`;
  }
  const meant = nearest(word, known);
  return meant.length > 0 ? `Did you mean ${meant.join(" or ")}?` : undefined;
}
