// The directory snapshotter on the simulated kernel: layers are unpacked into its tree, and a
// program in it looks at the root.

import type { RootPlan } from "@nacre/core/ports/snapshotter.ts";
import { StatePaths } from "@nacre/engine/images/paths.ts";
import { DirectorySnapshotter } from "@nacre/engine/snapshotters/directory.ts";
import { hostRoot } from "@nacre/engine/snapshotters/host.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import type { SimulatedProgram } from "@nacre/simulated/program.ts";
import type { ProgramFiles } from "@nacre/simulated/program-files.ts";
import { SimulatedRandom } from "@nacre/simulated/random.ts";
import { describe, expect, it } from "vitest";
import { chainIdOf, storeLayer } from "../contract/layers.ts";
import {
  type Change,
  type Seen,
  type SnapshotterSubject,
  snapshotterContract,
} from "../contract/snapshotter.ts";
import { wasmCore } from "../core/wasm-core.ts";

function removeTree(files: ProgramFiles, path: string): void {
  if (files.status(path, { follow: false }).kind !== "directory") {
    files.remove(path);
    return;
  }
  for (const name of files.list(path)) removeTree(files, `${path}/${name}`);
  files.removeDirectory(path);
}

function contentsOf(files: ProgramFiles, root: string, below = ""): Seen {
  let seen: Seen = {};
  for (const name of files.list(`${root}/${below}`).filter((n) => n !== "." && n !== "..")) {
    const path = below === "" ? name : `${below}/${name}`;
    const { kind } = files.status(`${root}/${path}`, { follow: false });
    if (kind === "symlink") seen = { ...seen, [path]: `-> ${files.readLink(`${root}/${path}`)}` };
    else if (kind === "file") seen = { ...seen, [path]: files.readText(`${root}/${path}`) };
    else seen = { ...seen, [path]: kind, ...contentsOf(files, root, path) };
  }
  return seen;
}

/** `look ROOT CHANGES`: makes the changes and prints what is there then. */
const look: SimulatedProgram = async ({
  arguments: [, root = "", changes = "[]"],
  files,
  stdout,
}) => {
  for (const change of JSON.parse(changes) as Change[]) {
    if ("remove" in change) removeTree(files, `${root}/${change.remove}`);
    else files.write(`${root}/${change.write}`, change.text);
  }
  await stdout.write(JSON.stringify(contentsOf(files, root)));
  return 0;
};

interface Ground extends SnapshotterSubject {
  readonly paths: StatePaths;
  readonly kernel: SimulatedKernel;
  readonly look: NonNullable<SnapshotterSubject["look"]>;
}

function ground(): Ground {
  const kernel = new SimulatedKernel(new SimulatedClock(), {
    core: wasmCore(),
    programs: new Map([["look", look]]),
  });
  const files = kernel.hostFiles();
  const paths = new StatePaths("/var/lib/nacre");
  const self = kernel.identify(1) ?? { pid: 1, startTime: 0n };
  files.makeDirectory(paths.rootfs);
  files.makeDirectory("/opt", 0o755);
  kernel.installProgram("/opt/look");
  let containers = 0;
  const run = async (plan: RootPlan, changes: readonly Change[] = []): Promise<Seen> => {
    const running = await kernel.execute(
      {
        title: "look at a root",
        host: plan.host,
        process: {
          clone: { create: ["mnt"], joinPaths: [], cgroups: [] },
          parent: [],
          child: [
            { op: "setPropagation", path: "/", mode: "slave", recursive: true },
            ...plan.child,
            {
              op: "execute",
              arguments: ["/opt/look", paths.rootfs, JSON.stringify(changes)],
              environment: [],
            },
          ],
          supervision: {
            stdin: "null",
            output: "inherit",
            terminal: "none",
            collect: [],
            detached: false,
          },
        },
      },
      { stdin: "ignore", stdout: "pipe", stderr: "ignore" },
    );
    const text = await new Response(running.stdout).text();
    await running.exited;
    return JSON.parse(text);
  };
  return {
    kernel,
    paths,
    snapshotter: new DirectorySnapshotter(wasmCore, files, kernel, new SimulatedRandom(), paths, {
      bootId: "simulated",
      self,
    }),
    layer: (entries) => storeLayer(files, paths, entries),
    chainId: chainIdOf,
    storage: () => {
      const { upper, work } = paths.container(String(containers++));
      files.makeDirectory(upper, 0o755);
      files.makeDirectory(work);
      return { upper, work, rootfs: paths.rootfs };
    },
    truncate: ({ tarPath }) => files.replace(tarPath, files.readBytes(tarPath).slice(1)),
    look: run,
  };
}

snapshotterContract("directory on the simulated kernel", async () => ground());

describe("the host's root on the simulated kernel", () => {
  it("shows the machine, takes writes, and hides the state", async () => {
    const { kernel, paths, storage, look: see } = ground();
    const before = kernel.hostFiles().list("/opt");
    const plan = hostRoot(kernel.facts(), storage(), paths.root, {
      readOnly: false,
      ephemeral: true,
    });
    const seen = await see(plan, [{ remove: "opt" }, { write: "mine", text: "1" }]);
    expect(seen.mine).toBe("1");
    expect(seen.opt).toBeUndefined();
    expect(Object.keys(seen).filter((path) => path.startsWith("var/lib/nacre"))).toEqual([
      "var/lib/nacre",
    ]);
    expect(kernel.hostFiles().list("/opt")).toEqual(before);
    expect(kernel.hostFiles().status("/mine")).toBeUndefined();
  });
});
