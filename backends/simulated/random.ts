import type { Random } from "@nacre/core/ports/random.ts";

/** A sequence that its seed determines (xorshift32 over Weyl steps): the same run, byte for byte, again. */
export class SimulatedRandom implements Random {
  #state: number;
  #weyl = 0;

  constructor(seed = 1) {
    // Zero is the one state that xorshift never leaves.
    this.#state = seed >>> 0 || 0x9e3779b9;
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i++) bytes[i] = this.#next() >>> 24;
    return bytes;
  }

  #next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    this.#weyl = (this.#weyl + 362437) >>> 0;
    return (this.#state + this.#weyl) >>> 0;
  }
}
