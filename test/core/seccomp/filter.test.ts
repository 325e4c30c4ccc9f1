import { actionOf, KILL_PROCESS, NO_SUCH_CALL, returnValue } from "@nacre/core/seccomp/actions.ts";
import { abisOf } from "@nacre/core/seccomp/architectures.ts";
import { evaluateFilter } from "@nacre/core/seccomp/evaluate.ts";
import { compileFilter } from "@nacre/core/seccomp/filter.ts";
import type { Seccomp, SeccompRule } from "@nacre/core/seccomp/profile.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { call, profile, verdict } from "./random-profiles.ts";

const ALLOW = returnValue("SCMP_ACT_ALLOW");
const [x86_64, x86, x32] = abisOf("amd64");

/** What a profile's filter answers to a call by name. */
function ask(
  seccomp: Seccomp,
  name: string,
  values: bigint[] = [],
  abi = x86_64!,
  machine = "amd64",
): number {
  const number = abi.numbers().get(name)!;
  const filter = compileFilter(seccomp, machine);
  return evaluateFilter(filter, { audit: abi.audit, number, arguments: values });
}

const allowing = (...syscalls: SeccompRule[]): Seccomp => ({
  defaultAction: "SCMP_ACT_ERRNO",
  architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  syscalls,
});

describe("the filter of a profile", () => {
  it("says what the profile says, of any profile and call", () => {
    fc.assert(
      fc.property(
        profile("any"),
        fc.array(call, { minLength: 20, maxLength: 20 }),
        (made, calls) => {
          const filter = compileFilter(made, "amd64");
          for (const one of calls) {
            if (one.name === "socketcall" || one.name === "ipc") continue;
            const foreign =
              one.abi !== "SCMP_ARCH_X86_64" && !made.architectures?.includes(one.abi);
            expect(evaluateFilter(filter, one)).toBe(foreign ? KILL_PROCESS : verdict(made, one));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("has rules for every call of a machine at once", () => {
    const names = [...x86_64!.numbers().keys()];
    const rules = names.map((name, i) => ({
      names: [name],
      action: "SCMP_ACT_ERRNO" as const,
      errnoRet: 1 + (i % 4000),
      args: [{ index: i % 6, op: "SCMP_CMP_EQ" as const, value: BigInt(i) << 20n }],
    }));
    const wide: Seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: rules };
    const filter = compileFilter(wide, "amd64");
    for (const [i, name] of names.entries()) {
      const values = Array.from({ length: 6 }, (_, n) => (n === i % 6 ? BigInt(i) << 20n : 1n));
      const number = x86_64!.numbers().get(name)!;
      const asked = { audit: x86_64!.audit, number };
      expect(evaluateFilter(filter, { ...asked, arguments: values })).toBe(
        returnValue("SCMP_ACT_ERRNO", 1 + (i % 4000)),
      );
      expect(evaluateFilter(filter, { ...asked, arguments: [2n, 2n, 2n, 2n, 2n, 2n] })).toBe(ALLOW);
    }
  });

  it("refuses more instructions than the kernel takes", () => {
    const names = [...x86_64!.numbers().keys()];
    const many = allowing(
      ...[1, 2, 3, 4, 5].map((value) => ({
        names,
        action: "SCMP_ACT_ALLOW" as const,
        args: [{ index: 0, op: "SCMP_CMP_GT" as const, value }],
      })),
    );
    expect(() => compileFilter(many, "amd64")).toThrow(/the kernel takes 4096/);
  });

  it("kills for calls of architectures that the profile does not name", () => {
    const only: Seccomp = { defaultAction: "SCMP_ACT_ALLOW" };
    expect(ask(only, "read")).toBe(ALLOW);
    expect(ask(only, "read", [], x86)).toBe(KILL_PROCESS);
    expect(ask(only, "read", [], x32)).toBe(KILL_PROCESS);
    expect(ask(only, "read", [], abisOf("arm64")[0])).toBe(KILL_PROCESS);
  });

  it("takes the number -1, which a tracer gives to a call that is skipped, for no call of x32", () => {
    const filter = compileFilter({ defaultAction: "SCMP_ACT_ALLOW" }, "amd64");
    const skipped = { audit: x86_64!.audit, number: 0xffff_ffff, arguments: [] };
    expect(evaluateFilter(filter, skipped)).toBe(ALLOW);
  });

  it("says of calls that are newer than its table that there is no such call", () => {
    const filter = compileFilter(allowing({ names: ["read"], action: "SCMP_ACT_ALLOW" }), "amd64");
    for (const number of [470, 600, 0x4000_0000 + 548]) {
      const newer = { audit: x86_64!.audit, number, arguments: [] };
      expect(evaluateFilter(filter, newer)).toBe(NO_SUCH_CALL);
    }
    const known = { audit: x86_64!.audit, number: 469, arguments: [] };
    expect(evaluateFilter(filter, known)).toBe(returnValue("SCMP_ACT_ERRNO"));
  });

  it("sees which call socketcall and ipc of 32-bit x86 stand for, but not its arguments", () => {
    const made = allowing(
      {
        names: ["socket"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, op: "SCMP_CMP_NE", value: 40 }],
      },
      { names: ["semget"], action: "SCMP_ACT_ALLOW" },
    );
    expect(ask(made, "socketcall", [1n], x86)).toBe(ALLOW);
    expect(ask(made, "socketcall", [2n], x86)).toBe(returnValue("SCMP_ACT_ERRNO"));
    expect(ask(made, "ipc", [2n], x86)).toBe(ALLOW);
    expect(ask(made, "ipc", [11n], x86)).toBe(returnValue("SCMP_ACT_ERRNO"));
  });

  it("lets a rule without comparisons decide, wherever it stands", () => {
    const some: SeccompRule = {
      names: ["clone"],
      action: "SCMP_ACT_ERRNO",
      errnoRet: 5,
      args: [{ index: 0, op: "SCMP_CMP_EQ", value: 7 }],
    };
    const all: SeccompRule = { names: ["clone"], action: "SCMP_ACT_ALLOW" };
    expect(ask(allowing(some, all), "clone", [7n])).toBe(ALLOW);
    expect(ask(allowing(all, some), "clone", [7n])).toBe(ALLOW);
  });

  it("is refused for a machine whose calls nobody knows", () => {
    expect(() => compileFilter({ defaultAction: "SCMP_ACT_ALLOW" }, "s390x")).toThrow(
      expect.objectContaining({ kind: "unsupported" }),
    );
  });

  it("reads back what it returns", () => {
    expect(actionOf(returnValue("SCMP_ACT_ERRNO", 38))).toEqual({
      action: "SCMP_ACT_ERRNO",
      data: 38,
    });
    expect(actionOf(ALLOW)).toEqual({ action: "SCMP_ACT_ALLOW", data: 0 });
  });
});
