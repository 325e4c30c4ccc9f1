// The keys by which one leaves a container running, found in what is typed.

/** Finds the keys in what is typed. What may be their beginning waits for what comes next. */
export class DetachKeys {
  readonly #keys: readonly number[];
  #matched = 0;

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  /** What is to be passed on, and whether all keys were typed: then nothing is after them. */
  pass(typed: Uint8Array): { readonly passed: Uint8Array; readonly left: boolean } {
    const passed: number[] = [];
    for (const byte of typed) {
      if (byte !== this.#keys[this.#matched]) {
        passed.push(...this.#keys.slice(0, this.#matched));
        this.#matched = 0;
      }
      if (byte !== this.#keys[this.#matched]) passed.push(byte);
      else if (++this.#matched === this.#keys.length) {
        return { passed: Uint8Array.from(passed), left: true };
      }
    }
    return { passed: Uint8Array.from(passed), left: false };
  }
}
