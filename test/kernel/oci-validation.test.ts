// What the programs of opencontainers/runtime-tools ask of a runtime, asked by checks of our own.
// `npm run oci-validation` asks crun and runc the same, and prints what came of it.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHECKS, judged } from "../oci-validation/all.ts";
import { withHugePages } from "../oci-validation/huge-pages.ts";
import { OciBench, RUNTIME } from "./oci-bench.ts";

const PROGRAMS_OF_RUNTIME_TOOLS = 58;
// What a machine could have is mounted for the test, as the script does, before anybody is asked what it lacks.
const hugePages = withHugePages();
let bench: OciBench;
beforeAll(() => {
  bench = new OciBench();
});
afterAll(() => {
  bench?.[Symbol.dispose]();
  hugePages[Symbol.dispose]();
});

describe("nacre-runtime", () => {
  for (const check of CHECKS) {
    const lacks = check.missing?.();
    const name = `${check.name}: ${check.asks}${lacks === undefined ? "" : ` (${lacks})`}`;
    // This machine's kernel lacks what the check is about, whichever runtime is asked.
    it.skipIf(lacks !== undefined)(name, async () => {
      await bench.unchanged(async () => {
        expect(await judged(check, { name: "nacre", path: RUNTIME })).toBeUndefined();
      });
    });
  }
});

it("is asked what each of those programs asks", () => {
  expect(new Set(CHECKS.map(({ name }) => name)).size).toBe(PROGRAMS_OF_RUNTIME_TOOLS);
});
