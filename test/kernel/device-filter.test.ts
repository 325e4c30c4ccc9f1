// Filters of devices on the real kernel: random rules, loaded, attached and replaced, and what a
// process below them may then make and open, beside what the same bytes answer in the simulation.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { SpecDeviceRule } from "@nacre/core/oci/runtime-spec.ts";
import { deviceFilter } from "@nacre/core/program/device-filter.ts";
import { BpfProgram } from "@nacre/simulated/bpf.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kernel, scratch } from "./native.ts";

const TOP = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].find((path) =>
  existsSync(`${path}/cgroup.controllers`),
);
const SCRIPT = fileURLToPath(new URL("try-devices.py", import.meta.url));
const RULE_SETS = 150;

const number = fc.constantFrom(-1, 120, 121, 122);
const rules: fc.Arbitrary<SpecDeviceRule[]> = fc.array(
  fc.record({
    allow: fc.boolean(),
    type: fc.constantFrom("a" as const, "b" as const, "c" as const),
    major: number,
    minor: fc.constantFrom(-1, 0, 1, 2),
    access: fc.subarray(["r", "w", "m"], { minLength: 1 }).map((letters) => letters.join("")),
  }),
  { maxLength: 6 },
);

/** In the order in which the script asks: of each node m, r, w, rw. */
function answers(bytes: Uint8Array): string {
  const program = new BpfProgram(bytes, 3);
  const asked = [1, 2].flatMap((type) =>
    [120, 121, 122].flatMap((major) =>
      [0, 1, 2].flatMap((minor) =>
        [1, 2, 4, 6].map((bits) => program.run([(bits << 16) | type, major, minor])),
      ),
    ),
  );
  return asked.map((yes) => (yes === 1 ? "y" : "n")).join("");
}

// Where no cgroup2 is mounted there is nothing to attach to.
describe.skipIf(TOP === undefined)("filters of devices, which need a cgroup v2", () => {
  it("answer as the simulated kernel does, whatever the rules, each in place of the last", async () => {
    const path = `${TOP}/nacre-test-devices-${process.pid}`;
    using directory = scratch();
    mkdirSync(path);
    const script = spawn("python3", [SCRIPT, path, directory.path], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const ended = new Promise((resolve) => script.once("exit", resolve));
    const lines = createInterface({ input: script.stdout })[Symbol.asyncIterator]();
    try {
      expect((await lines.next()).value).toBe("ready");
      const linux = kernel();
      for (const [index, each] of fc.sample(rules, { numRuns: RULE_SETS, seed: 1 }).entries()) {
        const instructions = deviceFilter(each);
        const title = "filter devices";
        await linux.perform({ title, host: [{ op: "attachDeviceFilter", path, instructions }] });
        script.stdin.write("\n");
        expect([index, each, (await lines.next()).value]).toEqual([
          index,
          each,
          answers(instructions),
        ]);
      }
    } finally {
      script.stdin.end();
      await ended;
      rmdirSync(path);
    }
  });
});
