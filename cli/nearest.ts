// What somebody may have meant who typed a word that is none.

import { distance } from "fastest-levenshtein";

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
