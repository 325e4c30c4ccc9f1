// The cgroup file systems of the simulated kernel beside the real ones: what a node's directory
// holds, what its files show, which writes they take, and which hierarchies a mount makes.
//
// NACRE_PROGRAMS=5000 NACRE_SEED=7 make a longer run, or an earlier one again.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NacreError } from "@nacre/core/error.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import { LinuxKernel } from "@nacre/linux/kernel.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { wasmCore } from "../core/wasm-core.ts";
import { build } from "./native.ts";
import { type FileStep, fileSteps, type MountStep, mountSteps } from "./random-cgroups.ts";

const PROGRAMS = Number(process.env.NACRE_PROGRAMS ?? 60);
const SEED = process.env.NACRE_SEED === undefined ? {} : { seed: Number(process.env.NACRE_SEED) };
const timeout = 60_000 + PROGRAMS * 1_000;
const isRoot = process.getuid?.() === 0;

const TOP = "/sys/fs/cgroup";
const NAME = `nacre-files-${process.pid}`;
const core = wasmCore();
const simulated = (): SimulatedKernel => new SimulatedKernel(new SimulatedClock(), { core });

/** A machine need not have all of them, nor each by itself. */
const mounted = (controller: string): boolean =>
  existsSync(`${TOP}/${controller}/cgroup.procs`) &&
  !existsSync(`${TOP}/${controller}/cgroup.type`);
const CONTROLLERS = [
  ...["cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids"],
].filter((controller) => isRoot && mounted(controller));

/** Files that only some kernels have, and those whose contents nobody can foresee. */
const NOT_COMPARED = ["memory.shown_ram_in_bytes", "cgroup.event_control", "memory.kmem.slabinfo"];

interface Side {
  list(path: string): string[];
  mode(path: string): number;
  read(path: string): string;
  write(path: string, text: string): string;
  make(path: string): string;
  remove(path: string): string;
}

function attempt(call: () => void): string {
  try {
    call();
    return "done";
  } catch (error) {
    if (error instanceof NacreError) return error.errno ?? error.kind;
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
function text(read: () => string): string {
  let found = "";
  const result = attempt(() => {
    found = read();
  });
  return result === "done" ? found : result;
}

const REAL: Side = {
  list: (path) => readdirSync(path),
  mode: (path) => statSync(path).mode & 0o777,
  read: (path) => text(() => readFileSync(path, "utf8")),
  write: (path, data) => attempt(() => writeFileSync(path, data, { flag: "r+" })),
  make: (path) => attempt(() => mkdirSync(path)),
  remove: (path) => attempt(() => rmdirSync(path)),
};

function sideOf(kernel: SimulatedKernel): Side {
  const files = kernel.hostFiles();
  return {
    list: (path) => files.list(path),
    mode: (path) => (files.status(path)?.mode ?? 0) & 0o777,
    read: (path) => text(() => files.readText(path)),
    write: (path, data) => attempt(() => files.control(path, data)),
    make: (path) => makeOn(kernel, path),
    remove: (path) => attempt(() => files.remove(path)),
  };
}

/** mkdir(2) proper: that of Files makes what is on the way as well. */
function makeOn(kernel: SimulatedKernel, path: string): string {
  const parent = path.slice(0, path.lastIndexOf("/"));
  const files = kernel.hostFiles();
  if (!files.status(parent)) return "ENOENT";
  if (files.status(path)) return "EEXIST";
  return attempt(() => files.makeDirectory(path));
}

const compared = (names: readonly string[]): string[] =>
  names.filter((name) => !NOT_COMPARED.includes(name)).sort();

/**
 * The kernel charges its own structures to a node, and a quota's timer counts a period of real time
 * when it is set; the simulated kernel does neither.
 */
const UNFORESEEN = /usage_in_bytes$|^memory\.(numa_)?stat$|^cpu\.stat$/;

/** `name mode contents` of all files of a node. */
function lookAt(side: Side, path: string): string[] {
  return compared(side.list(path))
    .filter((name) => name.includes("."))
    .map((name) => {
      const contents = UNFORESEEN.test(name) ? "" : side.read(`${path}/${name}`);
      return `${name} ${side.mode(`${path}/${name}`).toString(8)} ${contents}`;
    });
}

function removeTree(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(path, entry.name));
  }
  rmdirSync(path);
}

// Cgroups are made and removed as root.
describe.runIf(isRoot)("cgroup directories on both kernels", () => {
  it.each(CONTROLLERS)("%s: a new node has the same files, which show the same", (controller) => {
    const here = sideOf(simulated());
    const path = `${TOP}/${controller}/${NAME}`;
    try {
      for (const side of [REAL, here]) expect(side.make(path)).toBe("done");
      expect(compared(here.list(path))).toEqual(compared(REAL.list(path)));
      expect(lookAt(here, path)).toEqual(lookAt(REAL, path));
    } finally {
      removeTree(path);
    }
  });

  const carryOut = (side: Side, { call, path, text: data = "" }: FileStep): string => {
    if (call === "mkdir") return side.make(path);
    if (call === "rmdir") return side.remove(path);
    return side.write(path, data);
  };

  it.each(CONTROLLERS)(
    "%s: random writes are taken, refused and shown alike",
    { timeout },
    (controller) => {
      const top = `${TOP}/${controller}/${NAME}`;
      fc.assert(
        fc.property(fileSteps(controller, top), (steps) => {
          const here = sideOf(simulated());
          try {
            for (const side of [REAL, here]) side.make(top);
            for (const step of steps) {
              expect([step, carryOut(here, step)]).toEqual([step, carryOut(REAL, step)]);
              const node = step.path.startsWith(`${top}/x`) ? `${top}/x` : top;
              if (existsSync(node))
                expect([step, lookAt(here, node)]).toEqual([step, lookAt(REAL, node)]);
            }
          } finally {
            removeTree(top);
          }
        }),
        { numRuns: PROGRAMS, ...SEED },
      );
    },
  );
});

/** The hierarchies of these tests, without their numbers. */
const hierarchies = (membership: string): string[] =>
  membership
    .split("\n")
    .map((line) => line.replace(/^\d+:/, "").replace(/:.*$/, ""))
    .filter((label) => /net_cls|net_prio|perf_event/.test(label) || label.includes(NAME));

const mountLines = (mountinfo: string, below: string): string[] =>
  mountinfo
    .split("\n")
    .filter((line) => line.includes(` ${below}/`))
    .map((line) => `${line.split(" ")[4]} ${line.slice(line.indexOf(" - ") + 3)}`);

const mountOf = (target: string, options: readonly string[]): Operation => ({
  op: "mount",
  mount: { type: "cgroup", source: "random", options, attributes: [] },
  target,
});
const unmountOf = (target: string): Operation => ({ op: "unmount", target, detach: false });

// Hierarchies are mounted as root.
describe.runIf(isRoot)("cgroup hierarchies by mount on both kernels", () => {
  const real = isRoot ? new LinuxKernel(build()) : undefined;
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "nacre-test-"));
    for (const name of ["a", "b", "c"]) mkdirSync(`${directory}/${name}`);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const perform = async (kernel: Kernel, operation: Operation): Promise<string> => {
    try {
      await kernel.perform({ title: "random", host: [operation] });
      return "done";
    } catch (error) {
      if (error instanceof NacreError) return error.errno ?? error.kind;
      throw error;
    }
  };

  const operationOf = ({ call, target, options }: MountStep): Operation => {
    const at = `${directory}/${target}`;
    switch (call) {
      case "mount":
        return mountOf(at, options);
      case "remount":
        return { op: "remount", target: at, options, before: [] };
      case "unmount":
        return unmountOf(at);
      default:
        return { op: "makeCgroup", path: `${at}/n`, shared: false };
    }
  };

  /** A root without users is taken apart behind the scenes: the kernel lags behind itself. */
  const expectSoon = async (here: () => unknown, there: () => unknown): Promise<void> => {
    await expect.poll(there, { timeout: 30_000, interval: 2 }).toEqual(here());
  };

  const there = (path: string): boolean =>
    readFileSync("/proc/self/mountinfo", "utf8").includes(` ${path} `);

  const takeAway = async (at: string): Promise<void> => {
    while (there(at)) {
      if (existsSync(`${at}/n`)) rmdirSync(`${at}/n`);
      expect(await perform(real as LinuxKernel, unmountOf(at))).toBe("done");
    }
    if (existsSync(`${at}/n`)) rmdirSync(`${at}/n`);
  };

  /** A hierarchy with nodes outlives its mounts: it is mounted again to take them out. */
  const cleanUp = async (): Promise<void> => {
    for (const name of ["a", "b", "c"]) await takeAway(`${directory}/${name}`);
    const left = (): string[] => hierarchies(readFileSync("/proc/self/cgroup", "utf8"));
    const again = async (label: string): Promise<void> => {
      const options = label.split(",");
      const named = options.every((option) => option.startsWith("name=")) ? ["none"] : [];
      await perform(real as LinuxKernel, mountOf(`${directory}/a`, [...named, ...options]));
      await takeAway(`${directory}/a`);
    };
    // A removed node is a child for a moment more, and as long keeps its hierarchy.
    await expect
      .poll(
        async () => {
          for (const label of left()) await again(label);
          return left();
        },
        { timeout: 30_000 },
      )
      .toEqual([]);
  };

  it("random mounts, remounts and unmounts have the same outcome", { timeout }, async () => {
    await fc.assert(
      fc.asyncProperty(mountSteps(NAME), async (steps) => {
        const kernel = simulated();
        const files = kernel.hostFiles();
        for (const name of ["a", "b", "c"]) files.makeDirectory(`${directory}/${name}`);
        try {
          for (const step of steps) {
            const operation = operationOf(step);
            const there = await perform(real as LinuxKernel, operation);
            expect([step, await perform(kernel, operation)]).toEqual([step, there]);
            expect([step, mountLines(files.readText("/proc/self/mountinfo"), directory)]).toEqual([
              step,
              mountLines(readFileSync("/proc/self/mountinfo", "utf8"), directory),
            ]);
            await expectSoon(
              () => hierarchies(files.readText("/proc/self/cgroup")),
              () => hierarchies(readFileSync("/proc/self/cgroup", "utf8")),
            );
          }
        } finally {
          await cleanUp();
        }
      }),
      { numRuns: Math.ceil(PROGRAMS / 2), ...SEED },
    );
  });
});
