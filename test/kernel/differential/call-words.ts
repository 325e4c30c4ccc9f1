// How a system call of the simulated side is written: a function of the process that makes it and the
// words of the step.

import type { Actor } from "./simulated-actors.ts";
import { FLAGS, type Flag } from "./steps.ts";

export type Call = (actor: Actor, words: readonly string[], actors: Map<number, Actor>) => unknown;

export const S = (words: readonly string[], at: number): string => words[at] ?? "";
export const N = (words: readonly string[], at: number): number => Number(words[at] ?? 0);
export const has = (flags: number, name: Flag): boolean => (flags & FLAGS[name]) !== 0;
