// The compiler of seccomp profiles: rules become a program of classic BPF that the kernel runs
// before every system call. Which calls there are is looked up in a binary search over their
// numbers; neighbours with the same answer are one. What always has the same answer, the kernel
// finds out when it takes the filter, and asks no more (Linux 5.11).

import { NacreError } from "../error.ts";
import { KILL_PROCESS, NO_SUCH_CALL, returnValue } from "./actions.ts";
import { type Abi, abisOf, X32 } from "./architectures.ts";
import {
  AND,
  ARCHITECTURE_AT,
  Assembly,
  highAt,
  JUMP_AT_LEAST,
  JUMP_EQUAL,
  JUMP_GREATER,
  LOAD,
  lowAt,
  NUMBER_AT,
  type Target,
} from "./assembly.ts";
import { X32_BIT } from "./numbers.ts";
import type { Seccomp } from "./profile.ts";
import { type Case, type Comparison, decisions } from "./rules.ts";

/** Calls from `from` to where the next begins, with one answer. */
interface Range {
  readonly from: number;
  readonly cases: readonly Case[];
  readonly otherwise: number;
}

/** 64 bits are compared by halves, the high one first. */
function compare(to: Assembly, c: Comparison, abi: Abi, yes: Target, no: Target): Target {
  const [low, high] = [Number(c.value & 0xffff_ffffn), Number(c.value >> 32n)];
  const half = (load: number, mask: bigint, code: number, k: number, then: Target, not: Target) => {
    const branch = to.branch(code, k, then, not);
    const whole = mask === 0xffff_ffffn;
    return to.before(whole ? branch : to.before(branch, AND, Number(mask)), LOAD, load);
  };
  const equal = (then: Target, not: Target): Target => {
    const lowMask = c.mask & 0xffff_ffffn;
    const highMask = c.mask >> 32n;
    const next = lowMask === 0n ? then : half(lowAt(c.index), lowMask, JUMP_EQUAL, low, then, not);
    if (abi.bits === 32 || highMask === 0n) return next;
    return half(highAt(c.index), highMask, JUMP_EQUAL, high, next, not);
  };
  const above = (code: number, then: Target, not: Target): Target => {
    const next = half(lowAt(c.index), 0xffff_ffffn, code, low, then, not);
    if (abi.bits === 32) return next;
    const same = to.branch(JUMP_EQUAL, high, next, not);
    return to.before(to.branch(JUMP_GREATER, high, then, same), LOAD, highAt(c.index));
  };
  switch (c.op) {
    case "SCMP_CMP_EQ":
    case "SCMP_CMP_MASKED_EQ":
      return equal(yes, no);
    case "SCMP_CMP_NE":
      return equal(no, yes);
    case "SCMP_CMP_GE":
      return above(JUMP_AT_LEAST, yes, no);
    case "SCMP_CMP_GT":
      return above(JUMP_GREATER, yes, no);
    case "SCMP_CMP_LT":
      return above(JUMP_AT_LEAST, no, yes);
    case "SCMP_CMP_LE":
      return above(JUMP_GREATER, no, yes);
  }
}

function decide(to: Assembly, { cases, otherwise }: Range, abi: Abi): Target {
  return cases.reduceRight<Target>(
    (next, { when, returns }) =>
      when.reduceRight<Target>((then, c) => compare(to, c, abi, then, next), { returns }),
    { returns: otherwise },
  );
}

function search(to: Assembly, ranges: readonly Range[], abi: Abi): Target {
  if (ranges.length === 1) return decide(to, ranges[0]!, abi);
  const middle = ranges.length >> 1;
  const right = search(to, ranges.slice(middle), abi);
  const left = search(to, ranges.slice(0, middle), abi);
  return to.branch(JUMP_AT_LEAST, ranges[middle]!.from, right, left);
}

/**
 * Every number has an answer. A call that is newer than our table is one that this profile cannot
 * mean: ENOSYS, so that C libraries fall back to what was there before, as they do on an older
 * kernel, where the default is to refuse.
 */
function rangesOf(seccomp: Seccomp, abi: Abi): Range[] {
  const { defaultAction, defaultErrnoRet } = seccomp;
  const otherwise = returnValue(defaultAction, defaultErrnoRet);
  const unknown = defaultAction === "SCMP_ACT_ERRNO" ? NO_SUCH_CALL : otherwise;
  const first = abi === X32 ? X32_BIT : 0;
  const rest = (from: number): Range => ({
    ...{ from, cases: [] },
    otherwise: from > abi.newest && from < 0xffff_ffff ? unknown : otherwise,
  });
  const ranges: Range[] = [rest(first)];
  const put = (range: Range): void => {
    const before = ranges.at(-1)!;
    if (before.from === range.from) ranges.pop();
    const last = ranges.at(-1);
    const plain = last?.cases.length === 0 && range.cases.length === 0;
    if (!plain || last.otherwise !== range.otherwise) ranges.push(range);
  };
  const marks = [[abi.newest + 1, []] as const, [0xffff_ffff, []] as const];
  const all = [...decisions(seccomp, abi), ...marks].sort(([a], [b]) => a - b);
  for (const [number, cases] of all) {
    const always = cases[0]?.when.length === 0 ? cases[0].returns : undefined;
    if (cases.length === 0) put(rest(number));
    else if (always !== undefined) put({ from: number, cases: [], otherwise: always });
    else put({ from: number, cases, otherwise });
    if (cases.length > 0) put(rest(number + 1));
  }
  return ranges;
}

/** All calls of one AUDIT_ARCH. x32's begin where those of x86_64 end. */
function calls(to: Assembly, seccomp: Seccomp, abi: Abi, x32: boolean): Target {
  const plain = rangesOf(seccomp, abi);
  if (abi.audit !== X32.audit) return to.before(search(to, plain, abi), LOAD, NUMBER_AT);
  const otherwise = returnValue(seccomp.defaultAction, seccomp.defaultErrnoRet);
  // A tracer makes a call number -1 to have it skipped: it is no call of x32.
  const beyond: Target = x32
    ? search(to, rangesOf(seccomp, X32), X32)
    : to.branch(JUMP_EQUAL, 0xffff_ffff, { returns: otherwise }, { returns: KILL_PROCESS });
  const own = search(to, plain, abi);
  return to.before(to.branch(JUMP_AT_LEAST, X32_BIT, beyond, own), LOAD, NUMBER_AT);
}

/**
 * The filter of a profile on a machine, as seccomp(2) takes it: struct sock_filter[]. Calls of
 * architectures that it does not name kill the process.
 * @param architecture OCI architecture of the machine
 * @throws NacreError `unsupported` where the machine's calls are not known
 */
export function compileFilter(seccomp: Seccomp, architecture: string): Uint8Array {
  const [native, ...others] = abisOf(architecture);
  if (!native) {
    throw new NacreError(
      "unsupported",
      `seccomp: the system calls of ${architecture} are not known here`,
      { advice: "Run it without a filter: --security-opt seccomp=unconfined." },
    );
  }
  const named = new Set(seccomp.architectures ?? []);
  const to = new Assembly();
  const x32 = named.has(X32.name);
  const abis = [native, ...others.filter((abi) => abi !== X32 && named.has(abi.name))];
  const dispatch = abis.reduceRight<Target>(
    (next, abi) => to.branch(JUMP_EQUAL, abi.audit, calls(to, seccomp, abi, x32), next),
    { returns: KILL_PROCESS },
  );
  to.before(dispatch, LOAD, ARCHITECTURE_AT);
  return to.finish();
}
