// Whatever numbers a host hands in, the core answers with a fault and not with a trap.

import type { Core } from "@nacre/core/core.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { builds } from "./portable.ts";

/** Exports that take a machine's handle first, and where among their arguments (pointer, length) is. */
const calls: Record<string, { numbers: number; bytesAt?: number }> = {
  cgroupChild: { numbers: 4, bytesAt: 2 },
  cgroupChildren: { numbers: 2 },
  cgroupCreate: { numbers: 4, bytesAt: 2 },
  cgroupEffectiveLimit: { numbers: 3 },
  cgroupHierarchies: { numbers: 1 },
  cgroupHierarchyInfo: { numbers: 2 },
  cgroupHierarchyNew: { numbers: 3 },
  cgroupHierarchyRemove: { numbers: 2 },
  cgroupInfo: { numbers: 2 },
  cgroupLimit: { numbers: 3 },
  cgroupRemove: { numbers: 2 },
  cgroupSetLimit: { numbers: 4 },
  cgroupShare: { numbers: 3 },
  cgroupSubtreeControl: { numbers: 4 },
  cpusetList: { numbers: 4 },
  cpusetSet: { numbers: 5, bytesAt: 3 },
  cssCounts: { numbers: 1 },
  cssExit: { numbers: 2 },
  cssFork: { numbers: 5, bytesAt: 3 },
  cssMove: { numbers: 4, bytesAt: 2 },
  cssNodes: { numbers: 2 },
  cssOf: { numbers: 2 },
  cssSets: { numbers: 1 },
  cssSetsOf: { numbers: 2 },
  cssTasks: { numbers: 2 },
};

const number = fc.oneof(
  fc.nat(4),
  fc.nat(4),
  fc.nat(20),
  fc.nat(2 ** 14),
  fc.nat({ max: 0xffffffff }),
);
const call = fc.record({
  name: fc.constantFrom(...Object.keys(calls)),
  numbers: fc.array(number, { minLength: 5, maxLength: 5 }),
  bytes: fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(fc.nat(9), { maxLength: 6 }).map((n) => new Uint8Array(Uint32Array.from(n).buffer)),
  ),
});

function perform(
  core: Core,
  machine: number,
  { name, numbers, bytes }: CallOf<typeof call>,
): number {
  const { numbers: count, bytesAt } = calls[name]!;
  const args = numbers.slice(0, count);
  if (numbers[4]! % 8 !== 0) args[0] = machine;
  if (bytesAt !== undefined) {
    const pointer = core.exports.io!();
    core.view(pointer, bytes.length).set(bytes);
    args[bytesAt] = pointer;
    // css exports count nodes of four bytes, the others bytes.
    args[bytesAt + 1] = name.startsWith("css") ? bytes.length >>> 2 : bytes.length;
  }
  return core.exports[name]!(...args);
}

type CallOf<T> = T extends fc.Arbitrary<infer U> ? U : never;

describe.each(builds)("$build", ({ core: make }) => {
  it("answers every call with 0 or an errno, whatever the numbers", () => {
    fc.assert(
      fc.property(fc.array(call, { minLength: 20, maxLength: 80 }), (program) => {
        const core = make();
        const machine = core.exports.cgroupSystemNew!(4, 2, (1 << 14) - 1);
        for (const one of program) {
          const code = perform(core, machine, one);
          expect([0, 2, 3, 11, 13, 16, 17, 22, 28, 34, 36, 95]).toContain(code);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("reads any bytes as a reference or a digest", () => {
    const core = make();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(9), (bytes, form) => {
        const pointer = core.exports.io!();
        core.view(pointer, bytes.length).set(bytes);
        expect(core.exports.referenceParse!(pointer, bytes.length, form)).toBeLessThanOrEqual(8);
        expect(core.exports.digestCheck!(pointer, bytes.length)).toBeLessThanOrEqual(3);
      }),
      { numRuns: 1000 },
    );
  });
});
