// The simulated kernel held true to the real one: random programs are executed by both, and every
// visible result must agree, which is the operation that fails and its errno, and, where a program
// runs, its tree and its mounts. An operation that fails on both is taken out and the rest is run
// again, so that each gets its turn.
//
// NACRE_PROGRAMS=5000 NACRE_SEED=7 make a longer run, or an earlier one again.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NacreError } from "@nacre/core/error.ts";
import type { Kernel, OperationFault, RunningProgram } from "@nacre/core/ports/kernel.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { LinuxKernel } from "@nacre/linux/kernel.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { wasmCore } from "../core/wasm-core.ts";
import { build } from "./native.ts";
import { BEGINNING, natureOf, natures } from "./random-natures.ts";
import { overlayOperations } from "./random-overlays.ts";
import {
  cgroupOperations,
  operations,
  PREFIX,
  partlyOutside,
  programOf,
  type Surroundings,
} from "./random-programs.ts";
import { realView, simulatedView, type View } from "./visible-state.ts";

const PROGRAMS = Number(process.env.NACRE_PROGRAMS ?? 100);
const SEED = process.env.NACRE_SEED === undefined ? {} : { seed: Number(process.env.NACRE_SEED) };
const timeout = 60_000 + PROGRAMS * 1_000;
const SILENT = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;

function faultOf(error: unknown): OperationFault {
  if (error instanceof NacreError && error.cause) return error.cause as OperationFault;
  throw error;
}

/** What becomes of a program: where it failed and how, or what its process sees. */
async function run(
  kernel: Kernel,
  program: KernelProgram,
  view: (running: RunningProgram) => View,
): Promise<{ readonly failed: string; readonly index: number } | { readonly view: View }> {
  let running: RunningProgram;
  try {
    running = await kernel.execute(program, SILENT);
  } catch (error) {
    const { section, index, errno } = faultOf(error);
    return { failed: `${section} ${index} ${errno}`, index };
  }
  try {
    return { view: view(running) };
  } finally {
    kernel.signal(running.process, 9);
    await running.exited;
  }
}

async function perform(kernel: Kernel, operation: Operation): Promise<string> {
  try {
    await kernel.perform({ title: "random", host: [operation] });
    return "done";
  } catch (error) {
    return faultOf(error).errno;
  }
}

describe("random programs do the same on both kernels", () => {
  const real = new LinuxKernel(build());
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "nacre-test-"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const simulated = (): SimulatedKernel => {
    const kernel = new SimulatedKernel(new SimulatedClock(Date.now()), { core: wasmCore() });
    kernel.installProgram("/bin/busybox");
    kernel.hostFiles().makeDirectory(directory);
    return kernel;
  };

  /** Runs what is left of a program, on both, until nothing of it fails any more. */
  const compare = async (
    random: readonly Operation[],
    around: Surroundings = {},
  ): Promise<void> => {
    let rest = random;
    for (;;) {
      const program = programOf(directory, rest, around);
      const there = await run(real, program, ({ process }) => realView(process.pid));
      const kernel = simulated();
      const here = await run(kernel, program, ({ process }) => simulatedView(kernel, process.pid));
      expect(here).toEqual(there);
      if (!("failed" in there)) return;
      rest = rest.filter((_, at) => at !== there.index - PREFIX);
    }
  };

  it("with files, links and mounts", { timeout }, async () => {
    const property = fc.asyncProperty(operations, fc.boolean(), (random, chroot) =>
      compare(random, { chroot }),
    );
    await fc.assert(property, { numRuns: PROGRAMS, ...SEED });
  });

  it("with what a process is and may do", { timeout }, async () => {
    const nature = (pid: number, read: (path: string) => string): View => ({
      mounts: [],
      tree: natureOf(read(`/proc/${pid}/status`), read(`/proc/${pid}/limits`)),
    });
    const property = fc.asyncProperty(natures, async (random) => {
      let rest: readonly Operation[] = random;
      for (;;) {
        const program = programOf(directory, [...BEGINNING, ...rest], { create: ["uts"] });
        const there = await run(real, program, ({ process }) =>
          nature(process.pid, (path) => readFileSync(path, "utf8")),
        );
        const kernel = simulated();
        const files = kernel.hostFiles();
        const here = await run(kernel, program, ({ process }) =>
          nature(process.pid, (path) => files.readText(path)),
        );
        expect(here).toEqual(there);
        if (!("failed" in there)) return;
        const at = there.index - PREFIX - BEGINNING.length;
        // What follows from all of it together is seen at its end.
        if (at >= rest.length) return;
        rest = rest.filter((_, i) => i !== at);
      }
    });
    await fc.assert(property, { numRuns: PROGRAMS, ...SEED });
  });

  it("with a process that does for the child what it is told", { timeout }, async () => {
    const property = fc.asyncProperty(partlyOutside, (random) => compare(random));
    await fc.assert(property, { numRuns: PROGRAMS, ...SEED });
  });

  it("with overlays", { timeout }, async () => {
    await fc.assert(
      fc.asyncProperty(overlayOperations, (random) => compare(random)),
      { numRuns: PROGRAMS, ...SEED },
    );
  });

  it("with cgroups and their control files", { timeout }, async () => {
    const controllers = ["pids", "memory", "cpu", "freezer", "devices"];
    const name = `nacre-test-${process.pid}`;
    await fc.assert(
      fc.asyncProperty(
        fc
          .constantFrom(...controllers)
          .chain((controller) => cgroupOperations(`/sys/fs/cgroup/${controller}/${name}`)),
        async (random) => {
          const top = (random[0] as { path: string }).path.replace(/\/x$/, "");
          const kernel = simulated();
          const files = kernel.hostFiles();
          mkdirSync(top);
          files.makeDirectory(top);
          try {
            for (const operation of random) {
              const there = await perform(real, operation);
              expect([operation, await perform(kernel, operation)]).toEqual([operation, there]);
              if (operation.op !== "writeFile" || there !== "done") continue;
              // Rules of devices cannot be read back where they were written.
              const path = operation.path.replace(/devices\.(allow|deny)$/, "devices.list");
              expect([operation, contentOf(() => files.readText(path))]).toEqual([
                operation,
                contentOf(() => readFileSync(path, "utf8")),
              ]);
            }
          } finally {
            removeCgroups(top);
          }
        },
      ),
      { numRuns: PROGRAMS, ...SEED },
    );
  });
});

/** A file's text, or that it cannot be read. */
function contentOf(read: () => string): string {
  try {
    return read();
  } catch {
    return "(unreadable)";
  }
}

function removeCgroups(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroups(join(path, entry.name));
  }
  rmdirSync(path);
}
