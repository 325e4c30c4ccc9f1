// Random programs of system calls: the simulated kernel beside the real one that runs the same, and
// beside the two hundred programs a second that make a long differential run bearable.

import { createHash } from "node:crypto";
import { release } from "node:os";
import { canonical, draw, themes } from "../test/kernel/differential/compare.ts";
import { RealActors } from "../test/kernel/differential/real-actors.ts";
import { SimulatedActors } from "../test/kernel/differential/simulated-actors.ts";
import type { StepProgram } from "../test/kernel/differential/steps.ts";
import { surroundings } from "../test/kernel/differential/surroundings.ts";
import { type Benchmark, interleave, type Row } from "./harness.ts";

const SEED = 7;
const MOST_MS_A_PROGRAM = 5;

/** Milliseconds of one run of all, and a hash of what every step gave. */
async function timed(
  programs: readonly StepProgram[],
  run: () => AsyncIterable<string[]>,
  hashes: Set<string>,
): Promise<number> {
  const results: string[][] = [];
  const start = performance.now();
  for await (const result of run()) results.push(result);
  const elapsedMs = performance.now() - start;
  const shown = programs.map((program, at) => canonical(program, results[at] ?? []));
  hashes.add(createHash("sha256").update(JSON.stringify(shown)).digest("hex").slice(0, 12));
  return elapsedMs;
}

export const differential: Benchmark = {
  name: "differential",
  about: "random programs of system calls, simulated and on the real kernel",
  async run({ small }) {
    const each = small ? 3 : 60;
    const programs = themes().flatMap((theme) => draw(theme, SEED, each));
    const real = new RealActors();
    const simulated = new SimulatedActors(surroundings());
    async function* simulate(): AsyncGenerator<string[]> {
      for (const program of programs) yield await simulated.run(program);
    }
    const hashes = new Set<string>();
    try {
      const runs = small ? 1 : 5;
      const [ours = 0, theirs = 0] = await interleave(
        [
          () => timed(programs, simulate, hashes),
          () => timed(programs, () => real.run(programs), hashes),
        ],
        runs,
      );
      if (hashes.size !== 1) throw new Error("the kernels differ: npm run differential says where");
      const [hash = ""] = hashes;
      const most = programs.length * MOST_MS_A_PROGRAM;
      const work = `${programs.length} random programs of system calls, simulated`;
      const rows: Row[] = [
        {
          work,
          peer: `the same on Linux ${release()}`,
          unit: "ms",
          ...{ ours, theirs, ratio: ours / theirs, atMost: 1, runs, hash },
        },
        {
          work,
          peer: `${1000 / MOST_MS_A_PROGRAM} programs a second`,
          unit: "ms",
          ...{ ours, theirs: most, ratio: ours / most, atMost: 1, runs, hash },
        },
      ];
      return rows;
    } finally {
      await real.close();
    }
  },
};
