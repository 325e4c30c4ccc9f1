// Faults on purpose, so that every step of a program can be seen to fail and be survived. A fault
// takes the place of an operation: nothing of it happens, and the kernel says the errno. Inverses
// do not fail: what they undo was done. One seed gives the same faults to the same run.

import type { Section } from "@nacre/core/program/program.ts";
import { Errno, type ErrnoName } from "./errno.ts";

export interface FaultOptions {
  /** This operation fails, in every program that has it. */
  readonly failAt?: {
    readonly section: Section;
    readonly index: number;
    readonly errno: ErrnoName;
  };
  /** Each operation fails with this probability, with one of these errors. */
  readonly random?: {
    readonly seed: number;
    readonly probability: number;
    readonly errnos: readonly ErrnoName[];
  };
}

/** mulberry32: fractions in 0…1 that the seed determines. */
function fractions(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Faults {
  readonly #options: FaultOptions;
  readonly #next: () => number;

  constructor(options: FaultOptions = {}) {
    this.#options = options;
    this.#next = fractions(options.random?.seed ?? 0);
  }

  /** Called before each operation; throws what it is to fail with. */
  before(section: Section, index: number): void {
    const { failAt, random } = this.#options;
    if (failAt && failAt.section === section && failAt.index === index) {
      throw new Errno(failAt.errno, "on purpose");
    }
    if (!random || random.errnos.length === 0) return;
    if (this.#next() >= random.probability) return;
    const errno = random.errnos[Math.floor(this.#next() * random.errnos.length)] as ErrnoName;
    throw new Errno(errno, "on purpose");
  }
}
