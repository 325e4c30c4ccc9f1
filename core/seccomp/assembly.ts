// An assembler for the kernel's classic BPF, as seccomp takes it (linux/filter.h,
// Documentation/userspace-api/seccomp_filter.rst). Jumps go forward only, over at most 255
// instructions; so a program is written from its end, where every target is known already.

import { NacreError } from "../error.ts";

export const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
export const AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
export const JUMP = 0x05; // BPF_JMP | BPF_JA
export const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
export const JUMP_GREATER = 0x25; // BPF_JMP | BPF_JGT | BPF_K
export const JUMP_AT_LEAST = 0x35; // BPF_JMP | BPF_JGE | BPF_K
export const RETURN = 0x06; // BPF_RET | BPF_K

/** Offsets in struct seccomp_data. Arguments are of 64 bits; the low half first (little-endian). */
export const NUMBER_AT = 0;
export const ARCHITECTURE_AT = 4;
export const lowAt = (index: number): number => 16 + 8 * index;
export const highAt = (index: number): number => 20 + 8 * index;

/** BPF_MAXINSNS */
const MOST = 4096;
export const INSTRUCTION_BYTES = 8;
/** What a jump can reach, less the jumps that may come to stand between. */
const REACH = 252;

/** Where a program goes on: at something that is written, or with its end. */
export type Target = { readonly at: number } | { readonly returns: number };

export class Assembly {
  /** Four numbers an instruction, the last instruction first. */
  readonly #reversed: (readonly [code: number, yes: number, no: number, k: number])[] = [];
  /** Where each value is returned, the latest. */
  readonly #returns = new Map<number, number>();

  #put(code: number, yes: number, no: number, k: number): number {
    this.#reversed.push([code, yes, no, k]);
    return this.#reversed.length - 1;
  }

  #near = (at: number): boolean => this.#reversed.length - at <= REACH;

  /** A place within reach where `target` goes on. */
  #reachable(target: Target): number {
    if ("returns" in target) {
      const known = this.#returns.get(target.returns);
      if (known !== undefined && this.#near(known)) return known;
      const at = this.#put(RETURN, 0, 0, target.returns);
      this.#returns.set(target.returns, at);
      return at;
    }
    if (this.#near(target.at)) return target.at;
    return this.#put(JUMP, 0, 0, this.#reversed.length - target.at - 1);
  }

  /** Goes on at `yes` where the comparison holds, and at `no` where not. */
  branch(code: number, k: number, yes: Target, no: Target): Target {
    const right = this.#reachable(yes);
    const wrong = this.#reachable(no);
    const here = this.#reversed.length;
    return { at: this.#put(code, here - right - 1, here - wrong - 1, k >>> 0) };
  }

  /** Something to be done before `next`. */
  before(next: Target, code: number, k: number): Target {
    const at = this.#reachable(next);
    if (at !== this.#reversed.length - 1) {
      this.#put(JUMP, 0, 0, this.#reversed.length - at - 1);
    }
    return { at: this.#put(code, 0, 0, k >>> 0) };
  }

  /** struct sock_filter[], whose first instruction is what was written last. */
  finish(): Uint8Array {
    const count = this.#reversed.length;
    if (count > MOST) {
      throw new NacreError(
        "invalid",
        `the seccomp profile makes a filter of ${count} instructions; the kernel takes ${MOST}`,
        { advice: "Let fewer rules compare arguments." },
      );
    }
    const bytes = new Uint8Array(count * INSTRUCTION_BYTES);
    const view = new DataView(bytes.buffer);
    for (const [i, [code, yes, no, k]] of this.#reversed.toReversed().entries()) {
      view.setUint16(i * 8, code, true);
      view.setUint8(i * 8 + 2, yes);
      view.setUint8(i * 8 + 3, no);
      view.setUint32(i * 8 + 4, k >>> 0, true);
    }
    return bytes;
  }
}
