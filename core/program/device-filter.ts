// A container's device rules as a program for the kernel (BPF_PROG_TYPE_CGROUP_DEVICE): cgroup v2
// has no file for them. The kernel runs it at every open(2) and mknod(2) of a device node, and asks
// with what it is given:
//
//   struct bpf_cgroup_dev_ctx { u32 access << 16 | type; u32 major; u32 minor }
//
// Each of read, write and mknod that is asked for is decided by the last rule that speaks of the
// device and of it; what no rule speaks of is refused. So the rules are compiled last to first, and
// w3 holds what is asked for and not decided yet: a rule that allows takes its part out, and the
// answer is yes when nothing is left; one that denies answers no if any of its part is left.
//
// v1 knows only exceptions from one default, and does nothing where a rule is narrower than what it
// was to change. Where both can say the same they do.
// Source: Linux, include/uapi/linux/bpf.h, kernel/bpf/cgroup.c, security/device_cgroup.c.

import { NacreError } from "../error.ts";
import type { SpecDeviceRule } from "../oci/runtime-spec.ts";
import { BPF, type BpfInstruction, encodeBpf } from "./bpf.ts";

/** BPF_DEVCG_ACC_*: what is asked for. */
export const ACCESS_BITS = { m: 1, r: 2, w: 4 } as const;
/** BPF_DEVCG_DEV_*: of what. */
export const TYPE_NUMBERS = { b: 1, c: 2 } as const;
const EVERY_ACCESS = 7;

/** Registers: what is asked (r1 points to it), its parts, and the answer. */
const [ANSWER, ASKED, TYPE, ACCESS, MAJOR, MINOR] = [0, 1, 2, 3, 4, 5];

const one = (
  code: number,
  to: number,
  { from = 0, offset = 0, value = 0 }: Partial<BpfInstruction> = {},
): BpfInstruction => ({ code, to, from, offset, value });

const TAKE_APART: readonly BpfInstruction[] = [
  one(BPF.load, TYPE, { from: ASKED, offset: 0 }),
  one(BPF.and, TYPE, { value: 0xffff }),
  one(BPF.load, ACCESS, { from: ASKED, offset: 0 }),
  one(BPF.shiftRight, ACCESS, { value: 16 }),
  one(BPF.load, MAJOR, { from: ASKED, offset: 4 }),
  one(BPF.load, MINOR, { from: ASKED, offset: 8 }),
];

const bitsOf = (access: string): number =>
  [...access].reduce((sum, letter) => sum | ACCESS_BITS[letter as keyof typeof ACCESS_BITS], 0);
const isAny = (number: number | undefined): boolean => number === undefined || number < 0;

/** Speaks of every device and every access: no rule before it matters. */
const isWhole = (rule: SpecDeviceRule): boolean =>
  (rule.type ?? "a") === "a" &&
  isAny(rule.major) &&
  isAny(rule.minor) &&
  bitsOf(rule.access) === EVERY_ACCESS;

/** A place that a jump leads to and that is not known yet. */
type Label = "next" | "allow" | "deny";
type Jump = BpfInstruction & { readonly label?: Label };

const jump = (code: number, to: number, value: number, label: Label): Jump => ({
  ...one(code, to, { value }),
  label,
});

/** What one rule adds; its jumps to "next" lead behind it. */
function block(rule: SpecDeviceRule): Jump[] {
  const { type = "a", major, minor } = rule;
  const access = bitsOf(rule.access);
  const jumps: Jump[] = [];
  if (type === "b" || type === "c") {
    jumps.push(jump(BPF.jumpIfOther, TYPE, TYPE_NUMBERS[type], "next"));
  }
  if (!isAny(major)) jumps.push(jump(BPF.jumpIfOther, MAJOR, major as number, "next"));
  if (!isAny(minor)) jumps.push(jump(BPF.jumpIfOther, MINOR, minor as number, "next"));
  if (!rule.allow) return [...jumps, jump(BPF.jumpIfAny, ACCESS, access, "deny")];
  const left = one(BPF.and, ACCESS, { value: EVERY_ACCESS & ~access });
  return [...jumps, left, jump(BPF.jumpIfEqual, ACCESS, 0, "allow")];
}

const answer = (value: 0 | 1): BpfInstruction[] => [
  one(BPF.set, ANSWER, { value }),
  one(BPF.exit, 0),
];

/** A jump is 16 bits with a sign. */
const FARTHEST = 0x7fff;

function refuseLength(rules: number): never {
  throw new NacreError("invalid", `${rules} rules for devices are too many for one program`, {
    advice: "Say with a * what many of them have in common, as in 'c 10:* rwm'.",
  });
}

/** Puts the answers behind the blocks, as far as one leads there, and fills in the jumps. */
function linked(blocks: readonly (readonly Jump[])[], last: 0 | 1, rules: number): Uint8Array {
  const body = blocks.flat();
  const ends = blocks.map(() => 0);
  blocks.reduce((at, each, i) => {
    ends[i] = at + each.length;
    return at + each.length;
  }, TAKE_APART.length);
  const otherwise: Label = last === 1 ? "deny" : "allow";
  const behind = TAKE_APART.length + body.length;
  const places = { [otherwise]: behind + 2, [last === 1 ? "allow" : "deny"]: behind };
  const tail = body.some(({ label }) => label === otherwise)
    ? [...answer(last), ...answer(last === 1 ? 0 : 1)]
    : answer(last);
  if (behind + tail.length > FARTHEST) refuseLength(rules);
  let at = TAKE_APART.length;
  const jumps = blocks.flatMap((each, i) =>
    each.map(({ label, ...instruction }) => {
      at++;
      if (label === undefined) return instruction;
      const to = label === "next" ? (ends[i] as number) : (places[label] as number);
      return { ...instruction, offset: to - at };
    }),
  );
  return encodeBpf([...TAKE_APART, ...jumps, ...tail]);
}

/** Whether the rules leave nothing to be filtered. */
export const allowsEveryDevice = (rules: readonly SpecDeviceRule[]): boolean => {
  const last = rules.at(-1);
  return last?.allow === true && isWhole(last);
};

/**
 * The program's bytes, for BPF_PROG_LOAD.
 * @throws NacreError `invalid` where the rules are too many
 */
export function deviceFilter(rules: readonly SpecDeviceRule[]): Uint8Array {
  const reversed = [...rules].reverse();
  const whole = reversed.findIndex(isWhole);
  const speaking = whole < 0 ? reversed : reversed.slice(0, whole);
  const last = reversed[whole]?.allow ? 1 : 0;
  return linked(speaking.map(block), last, rules.length);
}
