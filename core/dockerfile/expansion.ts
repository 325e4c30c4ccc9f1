// Words of a Dockerfile with their variables and quotes, as a shell would have them, but for what
// only a shell can do.
// Source: https://docs.docker.com/reference/dockerfile/, "Environment replacement"; POSIX, XCU 2.6.2.

import { NacreError } from "../error.ts";
import { trimPrefix, trimSuffix, withReplaced } from "./shell-pattern.ts";

export type Variables = ReadonlyMap<string, string>;

export interface ExpansionOptions {
  readonly escape: "\\" | "`";
  /** Quotes and escapes stay, and so does what no variable is known for. */
  readonly raw?: boolean;
  /** `$X` stays where there is no X. */
  readonly keepUnset?: boolean;
  /** Of a document: quotes are characters, and an escape stands only before `$` and itself. */
  readonly document?: boolean;
}

/** The text as one word. NacreError `invalid`. */
export function expand(text: string, variables: Variables, options: ExpansionOptions): string {
  return new Expansion(text, variables, options).whole().text;
}

/** The text as the words that spaces outside of quotes make. NacreError `invalid`. */
export function expandWords(
  text: string,
  variables: Variables,
  options: ExpansionOptions,
): string[] {
  return new Expansion(text, variables, options).whole().words;
}

interface Expanded {
  readonly text: string;
  readonly words: string[];
}

/** Parameters of a shell that are no variables. */
const SPECIAL = new Set("@*#?-$!0");
const END = "";

class Expansion {
  readonly #all: string;
  readonly #characters: readonly string[];
  readonly #variables: Variables;
  readonly #escape: string;
  readonly #raw: boolean;
  readonly #keepUnset: boolean;
  readonly #document: boolean;
  #at = 0;
  /** The word that is being read. A nested one begins it anew. */
  #word = "";

  constructor(text: string, variables: Variables, options: ExpansionOptions) {
    this.#all = text;
    this.#characters = [...text];
    this.#variables = variables;
    this.#escape = options.escape;
    this.#raw = options.raw ?? false;
    this.#keepUnset = options.keepUnset ?? this.#raw;
    this.#document = options.document ?? false;
  }

  whole(): Expanded {
    return this.#until(END, this.#raw);
  }

  #peek(): string {
    return this.#characters[this.#at] ?? END;
  }

  #next(): string {
    return this.#characters[this.#at++] ?? END;
  }

  #fail(reason: string): never {
    throw new NacreError("invalid", `cannot expand ${JSON.stringify(this.#all)}: ${reason}`);
  }

  #until(stop: string, rawEscapes: boolean): Expanded {
    let text = "";
    const words: string[] = [];
    this.#word = "";
    const flush = (): void => {
      if (this.#word !== "") words.push(this.#word);
      this.#word = "";
    };
    const spaced = (part: string): void => {
      for (const character of part) {
        if (/\s/u.test(character)) flush();
        else this.#word += character;
      }
    };
    for (let first = this.#peek(); first !== END; first = this.#peek()) {
      if (first === stop) {
        this.#at++;
        flush();
        return { text, words };
      }
      const part = this.#part(first, rawEscapes);
      text += part;
      if (first === "$" || !this.#isQuoting(first)) spaced(part);
      else this.#word += part;
    }
    if (stop !== END) this.#fail(`it ends before the ${stop} that is missing`);
    flush();
    return { text, words };
  }

  #isQuoting(character: string): boolean {
    return character === "'" || character === '"' || character === this.#escape;
  }

  #part(first: string, rawEscapes: boolean): string {
    if (first === "$") return this.#parameter();
    if (this.#document) return this.#documentPart();
    if (first === "'") return this.#singleQuoted();
    if (first === '"') return this.#doubleQuoted();
    const character = this.#next();
    if (character !== this.#escape) return character;
    return (rawEscapes ? character : "") + this.#next();
  }

  #documentPart(): string {
    const character = this.#next();
    const escapes = character === this.#escape && ["$", this.#escape].includes(this.#peek());
    return escapes ? this.#next() : character;
  }

  #singleQuoted(): string {
    const from = this.#at++;
    for (let one = this.#next(); one !== "'"; one = this.#next()) {
      if (one === END) this.#fail("a single quote does not end");
    }
    const [outer, inner] = [from, from + 1];
    return this.#characters
      .slice(this.#raw ? outer : inner, this.#at - (this.#raw ? 0 : 1))
      .join("");
  }

  #doubleQuoted(): string {
    let text = this.#raw ? this.#next() : this.#next().slice(1);
    for (;;) {
      const first = this.#peek();
      if (first === END) this.#fail("a double quote does not end");
      if (first === "$") {
        text += this.#parameter();
        continue;
      }
      this.#at++;
      if (first === '"') return this.#raw ? text + first : text;
      const escaped = this.#peek();
      const escapes = first === this.#escape && ['"', "$", this.#escape].includes(escaped);
      if (first === this.#escape && escaped === END) continue;
      if (!escapes) text += first;
      else {
        this.#at++;
        text += this.#raw ? first + escaped : escaped;
      }
    }
  }

  /** `$X`, `${X}`, `${X:-word}`… */
  #parameter(): string {
    this.#at++;
    if (this.#peek() !== "{") {
      const name = this.#name();
      return name === "" ? "$" : this.#value(name, `$${name}`);
    }
    this.#at++;
    if (["{", "}", ":"].includes(this.#peek())) this.#fail("bad substitution");
    const name = this.#name();
    const sign = this.#next();
    if (sign === "}") return this.#value(name, `\${${name}}`);
    if (sign === "/") return this.#replaced(name);
    const colon = sign === ":" ? ":" : "";
    const operator = colon ? this.#next() : sign;
    return this.#operated(name, colon, operator);
  }

  #value(name: string, asWritten: string): string {
    const value = this.#variables.get(name);
    return value ?? (this.#keepUnset ? asWritten : "");
  }

  #operated(name: string, colon: string, operator: string): string {
    const trims = operator === "#" || operator === "%";
    if (!["+", "-", "?"].includes(operator) && !(trims && colon === "")) {
      this.#fail(`unsupported modifier (${colon}${operator || "nothing"}) in substitution`);
    }
    const { text: word } = this.#braced(trims);
    const value = this.#variables.get(name);
    const isSet = value !== undefined && !(colon && value === "");
    switch (operator) {
      case "-":
        return isSet ? value : word;
      case "+":
        return isSet ? word : "";
      case "?":
        if (isSet) return value;
        return this.#fail(`${name}: ${word || `must not be ${value === "" ? "empty" : "unset"}`}`);
      default: {
        const longest = word.startsWith(operator);
        const pattern = longest ? word.slice(1) : word;
        const trim = operator === "#" ? trimPrefix : trimSuffix;
        return trim(value ?? "", pattern, longest);
      }
    }
  }

  /** `${X/pattern/word}`, `${X//pattern/word}`. */
  #replaced(name: string): string {
    const all = this.#peek() === "/";
    if (all) this.#at++;
    const { text: pattern } = this.#until("/", true);
    const { text: word } = this.#braced(true);
    return withReplaced(this.#variables.get(name) ?? "", pattern, word, all);
  }

  #braced(rawEscapes: boolean): Expanded {
    return this.#until("}", rawEscapes);
  }

  /** As a shell reads one: letters, digits and `_`; a number; or one special character. */
  #name(): string {
    const first = this.#peek();
    if (/\d/.test(first) && first !== END) return this.#while(/\d/);
    if (first !== END && SPECIAL.has(first)) return this.#next();
    return this.#while(/[\p{L}\p{Nd}_]/u);
  }

  #while(pattern: RegExp): string {
    let text = "";
    while (this.#peek() !== END && pattern.test(this.#peek())) text += this.#next();
    return text;
  }
}
