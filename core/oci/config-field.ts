// A value of a config.json and where it stands in it, so that whatever is wrong with it is said of
// a field that a person can find: `config.json: linux.namespaces[2].type is …`.

import { NacreError } from "../error.ts";

/** A value as an error tells it: not all of one that is long. */
export const shown = (value: unknown): string => {
  const plain = (_: string, one: unknown) => (typeof one === "bigint" ? String(one) : one);
  const text =
    typeof value === "bigint" ? String(value) : (JSON.stringify(value, plain) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};

/** 2^63 - 1 as nearly as a number can be it. */
const MOST_OF_64_BITS = Number(2n ** 63n - 1n);
/** The largest number that a user or a group can have (setresuid(2)). */
export const LARGEST_ID = 0xffff_fffe;
const IDENTIFIER = /^[\w-]+$/;

export class Field {
  readonly value: unknown;
  /** `process.args[0]`; empty for the whole. */
  readonly path: string;
  readonly #file: string;

  constructor(value: unknown, path = "", file = "config.json") {
    this.value = value;
    this.path = path;
    this.#file = file;
  }

  /** Neither missing nor null, which JSON's writers have for what is not set. */
  get isGiven(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  /** The error that says something of this field. */
  error(what: string, advice?: string): NacreError {
    const where = this.path === "" ? "" : `${this.path} `;
    return new NacreError("invalid", `${this.#file}: ${where}${what}`, advice ? { advice } : {});
  }

  unsupported(what: string): NacreError {
    return new NacreError("unsupported", `${this.#file}: ${this.path}: ${what}`);
  }

  #wrong(expected: string): NacreError {
    return this.isGiven
      ? this.error(`must be ${expected}, not ${shown(this.value)}`)
      : this.error(`is missing: it must be ${expected}`);
  }

  #object(): Readonly<Record<string, unknown>> {
    const { value } = this;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw this.#wrong("an object");
    }
    return value as Record<string, unknown>;
  }

  /** A member. Of what is not given there is none. */
  at(name: string): Field {
    const member = this.isGiven ? this.#object()[name] : undefined;
    const step = IDENTIFIER.test(name)
      ? this.path === ""
        ? name
        : `.${name}`
      : `[${shown(name)}]`;
    return new Field(member, this.path + step, this.#file);
  }

  /** The members of an object by name; none where it is not given. */
  entries(): [string, Field][] {
    if (!this.isGiven) return [];
    return Object.keys(this.#object()).map((name) => [name, this.at(name)]);
  }

  /** An element, of what was read as a list. */
  element(index: number): Field {
    return new Field((this.value as unknown[])[index], `${this.path}[${index}]`, this.#file);
  }

  /** The elements of a list; none where it is not given. */
  list<T>(read: (element: Field) => T): T[] {
    if (!this.isGiven) return [];
    if (!Array.isArray(this.value)) throw this.#wrong("a list");
    return this.value.map((_, i) => read(this.element(i)));
  }

  optional<T>(read: (field: Field) => T): T | undefined {
    return this.isGiven ? read(this) : undefined;
  }

  text(): string {
    if (typeof this.value !== "string") throw this.#wrong("a text");
    if (this.value.includes("\0")) throw this.error("has a NUL in it");
    return this.value;
  }

  word<T extends string>(words: readonly T[]): T {
    const found = words.find((word) => word === this.text());
    if (found !== undefined) return found;
    throw this.error(`is ${shown(this.value)}`, `There are ${words.join(", ")}.`);
  }

  absolutePath(): string {
    const path = this.text();
    if (!path.startsWith("/")) throw this.error(`must be an absolute path, not ${shown(path)}`);
    return path;
  }

  flag(): boolean {
    if (typeof this.value !== "boolean") throw this.#wrong("true or false");
    return this.value;
  }

  integer(least = Number.MIN_SAFE_INTEGER, most = Number.MAX_SAFE_INTEGER): number {
    const { value } = this;
    const number = typeof value === "bigint" ? Number(value) : value;
    if (typeof number !== "number" || !Number.isInteger(number))
      throw this.#wrong("a whole number");
    // What is said to have no bound has one of 64 bits with a sign.
    const bound = most === Number.MAX_SAFE_INTEGER ? MOST_OF_64_BITS : most;
    if (number < least || number > bound) {
      throw this.error(`must be from ${least} to ${bound}, not ${shown(value)}`);
    }
    return number;
  }

  /** Of 64 bits, without a sign. */
  unsigned(): bigint {
    const { value } = this;
    const whole = typeof value === "bigint" || Number.isInteger(value);
    if (!whole) throw this.#wrong("a whole number");
    const number = BigInt(value as number | bigint);
    if (number < 0n || number >= 1n << 64n) throw this.error(`is out of range: ${number}`);
    return number;
  }

  texts(): string[] {
    return this.list((one) => one.text());
  }

  /** Numbers of users and groups. The last of 32 bits says to the kernel that all stays as it is: root. */
  id(): number {
    return this.integer(0, LARGEST_ID);
  }

  /** Texts by names, which are not empty. */
  record(): Record<string, string> {
    return Object.fromEntries(
      this.entries().map(([name, field]) => {
        if (name === "") throw this.error("has an empty name in it");
        return [name, field.text()];
      }),
    );
  }
}

/** Numbers that JavaScript cannot hold are bigints. @throws NacreError `invalid` */
export function parseJson(text: string, file: string): unknown {
  const reviver = (_: string, value: unknown, context?: { readonly source: string }): unknown =>
    typeof value === "number" &&
    !Number.isSafeInteger(value) &&
    /^-?\d+$/.test(context?.source ?? "")
      ? BigInt((context as { source: string }).source)
      : value;
  try {
    return JSON.parse(text, reviver as Parameters<typeof JSON.parse>[1]);
  } catch (error) {
    throw new NacreError("invalid", `${file} is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
