// A short run of `npm run differential`: programs of system calls by several processes, of every
// theme, on both kernels. What once differed stands by its name in regressions.test.ts.

import { afterAll, describe, expect, it } from "vitest";
import { compare, report, themes } from "./compare.ts";
import { RealActors } from "./real-actors.ts";
import { SimulatedActors } from "./simulated-actors.ts";
import { surroundings } from "./surroundings.ts";

const PROGRAMS = 40;
const SEED = 20_000;

describe("random programs of system calls give the same on both kernels", () => {
  const real = new RealActors();
  const simulated = new SimulatedActors(surroundings());
  afterAll(() => real.close());

  it.each(themes())("about %s", { timeout: 120_000 }, async (theme) => {
    const found: string[] = [];
    for await (const difference of compare(real, simulated, theme, SEED, PROGRAMS)) {
      found.push(report(difference));
    }
    expect(found.join("\n")).toBe("");
  });
});
