// Runs the kernel's own machine code, as much of it as filters of devices are made of, and refuses
// before it runs what the kernel's verifier refuses of that: what does not end, leads nowhere, is
// never reached, reads what nobody wrote.
// Source: Linux, Documentation/bpf/verifier.rst.

import { BPF, type BpfInstruction, decodeBpf } from "@nacre/core/program/bpf.ts";
import { fail } from "./errno.ts";

/** What one is called with: the numbers that r1 points to, 32 bits each. */
export type BpfContext = readonly number[];

const JUMPS: readonly number[] = [BPF.jumpIfEqual, BPF.jumpIfOther, BPF.jumpIfAny];
const HIGHEST_WRITABLE = 9;
const CONTEXT = 1;
const MOST_INSTRUCTIONS = 1_000_000;

/** Where it may go on after the instruction at `index`. */
function after({ code, offset }: BpfInstruction, index: number): readonly number[] {
  if (code === BPF.exit) return [];
  return JUMPS.includes(code) ? [index + 1 + offset, index + 1] : [index + 1];
}

/** Registers with a number in them after the instruction. EACCES, EINVAL where it may not stand there. */
function written(one: BpfInstruction, before: number, contextSize: number): number {
  const has = (register: number): boolean => (before & (1 << register)) !== 0;
  if (one.code === BPF.exit) return has(0) ? before : fail("EACCES", "R0 !read_ok");
  if (JUMPS.includes(one.code)) return has(one.to) ? before : fail("EACCES", `R${one.to} !read_ok`);
  if (one.to > HIGHEST_WRITABLE) fail("EACCES", "frame pointer is read only");
  if (one.code === BPF.load) {
    const inside = one.offset >= 0 && one.offset % 4 === 0 && one.offset < contextSize * 4;
    if (one.from !== CONTEXT || !inside) fail("EACCES", "invalid bpf_context access");
  } else if (one.code === BPF.and || one.code === BPF.shiftRight) {
    if (!has(one.to)) fail("EACCES", `R${one.to} !read_ok`);
    if (one.code === BPF.shiftRight && (one.value < 0 || one.value > 31)) fail("EINVAL");
  } else if (one.code !== BPF.set) fail("EINVAL", `unknown opcode ${one.code.toString(16)}`);
  return before | (1 << one.to);
}

/** A program that has been verified. */
export class BpfProgram {
  readonly #instructions: readonly BpfInstruction[];

  /** @throws Errno EINVAL, E2BIG, EACCES as BPF_PROG_LOAD does */
  constructor(bytes: Uint8Array, contextSize: number) {
    const instructions = decodeBpf(bytes) ?? fail("EINVAL");
    const count = instructions.length;
    if (count === 0 || count > MOST_INSTRUCTIONS) fail("E2BIG");
    // Jumps lead forward only: one pass sees every instruction after all that lead to it.
    const known: (number | undefined)[] = [0];
    instructions.forEach((one, index) => {
      const before = known[index] ?? fail("EINVAL", `unreachable insn ${index}`);
      if (JUMPS.includes(one.code) && one.offset < 0) fail("EINVAL", "back-edge");
      const now = written(one, before, contextSize);
      for (const next of after(one, index)) {
        if (next >= count) fail("EINVAL", "jump out of range");
        known[next] = (known[next] ?? now) & now;
      }
    });
    this.#instructions = instructions;
  }

  /** r0 at the end. Numbers are of 32 bits here: nothing that is understood makes a wider one. */
  run(context: BpfContext): number {
    const registers = new Uint32Array(HIGHEST_WRITABLE + 2);
    for (let at = 0; ; ) {
      const one = this.#instructions[at] as BpfInstruction;
      const { code, to, offset, value } = one;
      const held = registers[to] as number;
      at++;
      if (code === BPF.exit) return registers[0] as number;
      if (code === BPF.load) registers[to] = context[offset / 4] as number;
      else if (code === BPF.and) registers[to] = held & value;
      else if (code === BPF.shiftRight) registers[to] = held >>> value;
      else if (code === BPF.set) registers[to] = value;
      else if (jumps(code, held, value >>> 0)) at += offset;
    }
  }
}

function jumps(code: number, held: number, value: number): boolean {
  if (code === BPF.jumpIfEqual) return held === value;
  return code === BPF.jumpIfOther ? held !== value : (held & value) !== 0;
}
