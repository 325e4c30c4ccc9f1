// Options in docker's syntax, as Go's pflag has it: `--name value`, `--name=value`, `-n value`,
// `-nvalue`, `-n=value`, flags combined (`-it`), flags with a value (`--rm=false`), repeated
// lists (`-e A=1 -e B=2`). Where a command is handed on to a container, options end at the first
// word that is none.
//
// Why this is not a library: docs/decisions/0011-argument-parser.md.

import { FlagError, UnknownFlagError } from "./flag-error.ts";
import { parseBoolean } from "./parse/number.ts";

/** What a completion offers for a value: words, or a kind of thing on this machine. */
export type Suggestion = readonly string[] | KindOfThing;
/** `joinable`: running containers and pins. `copyable`: files here, and containers with a colon. */
export type KindOfThing =
  | "images"
  | "containers"
  | "running"
  | "volumes"
  | "secrets"
  | "pins"
  | "joinable"
  | "copyable"
  | "files";

/** One option and how its words become a `T`. */
export interface Option<T = unknown> {
  readonly long: string;
  readonly short: string | undefined;
  /** An older long name, understood and not shown. */
  readonly alias?: string;
  /** The value's name in the help; absent for a flag. */
  readonly takes: string | undefined;
  readonly help: string;
  /** The value where the option is not given. */
  readonly initial: T;
  /** Folds one more occurrence in. @throws FlagError */
  add(before: T, text: string): T;
  readonly suggest?: Suggestion;
}

export type OptionTable = Readonly<Record<string, Option<never> | Option>>;
export type Values<O extends OptionTable> = {
  readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never;
};

type Names = readonly [long: string, short?: string];

/** An option that is either there or not. */
export function flag([long, short]: Names, help: string): Option<boolean> {
  const add = (_: boolean, text: string) => parseBoolean(text);
  return { long, short, takes: undefined, help, initial: false, add };
}

/** An option with one value; the last occurrence wins. */
export function value<T>(
  [long, short]: Names,
  takes: string,
  help: string,
  parse: (text: string) => T,
  suggest?: Suggestion,
): Option<T | undefined> {
  const add = (_: T | undefined, text: string) => parse(text);
  return { long, short, takes, help, initial: undefined, add, ...(suggest && { suggest }) };
}

export function text(
  names: Names,
  takes: string,
  help: string,
  suggest?: Suggestion,
): Option<string | undefined> {
  return value(names, takes, help, (word) => word, suggest);
}

/** The same option under an older name, too. */
export function alsoNamed<T>(alias: string, option: Option<T>): Option<T> {
  return { ...option, alias };
}

/** One of a few words. */
export function choice<T extends string>(
  names: Names,
  choices: readonly T[],
  help: string,
): Option<T | undefined> {
  const parse = (word: string) => {
    const found = choices.find((each) => each === word);
    if (found === undefined) throw new FlagError(`must be one of ${choices.join(", ")}`);
    return found;
  };
  return value(names, choices.join("|"), help, parse, choices);
}

/** An option that may be repeated. */
export function list<T>(
  [long, short]: Names,
  takes: string,
  help: string,
  parse: (text: string) => T,
  suggest?: Suggestion,
): Option<readonly T[]> {
  const add = (before: readonly T[], text: string) => [...before, parse(text)];
  return { long, short, takes, help, initial: [], add, ...(suggest && { suggest }) };
}

export interface ParsedWords<O extends OptionTable> {
  readonly values: Values<O>;
  readonly operands: readonly string[];
  /** Whether -h or --help stood where an option may stand; then the rest was not read. */
  readonly help: boolean;
}

/**
 * @param interspersed whether options may follow operands
 * @throws FlagError with docker's message
 */
export function parseWords<O extends OptionTable>(
  table: O,
  words: readonly string[],
  interspersed: boolean,
): ParsedWords<O> {
  const reader = new Reader(table);
  const operands: string[] = [];
  let at = 0;
  while (at < words.length && !reader.help) {
    const word = words[at++]!;
    if (word === "--") {
      operands.push(...words.slice(at));
      break;
    }
    if (word === "-" || !word.startsWith("-")) {
      operands.push(word);
      if (interspersed) continue;
      operands.push(...words.slice(at));
      break;
    }
    const next = words[at];
    if (word.startsWith("--") ? reader.long(word, next) : reader.short(word, next)) at++;
  }
  return { values: reader.values as Values<O>, operands, help: reader.help };
}

/** Reads one word at a time; `long` and `short` say whether they took the next word too. */
class Reader {
  readonly values: Record<string, unknown> = {};
  help = false;
  readonly #options: readonly (readonly [key: string, option: Option])[];

  constructor(table: OptionTable) {
    this.#options = Object.entries(table) as [string, Option][];
    for (const [key, option] of this.#options) this.values[key] = option.initial;
  }

  long(word: string, next: string | undefined): boolean {
    const equals = word.indexOf("=");
    const name = word.slice(2, equals < 0 ? undefined : equals);
    const found = this.#options.find(([, { long, alias }]) => long === name || alias === name);
    if (found === undefined) {
      if (name === "help") this.help = true;
      else throw new UnknownFlagError(`unknown flag: --${name}`, `--${name}`, this.#longNames());
      return false;
    }
    if (equals >= 0) return this.#take(found, word.slice(equals + 1));
    if (found[1].takes === undefined) return this.#take(found, "true");
    if (next === undefined) throw new FlagError(`flag needs an argument: --${name}`);
    this.#take(found, next);
    return true;
  }

  short(word: string, next: string | undefined): boolean {
    for (let i = 1; i < word.length; i++) {
      const letter = word[i]!;
      const found = this.#options.find(([, option]) => option.short === letter);
      if (found === undefined) {
        if (letter !== "h") {
          throw new FlagError(`unknown shorthand flag: '${letter}' in -${word.slice(i)}`);
        }
        this.help = true;
        return false;
      }
      const rest = word.slice(i + 1);
      if (rest.startsWith("=")) return this.#take(found, rest.slice(1));
      if (found[1].takes === undefined) this.#take(found, "true");
      else if (rest !== "") return this.#take(found, rest);
      else if (next !== undefined) return !this.#take(found, next);
      else throw new FlagError(`flag needs an argument: '${letter}' in -${word.slice(i)}`);
    }
    return false;
  }

  #longNames(): string[] {
    return ["--help", ...this.#options.map(([, { long }]) => `--${long}`)];
  }

  /** Always false: the next word is still to be read. */
  #take([key, option]: readonly [string, Option], word: string): false {
    try {
      this.values[key] = option.add(this.values[key], word);
    } catch (error) {
      if (!(error instanceof FlagError)) throw error;
      const flags = option.short === undefined ? "" : `-${option.short}, `;
      const quoted = JSON.stringify(word);
      throw new FlagError(
        `invalid argument ${quoted} for "${flags}--${option.long}" flag: ${error.message}`,
      );
    }
    return false;
  }
}
