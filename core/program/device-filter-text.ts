// A filter of devices in words, from the very bytes that the kernel runs: an instruction a line.

import { BPF, type BpfInstruction, decodeBpf } from "./bpf.ts";
import { ACCESS_BITS, TYPE_NUMBERS } from "./device-filter.ts";

const NAMES: Readonly<Record<number, string>> = { 2: "type", 3: "access", 4: "major", 5: "minor" };
const LETTERS = Object.entries(ACCESS_BITS).sort(([a], [b]) => "rwm".indexOf(a) - "rwm".indexOf(b));
const TYPES: Readonly<Record<number, string>> = {
  [TYPE_NUMBERS.b]: "b, a block device",
  [TYPE_NUMBERS.c]: "c, a character device",
};

const letters = (bits: number): string =>
  LETTERS.map(([letter, bit]) => (bits & bit ? letter : "")).join("") || "nothing";
const register = (number: number): string => NAMES[number] ?? `r${number}`;

const shown = ({ to, value }: BpfInstruction): string =>
  to === 2 ? (TYPES[value] ?? String(value)) : String(value);

function sentence(one: BpfInstruction, index: number): string {
  const target = index + 1 + one.offset;
  const what = register(one.to);
  switch (one.code) {
    case BPF.load:
      return `take ${what} from byte ${one.offset} of what is asked`;
    case BPF.and:
      return what === "access"
        ? `${letters(7 & ~one.value)} is decided: ${letters(one.value)} of the access may be left`
        : `keep the lower ${32 - Math.clz32(one.value)} bits of ${what}`;
    case BPF.shiftRight:
      return `drop the lower ${one.value} bits of ${what}`;
    case BPF.jumpIfOther:
      return `unless ${what} is ${shown(one)}, go on at ${target}`;
    case BPF.jumpIfEqual:
      return what === "access" && one.value === 0
        ? `if nothing is left of the access, go on at ${target}`
        : `if ${what} is ${shown(one)}, go on at ${target}`;
    case BPF.jumpIfAny:
      return `if ${what} has any of ${letters(one.value)}, go on at ${target}`;
    case BPF.set:
      return one.to === 0
        ? `the answer is ${one.value === 0 ? "no" : "yes"}`
        : `${what} is ${one.value}`;
    case BPF.exit:
      return "end";
    default:
      return `instruction 0x${one.code.toString(16)}`;
  }
}

/** The program's lines, numbered as its jumps name them. */
export function deviceFilterText(bytes: Uint8Array): string[] {
  const instructions = decodeBpf(bytes) ?? [];
  return instructions.map((one, i) => `${String(i).padStart(3)}  ${sentence(one, i)}`);
}
