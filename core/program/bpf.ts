// The kernel's own machine code (eBPF), as far as a filter of devices needs it: eight bytes an
// instruction, ten registers of 64 bits, jumps relative to the next instruction.
// Source: Linux, Documentation/bpf/standardization/instruction-set.rst, include/uapi/linux/bpf.h.

/** Codes by what they do: `w` is the lower half of a register, whose upper half becomes 0. */
export const BPF = {
  /** r[to] = the 32 bits at r[from] + offset. */
  load: 0x61,
  /** w[to] &= value. */
  and: 0x54,
  /** w[to] >>= value, with zeros. */
  shiftRight: 0x74,
  /** r[to] = value. */
  set: 0xb7,
  /** Jump if r[to] == value. */
  jumpIfEqual: 0x15,
  /** Jump if r[to] != value. */
  jumpIfOther: 0x55,
  /** Jump if r[to] & value is not 0. */
  jumpIfAny: 0x45,
  /** The result is r0. */
  exit: 0x95,
} as const;

export interface BpfInstruction {
  readonly code: number;
  readonly to: number;
  readonly from: number;
  /** Of memory, in bytes; of a jump, in instructions after this one. */
  readonly offset: number;
  /** 32 bits with a sign. */
  readonly value: number;
}

const BYTES = 8;

/** Numbers are little-endian, as on every machine that Nacre knows. */
export function encodeBpf(instructions: readonly BpfInstruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * BYTES);
  const view = new DataView(bytes.buffer);
  instructions.forEach(({ code, to, from, offset, value }, i) => {
    view.setUint8(i * BYTES, code);
    view.setUint8(i * BYTES + 1, to | (from << 4));
    view.setInt16(i * BYTES + 2, offset, true);
    view.setInt32(i * BYTES + 4, value, true);
  });
  return bytes;
}

/** Undefined where the bytes end within an instruction. */
export function decodeBpf(bytes: Uint8Array): BpfInstruction[] | undefined {
  if (bytes.length % BYTES !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / BYTES }, (_, i) => {
    const registers = view.getUint8(i * BYTES + 1);
    return {
      code: view.getUint8(i * BYTES),
      to: registers & 15,
      from: registers >> 4,
      offset: view.getInt16(i * BYTES + 2, true),
      value: view.getInt32(i * BYTES + 4, true),
    };
  });
}
