// Programs of system calls of which it is known what they give: on both kernels the same.

import { afterAll, expect, it } from "vitest";
import { RealActors } from "./real-actors.ts";
import { SimulatedActors } from "./simulated-actors.ts";
import { Canonical, type StepProgram } from "./steps.ts";
import { surroundings } from "./surroundings.ts";

export interface Case extends Omit<StepProgram, "cgroups"> {
  /** Of the last steps, as many as there are. */
  readonly gives: readonly string[];
  readonly cgroups?: boolean;
}

/** Makes a test of each, within a `describe`. */
export function holdsOnBoth(cases: Readonly<Record<string, Case>>): void {
  const around = surroundings();
  const real = new RealActors();
  const simulated = new SimulatedActors(around);
  afterAll(() => real.close());

  it.each(Object.entries(cases))("%s", async (_name, { gives, cgroups = false, ...rest }) => {
    const program = { ...rest, cgroups };
    const shown = (results: readonly string[]): string[] => {
      const names = new Canonical();
      const root = around.capabilities.toString(16);
      const all = program.steps.map((one, at) => names.of(one, results[at] ?? "(nothing)"));
      return all
        .slice(-gives.length)
        .map((result) => result.replaceAll(root.padStart(16, "0"), "ALL").replaceAll(root, "ALL"));
    };
    for await (const results of real.run([program])) expect(shown(results)).toEqual(gives);
    expect(shown(await simulated.run(program))).toEqual(gives);
  });
}
