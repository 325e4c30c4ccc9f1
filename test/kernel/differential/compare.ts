// Runs random programs on both kernels and compares what every step of them gives. A program that
// differs is made as short as it can be while the same step still differs.

import fc from "fast-check";
import { programOf, THEMES } from "./random-steps.ts";
import type { RealActors } from "./real-actors.ts";
import type { SimulatedActors } from "./simulated-actors.ts";
import { Canonical, type StepProgram, shown } from "./steps.ts";

export interface Difference {
  readonly theme: string;
  readonly seed: number;
  readonly program: StepProgram;
  readonly real: readonly string[];
  readonly simulated: readonly string[];
}

/** Drawn in one go from one seed. */
export const CHUNK = 50;

export function draw(theme: string, seed: number, count: number): StepProgram[] {
  return fc.sample(programOf(theme), { seed, numRuns: count });
}

/** Results without what only names things. */
export function canonical(program: StepProgram, results: readonly string[]): string[] {
  const names = new Canonical();
  return program.steps.map((step, at) => names.of(step, results[at] ?? "(nothing)"));
}

async function both(
  real: RealActors,
  simulated: SimulatedActors,
  program: StepProgram,
): Promise<{ there: string[]; here: string[] }> {
  const here = canonical(program, await simulated.run(program));
  for await (const results of real.run([program])) {
    return { there: canonical(program, results), here };
  }
  throw new Error("the real side gave nothing");
}

const differs = (there: readonly string[], here: readonly string[]): number =>
  there.findIndex((result, at) => result !== here[at]);

/** Leaves out steps, the later ones first, as long as the last one's results differ. */
export async function shrink(
  real: RealActors,
  simulated: SimulatedActors,
  program: StepProgram,
): Promise<StepProgram> {
  let best = program;
  const attempt = async (steps: StepProgram["steps"]): Promise<boolean> => {
    const candidate = { ...program, steps };
    const { there, here } = await both(real, simulated, candidate);
    const at = differs(there, here);
    if (at < 0) return false;
    best = { ...program, steps: steps.slice(0, at + 1) };
    return true;
  };
  if (!(await attempt(program.steps))) return program;
  for (let size = Math.max(1, best.steps.length >> 1); size >= 1; size >>= 1) {
    for (let at = best.steps.length - 1 - size; at >= 0; at -= size) {
      const { steps } = best;
      await attempt([...steps.slice(0, at), ...steps.slice(at + size)]);
      at = Math.min(at, best.steps.length);
    }
  }
  return best;
}

const AGAIN = 8;

/** Whether the real kernel, asked again, gives what the simulated one does: then it is chance. */
async function isChance(
  real: RealActors,
  simulated: SimulatedActors,
  program: StepProgram,
): Promise<boolean> {
  for (let time = 0; time < AGAIN; time++) {
    const { there, here } = await both(real, simulated, program);
    if (differs(there, here) < 0) return true;
  }
  return false;
}

/** Programs of one theme; yields those that differ, shrunk. */
export async function* compare(
  real: RealActors,
  simulated: SimulatedActors,
  theme: string,
  seed: number,
  count: number,
): AsyncGenerator<Difference> {
  const programs = draw(theme, seed, count);
  const different: StepProgram[] = [];
  let at = 0;
  for await (const results of real.run(programs)) {
    const program = programs[at++] as StepProgram;
    const there = canonical(program, results);
    const here = canonical(program, await simulated.run(program));
    if (differs(there, here) >= 0) different.push(program);
  }
  for (const program of different) {
    if (await isChance(real, simulated, program)) continue;
    const short = await shrink(real, simulated, program);
    const { there, here } = await both(real, simulated, short);
    yield { theme, seed, program: short, real: there, simulated: here };
  }
}

/** A program as lines, with both results where they differ. */
export function report({ theme, seed, program, real, simulated }: Difference): string {
  const lines = program.steps.map((step, at) => {
    const same = real[at] === simulated[at];
    const result = same
      ? real[at]
      : `\n      real       ${real[at]}\n      simulated  ${simulated[at]}`;
    return `  ${shown(step)} → ${result}`;
  });
  const replay = `npm run differential -- --theme "${theme}" --programs ${CHUNK} --seed ${seed}`;
  return `${theme}: ${replay}\n${lines.join("\n")}\n`;
}

export const themes = (): string[] => Object.keys(THEMES);
