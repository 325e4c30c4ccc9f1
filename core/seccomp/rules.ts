// From a profile's rules to what decides each call of one ABI.

import { returnValue } from "./actions.ts";
import type { Abi } from "./architectures.ts";
import type { Seccomp, SeccompArgument, SeccompRule } from "./profile.ts";

const UNSIGNED_64 = (1n << 64n) - 1n;

/** A comparison with what it compares, of the size that the ABI's arguments have. */
export interface Comparison {
  readonly index: number;
  readonly op: SeccompArgument["op"];
  /** Of MASKED_EQ what is to be left under the mask. */
  readonly value: bigint;
  readonly mask: bigint;
}

/** All comparisons hold: the filter returns `returns`. */
export interface Case {
  readonly when: readonly Comparison[];
  readonly returns: number;
}

/** What decides a call: its cases in turn, then the default. A case without comparisons is the only one. */
export type Decisions = ReadonlyMap<number, readonly Case[]>;

/** socketcall(2) and ipc(2) of 32-bit x86: which call stands in their first argument. */
const WITHIN: Readonly<Record<string, readonly (readonly [name: string, number: bigint])[]>> = {
  socketcall: numbered(
    "1 socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg",
  ),
  ipc: [
    ...numbered("1 semop semget semctl semtimedop"),
    ...numbered("11 msgsnd msgrcv msgget msgctl"),
    ...numbered("21 shmat shmdt shmget shmctl"),
  ],
};

function numbered(text: string): [string, bigint][] {
  const [first, ...names] = text.split(" ");
  return names.map((name, i) => [name, BigInt(first!) + BigInt(i)]);
}

function comparison(argument: SeccompArgument, bits: number): Comparison {
  const whole = bits === 64 ? UNSIGNED_64 : 0xffff_ffffn;
  const value = BigInt(argument.value) & whole;
  const { index, op } = argument;
  if (op !== "SCMP_CMP_MASKED_EQ") return { index, op, value, mask: whole };
  return { index, op, value: BigInt(argument.valueTwo ?? 0) & value, mask: value };
}

/** Comparisons of one argument twice are alternatives, as runc and crun have them. */
function casesOf(rule: SeccompRule, returns: number, bits: number): Case[] {
  const compared = (rule.args ?? []).map((argument) => comparison(argument, bits));
  const repeats = new Set(compared.map(({ index }) => index)).size < compared.length;
  return repeats
    ? compared.map((one) => ({ when: [one], returns }))
    : [{ when: compared, returns }];
}

/** One call within another: what else is compared is behind a pointer, where no filter sees it. */
function within(name: string, returns: number): [outer: string, made: Case][] {
  return Object.entries(WITHIN).flatMap(([outer, calls]) => {
    const number = calls.find(([inner]) => inner === name)?.[1];
    if (number === undefined) return [];
    const when = [{ index: 0, op: "SCMP_CMP_EQ", value: number, mask: 0xffff_ffffn }] as const;
    return [[outer, { when, returns }] as [string, Case]];
  });
}

const sameComparison = (a: Comparison, b: Comparison): boolean =>
  a.index === b.index && a.op === b.op && a.value === b.value && a.mask === b.mask;
const asked = (cases: readonly Case[], { when }: Case): boolean =>
  cases.some(
    (one) =>
      one.when.length === when.length && one.when.every((c, i) => sameComparison(c, when[i]!)),
  );

/** What nobody would miss: cases behind one that decides all, and last ones that say the default. */
function necessary(cases: readonly Case[], otherwise: number): readonly Case[] {
  const whole = cases.find(({ when }) => when.length === 0);
  if (whole) return whole.returns === otherwise ? [] : [whole];
  const last = cases.findLastIndex(({ returns }) => returns !== otherwise);
  return cases.slice(0, last + 1);
}

/** What decides each call that a profile does not leave to its default. */
export function decisions(seccomp: Seccomp, abi: Abi): Decisions {
  const { defaultErrnoRet, defaultAction, syscalls = [] } = seccomp;
  const numbers = abi.numbers();
  const multiplexed = numbers.has("socketcall");
  const found = new Map<number, Case[]>();
  const add = (name: string, made: Case): void => {
    const number = numbers.get(name);
    if (number === undefined) return;
    const cases = found.get(number);
    if (!cases) found.set(number, [made]);
    else if (!asked(cases, made)) cases.push(made);
  };
  for (const rule of syscalls) {
    const returns = returnValue(rule.action, rule.errnoRet ?? defaultErrnoRet);
    for (const name of rule.names) {
      for (const made of casesOf(rule, returns, abi.bits)) add(name, made);
      if (!multiplexed) continue;
      for (const [outer, made] of within(name, returns)) add(outer, made);
    }
  }
  const otherwise = returnValue(defaultAction, defaultErrnoRet);
  const kept = [...found].map(([number, cases]) => [number, necessary(cases, otherwise)] as const);
  return new Map(kept.filter(([, cases]) => cases.length > 0));
}
