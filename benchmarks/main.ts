// `npm run bench [-- NAME…] [--small] [--json FILE]`: figures beside peers, measured in this run.

import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "./build.ts";
import { differential } from "./differential.ts";
import type { Benchmark, Row } from "./harness.ts";
import { inProcess } from "./in-process.ts";
import { life } from "./life.ts";
import { memory } from "./memory.ts";
import { mount } from "./mount.ts";
import { oci } from "./oci.ts";
import { protections } from "./protections.ts";
import { pull } from "./pull.ts";
import { run } from "./run.ts";
import { share } from "./share.ts";
import { simulatedContainers } from "./simulated-containers.ts";
import { simulation } from "./simulation.ts";
import { table } from "./table.ts";
import { tarIndex } from "./tar-index.ts";
import { testContainer } from "./test-container.ts";

export const BENCHMARKS: readonly Benchmark[] = [
  run,
  inProcess,
  testContainer,
  life,
  protections,
  oci,
  pull,
  build,
  share,
  tarIndex,
  mount,
  memory,
  simulation,
  differential,
  simulatedContainers,
];

const DEFAULT_JSON = fileURLToPath(new URL("../build/benchmarks.json", import.meta.url));

function choose(names: readonly string[]): readonly Benchmark[] {
  const unknown = names.filter((name) => !BENCHMARKS.some((b) => b.name === name));
  if (unknown.length === 0)
    return names.length === 0 ? BENCHMARKS : BENCHMARKS.filter((b) => names.includes(b.name));
  const known = BENCHMARKS.map((b) => `  ${b.name.padEnd(12)} ${b.about}`).join("\n");
  throw new Error(`no benchmark is called ${unknown.join(", ")}; there are\n${known}`);
}

/** Runs them one after the other; `log` is told what goes on. */
export async function measure(
  benchmarks: readonly Benchmark[],
  small: boolean,
  log: (text: string) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const benchmark of benchmarks) {
    log(`${benchmark.name}: ${benchmark.about}`);
    rows.push(...(await benchmark.run({ small, log })));
  }
  return rows;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { small: { type: "boolean", default: false }, json: { type: "string" } },
  });
  if (process.getuid?.() !== 0) throw new Error("benchmarks mount and start containers: be root");
  const rows = await measure(choose(positionals), values.small, (text) => console.error(text));
  const machine = {
    kernel: release(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    node: process.version,
  };
  const file = values.json ?? DEFAULT_JSON;
  mkdirSync(dirname(file), { recursive: true });
  const report = { takenAt: new Date().toISOString(), small: values.small, machine, rows };
  writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
  console.log(table(rows));
  console.log(`\n${machine.cores} × ${machine.cpu}, Linux ${machine.kernel}; also in ${file}`);
  if (values.small) console.log("small sizes: they show that it works, not how fast it is");
}

if (process.argv[1] === join(dirname(fileURLToPath(import.meta.url)), "main.ts")) await main();
