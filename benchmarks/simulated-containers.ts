// Containers on the simulated kernel beside what they are meant to cost: processor time of a
// cycle from creation to removal, and memory of a thousand that run at once.

import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { simulate, tools } from "../cli/simulated.ts";
import { type Benchmark, median, type Row } from "./harness.ts";

const SILENT = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
const GOAL_MS = 3;
const GOAL_KIB = 200 * 1024;
const GOAL_CONTAINERS = 1000;

/** What nobody holds is not there; without this a figure is one of when V8 last looked. */
async function collect(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const gc: () => void = runInNewContext("gc");
  for (let round = 0; round < 3; round++) {
    gc();
    // Memory outside of the heap is given back a moment later.
    await setTimeout(50);
  }
}

const machine = () => simulate({ images: { app: { files: tools } } });

async function cycle(batch: number, warmUp: number, runs: number): Promise<Row> {
  await using simulation = await machine();
  const { containers } = simulation.engine;
  const request = { image: "app", command: ["true"], autoRemove: true };
  const cycles = async (count: number): Promise<number> => {
    const before = process.cpuUsage();
    for (let n = 0; n < count; n++) await (await containers.run(request, SILENT)).exited;
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / count;
  };
  await cycles(warmUp);
  const times: number[] = [];
  for (let run = 0; run < runs; run++) times.push(await cycles(batch));
  const ours = median(times);
  return {
    work: "processor time of a simulated container, create to removal",
    peer: "the 3 ms that it is meant to cost",
    unit: "ms",
    ...{ ours, theirs: GOAL_MS, ratio: ours / GOAL_MS, atMost: 1, runs },
  };
}

async function many(count: number): Promise<Row> {
  await using simulation = await machine();
  const { containers } = simulation.engine;
  await simulation.run("app", ["true"]);
  const used = (): number => process.memoryUsage().heapUsed + process.memoryUsage().external;
  await collect();
  const before = used();
  for (let n = 0; n < count; n++) {
    await containers.run({ image: "app", command: ["sleep", "1d"], detached: true });
  }
  await collect();
  const ours = (used() - before) / 1024;
  if (containers.list().length !== count) throw new Error("not all of them run");
  const theirs = (GOAL_KIB * count) / GOAL_CONTAINERS;
  return {
    work: `memory of ${count} simulated containers at once`,
    peer: "200 MiB for a thousand",
    unit: "KiB",
    ...{ ours, theirs, ratio: ours / theirs, atMost: 1, runs: 1 },
  };
}

export const simulatedContainers: Benchmark = {
  name: "simulated-containers",
  about: "containers on the simulated kernel: processor time and memory",
  async run({ small }) {
    return [
      await cycle(small ? 5 : 100, small ? 2 : 200, small ? 1 : 5),
      await many(small ? 20 : GOAL_CONTAINERS),
    ];
  },
};
