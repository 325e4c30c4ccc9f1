// `npm run differential -- [--programs N] [--seed S] [--theme NAME]`: random programs of system
// calls on the real and on the simulated kernel. Differences are shrunk and printed; the last line
// reads `N programs, D differences`. Needs root.

import { parseArgs } from "node:util";
import { CHUNK, compare, report, themes } from "../test/kernel/differential/compare.ts";
import { RealActors } from "../test/kernel/differential/real-actors.ts";
import { SimulatedActors } from "../test/kernel/differential/simulated-actors.ts";
import { surroundings } from "../test/kernel/differential/surroundings.ts";

const PROGRESS_EVERY = 1000;

function whole(text: string, name: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`--${name} takes a whole number, not ${text}`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      programs: { type: "string", default: "1000" },
      seed: { type: "string", default: "1" },
      theme: { type: "string", multiple: true },
    },
  });
  if (process.getuid?.() !== 0) throw new Error("the real side makes namespaces: be root");
  const names = values.theme ?? themes();
  const unknown = names.filter((name) => !themes().includes(name));
  if (unknown.length > 0) {
    throw new Error(`no theme is called ${unknown.join(", ")}; there are ${themes().join(", ")}`);
  }
  const wanted = whole(values.programs, "programs");
  const first = whole(values.seed, "seed");
  const real = new RealActors();
  const simulated = new SimulatedActors(surroundings());
  let [programs, differences] = [0, 0];
  try {
    for (let chunk = 0; programs < wanted; chunk++) {
      const theme = names[chunk % names.length] as string;
      const seed = first + Math.floor(chunk / names.length);
      const count = Math.min(CHUNK, wanted - programs);
      for await (const difference of compare(real, simulated, theme, seed, count)) {
        differences++;
        console.log(report(difference));
      }
      programs += count;
      if (programs % PROGRESS_EVERY < CHUNK) console.error(`${programs} of ${wanted} programs`);
    }
  } finally {
    await real.close();
  }
  console.log(`${programs} programs, ${differences} differences`);
  return differences === 0 ? 0 : 1;
}

process.exitCode = await main();
