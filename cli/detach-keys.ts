// The keys by which one leaves a container running (`ctrl-p,ctrl-q`), as docker has them.

import { FlagError } from "./flag-error.ts";

export const DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q";

/** Bytes of keys: a character, or `ctrl-` and one of a-z @ [ \\ ] ^ _. Empty: none. @throws FlagError */
export function parseDetachKeys(text: string): readonly number[] {
  if (text === "") return [];
  return text.split(",").map((key) => {
    const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
    if (control !== undefined) return control.toUpperCase().charCodeAt(0) - 64;
    if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
    throw new FlagError(`invalid detach keys (${text}): unknown character: '${key}'`);
  });
}

/** Finds the keys in what is typed. What may be their beginning waits for what comes next. */
export class DetachKeys {
  readonly #keys: readonly number[];
  #matched = 0;

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  /** What is to be passed on; undefined once all keys were typed. */
  pass(typed: Uint8Array): Uint8Array | undefined {
    const passed: number[] = [];
    for (const byte of typed) {
      if (byte !== this.#keys[this.#matched]) {
        passed.push(...this.#keys.slice(0, this.#matched));
        this.#matched = 0;
      }
      if (byte !== this.#keys[this.#matched]) passed.push(byte);
      else if (++this.#matched === this.#keys.length) return undefined;
    }
    return Uint8Array.from(passed);
  }
}
