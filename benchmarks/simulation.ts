// The simulated kernel beside what it simulates: virtual time beside real time, and css_set
// operations of the core beside the million a second that they are meant to be.

import { createHash } from "node:crypto";
import { type CgroupHandle, Cgroups } from "@nacre/core/cgroup.ts";
import type { Core } from "@nacre/core/core.ts";
import { CssSets } from "@nacre/core/css-set.ts";
import type { SimulatedProgram } from "@nacre/simulated/program.ts";
import { wasmCore } from "../test/core/wasm-core.ts";
import { CgroupMachine, TOP } from "../test/simulation/cgroup-machine.ts";
import { type Benchmark, median, type Row } from "./harness.ts";

/** Half of them always compute; the others compute for a while, and sleep. */
const worker =
  (number: number): SimulatedProgram =>
  async ({ resources, sleep }) => {
    if (number % 2 === 0) return resources.compute(1e12);
    for (;;) {
      await resources.compute(5);
      await sleep(1_000 + number);
    }
  };

/** Of this process, which waits for nothing here: what else the machine does does not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

interface Scene {
  readonly processes: number;
  readonly cgroups: number;
  readonly virtualMs: number;
}

/** A machine with its cgroups, every tenth of which has a quota, and what is to run in each. */
function build({ processes, cgroups }: Scene) {
  const machine = new CgroupMachine({ hardware: { cpus: 16 } });
  for (let n = 0; n < cgroups; n++) {
    machine.node(`${TOP}/cpuacct/g${n}`);
    machine.node(`${TOP}/cpu/g${n}`, {
      "cpu.shares": String(512 + 16 * n),
      ...(n % 10 === 0 && { "cpu.cfs_quota_us": String(5_000 + 100 * n) }),
    });
  }
  const start = async (): Promise<void> => {
    for (let n = 0; n < processes; n++) {
      const nodes = ["cpu", "cpuacct"].map((name) => `${TOP}/${name}/g${n % cgroups}`);
      await machine.start(worker(n), ...nodes);
    }
  };
  const usage = (): string[] =>
    Array.from({ length: cgroups }, (_, n) =>
      machine.read(`${TOP}/cpuacct/g${n}/cpuacct.usage`).trim(),
    );
  return { clock: machine.clock, start, usage };
}

async function virtualTime(scene: Scene, runs: number): Promise<Row> {
  const hashes = new Set<string>();
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const { clock, start, usage } = build(scene);
    const before = cpuMs();
    await start();
    await clock.advance(scene.virtualMs);
    times.push(cpuMs() - before);
    hashes.add(createHash("sha256").update(usage().join()).digest("hex").slice(0, 12));
  }
  const [hash = ""] = hashes;
  if (hashes.size !== 1) throw new Error("the same machine gave different CPU times");
  const { processes, cgroups, virtualMs } = scene;
  const ours = median(times);
  return {
    work: `${processes} processes in ${cgroups} cgroups for ${virtualMs / 1000} virtual seconds`,
    peer: "the same time on a real clock",
    unit: "ms",
    ...{ ours, theirs: virtualMs, ratio: ours / virtualMs, atMost: 0.017, runs, hash },
  };
}

/** Forks, moves and exits of tasks among nodes of eight hierarchies. */
function cssOperations(core: Core, count: number): { ms: number; hash: string } {
  const cgroups = new Cgroups(core, { cpus: 2, memoryNodes: 1 });
  const tasks = new CssSets(cgroups);
  const nodes: CgroupHandle[][] = Array.from({ length: 8 }, () => {
    const { root } = cgroups.mount(1, []);
    return Array.from({ length: 50 }, (_, n) => cgroups.create(root, String(n)));
  });
  tasks.spawn(1);
  const before = cpuMs();
  for (let n = 0, pid = 2; n < count; n += 4, pid = pid === 40_000 ? 2 : pid + 1) {
    tasks.fork(1, pid);
    tasks.move(pid, [nodes[n % 8]![pid % 50]!]);
    tasks.move(pid, [nodes[(n + 3) % 8]![(pid * 7) % 50]!]);
    tasks.exit(pid);
  }
  const ms = cpuMs() - before;
  return { ms, hash: JSON.stringify(tasks.counts()) };
}

function cssSets(core: Core, count: number, runs: number): Row {
  const times: number[] = [];
  for (let run = -1; run < runs; run++) {
    const { ms } = cssOperations(core.fork(), count);
    if (run >= 0) times.push(ms);
  }
  const ours = median(times);
  const theirs = count / 1000;
  return {
    work: `${count} css_set operations of the core, by its facade`,
    peer: "a microsecond each",
    unit: "ms",
    ...{ ours, theirs, ratio: ours / theirs, atMost: 1, runs },
  };
}

export const simulation: Benchmark = {
  name: "simulation",
  about: "processes of the simulated kernel on virtual time, and css_sets",
  async run({ small }) {
    const core = wasmCore();
    const scene = small
      ? { processes: 40, cgroups: 10, virtualMs: 2_000 }
      : { processes: 1_000, cgroups: 100, virtualMs: 60_000 };
    return [
      await virtualTime(scene, small ? 2 : 5),
      cssSets(core, small ? 10_000 : 1_000_000, small ? 1 : 5),
    ];
  },
};
