// Random seccomp profiles, calls that lie on the edges of what they compare, and what a profile
// says of a call, read from the profile itself.

import { returnValue } from "@nacre/core/seccomp/actions.ts";
import { abisOf } from "@nacre/core/seccomp/architectures.ts";
import type { SystemCall } from "@nacre/core/seccomp/evaluate.ts";
import type {
  Seccomp,
  SeccompAction,
  SeccompArgument,
  SeccompRule,
} from "@nacre/core/seccomp/profile.ts";
import fc from "fast-check";

/** Few names, so that rules meet; the first and the last of the table, neighbours and loners. */
export const NAMES = ["read", "write", "open", "clone", "personality", "socket", "semop"];
NAMES.push("set_mempolicy_home_node", "io_uring_setup", "preadv2", "not_everywhere", "chown32");

const EDGES = [0n, 1n, 7n, 8n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 0x1_0000_0000n];
EDGES.push(0x1_0000_0007n, 0x7e02_0000n, 0xffff_ffff_0000_0000n, 0xffff_ffff_ffff_ffffn);

const value = fc.oneof(fc.constantFrom(...EDGES), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }));
const operator = fc.constantFrom<SeccompArgument["op"]>(
  ...(["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"] as const).map(
    (op) => `SCMP_CMP_${op}` as const,
  ),
);
const argument: fc.Arbitrary<SeccompArgument> = fc.record({
  index: fc.integer({ min: 0, max: 5 }),
  value,
  valueTwo: value,
  op: operator,
});
const action = fc.constantFrom<SeccompAction>(
  "SCMP_ACT_ALLOW",
  "SCMP_ACT_ERRNO",
  "SCMP_ACT_KILL_PROCESS",
  "SCMP_ACT_LOG",
  "SCMP_ACT_TRAP",
);
const errno = fc.constantFrom(1, 13, 38, 4094);

const rule = (
  of: fc.Arbitrary<SeccompAction>,
  errors: fc.Arbitrary<number>,
): fc.Arbitrary<SeccompRule> =>
  fc.record({
    names: fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 }),
    action: of,
    errnoRet: errors,
    args: fc.oneof(
      fc.constant([]),
      fc.uniqueArray(argument, { selector: ({ index }) => index, maxLength: 3 }),
      fc.array(argument, { maxLength: 3 }),
    ),
  });

/** `one`: all rules say the same, so that it does not count which is asked first. */
export const profile = (actions: "one" | "any"): fc.Arbitrary<Seccomp> =>
  fc.tuple(action, action, errno).chain(([only, defaultAction, error]) =>
    fc.record({
      defaultAction: fc.constant(defaultAction),
      defaultErrnoRet: errno,
      architectures: fc.subarray(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]),
      syscalls: fc.array(
        actions === "one" ? rule(fc.constant(only), fc.constant(error)) : rule(action, errno),
        { maxLength: 8 },
      ),
    }),
  );

/** The ABI of a call among those of x86. */
export type CallAbi = "SCMP_ARCH_X86_64" | "SCMP_ARCH_X86" | "SCMP_ARCH_X32";
export interface RandomCall extends SystemCall {
  readonly abi: CallAbi;
  readonly name: string;
}

/** A call of a name that rules may have, or of any number; with arguments next to what is compared. */
export const call: fc.Arbitrary<RandomCall> = fc
  .record({
    abi: fc.constantFrom<CallAbi>("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
    name: fc.constantFrom(...NAMES),
    other: fc.option(fc.integer({ min: 0, max: 469 }), { freq: 3 }),
    near: fc.array(fc.tuple(value, fc.constantFrom(-1n, 0n, 1n)), { minLength: 6, maxLength: 6 }),
  })
  .map(({ abi, name, other, near }) => {
    const { audit, bits, numbers } = abisOf("amd64").find((one) => one.name === abi)!;
    const table = numbers();
    const base = abi === "SCMP_ARCH_X32" ? 0x4000_0000 : 0;
    const number = other === null ? (table.get(name) ?? base + 1) : base + other;
    const named = [...table].find(([, n]) => n === number)?.[0] ?? "";
    const values = near.map(([edge, by]) => BigInt.asUintN(bits, edge + by));
    return { abi, name: named, audit, number, arguments: values };
  });

function holds(one: SeccompArgument, values: readonly bigint[], bits: number): boolean {
  const cut = (n: number | bigint = 0): bigint => BigInt.asUintN(bits, BigInt(n));
  const [is, than] = [values[one.index] ?? 0n, cut(one.value)];
  switch (one.op) {
    case "SCMP_CMP_NE":
      return is !== than;
    case "SCMP_CMP_LT":
      return is < than;
    case "SCMP_CMP_LE":
      return is <= than;
    case "SCMP_CMP_EQ":
      return is === than;
    case "SCMP_CMP_GE":
      return is >= than;
    case "SCMP_CMP_GT":
      return is > than;
    case "SCMP_CMP_MASKED_EQ":
      return (is & than) === (cut(one.valueTwo) & than);
  }
}

/** What a profile says of a call, as its documentation has it. */
export function verdict(seccomp: Seccomp, made: RandomCall): number {
  const rules = (seccomp.syscalls ?? []).filter(({ names }) => names.includes(made.name));
  const said = ({ action: what, errnoRet }: SeccompRule): number =>
    returnValue(what, errnoRet ?? seccomp.defaultErrnoRet);
  const whole = rules.find(({ args = [] }) => args.length === 0);
  if (whole) return said(whole);
  const bits = made.abi === "SCMP_ARCH_X86" ? 32 : 64;
  const matching = rules.find(({ args = [] }) => {
    const each = args.map((one) => holds(one, made.arguments, bits));
    const repeats = new Set(args.map(({ index }) => index)).size < args.length;
    return repeats ? each.includes(true) : !each.includes(false);
  });
  return matching ? said(matching) : returnValue(seccomp.defaultAction, seccomp.defaultErrnoRet);
}
