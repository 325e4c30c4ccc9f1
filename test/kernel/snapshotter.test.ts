// Snapshotters on the real kernel: their plans are executed by nacre-init, and what a container
// would see is read through /proc/PID/root.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  truncateSync,
} from "node:fs";
import {
  EROFS_FILES_KERNEL,
  kernelAtLeast,
  LOWERDIR_ADD_KERNEL,
  MINIMUM_KERNEL,
} from "@nacre/core/kernel-release.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { RootPlan, Snapshotter } from "@nacre/core/ports/snapshotter.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { StatePaths } from "@nacre/engine/images/paths.ts";
import { DirectorySnapshotter } from "@nacre/engine/snapshotters/directory.ts";
import { ErofsSnapshotter } from "@nacre/engine/snapshotters/erofs.ts";
import { hostRoot } from "@nacre/engine/snapshotters/host.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { LinuxRandom } from "@nacre/linux/random.ts";
import { afterEach, describe, expect, it } from "vitest";
import { chainIdOf, storeLayer } from "../contract/layers.ts";
import {
  type Change,
  type Seen,
  type SnapshotterSubject,
  snapshotterContract,
} from "../contract/snapshotter.ts";
import { wasmCore } from "../core/wasm-core.ts";
import { isAsBefore, kernel, machine, scratch } from "./native.ts";
import { generator, randomLayer } from "./random-layers.ts";

const on = kernel();
const files = new LinuxFiles();
const leftovers: { [Symbol.dispose](): void }[] = [];
afterEach(() => {
  for (const one of leftovers.splice(0)) one[Symbol.dispose]();
});

interface Ground extends SnapshotterSubject {
  readonly paths: StatePaths;
  readonly look: NonNullable<SnapshotterSubject["look"]>;
}

/** A process that lives in the plan's root, as a mount beside the machine's own root. */
function resident(plan: RootPlan, rootfs: string, work: string): KernelProgram {
  return {
    title: "a root to look at",
    host: plan.host,
    process: {
      clone: { create: ["mnt"], joinPaths: [], cgroups: [] },
      parent: [],
      child: [
        { op: "setPropagation", path: "/", mode: "slave", recursive: true },
        ...plan.child,
        {
          op: "execute",
          arguments: ["sh", "-ec", `cd ${rootfs}; ${work}\necho ready; read -r end`],
          environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
        },
      ],
      supervision: {
        stdin: "inherit",
        output: "inherit",
        terminal: "none",
        collect: [],
        detached: false,
      },
    },
  };
}

/** Executes a plan and looks at its root, as `see` does, while it is there. */
async function visit<T>(
  plan: RootPlan,
  rootfs: string,
  work: string,
  see: (root: string) => T,
): Promise<T> {
  const streams = { stdin: "pipe", stdout: "pipe", stderr: 2 } as const;
  const running = await on.execute(resident(plan, rootfs, work), streams);
  try {
    await running.stdout?.[Symbol.asyncIterator]().next();
    return see(`/proc/${running.process.pid}/root${rootfs}`);
  } finally {
    await running.stdin?.close();
    await running.exited;
  }
}

function walk(root: string, each: (path: string, name: string) => void, below = ""): void {
  for (const name of readdirSync(`${root}/${below}`)) {
    const path = below === "" ? name : `${below}/${name}`;
    each(`${root}/${path}`, path);
    if (lstatSync(`${root}/${path}`).isDirectory()) walk(root, each, path);
  }
}

function contentsOf(root: string): Seen {
  const seen: Record<string, string> = {};
  walk(root, (path, name) => {
    const status = lstatSync(path);
    if (status.isSymbolicLink()) seen[name] = `-> ${readlinkSync(path)}`;
    else seen[name] = status.isFile() ? readFileSync(path, "latin1") : "directory";
  });
  return seen;
}

/** A change as a line of shell. */
const command = (change: Change): string =>
  "remove" in change
    ? `rm -r '${change.remove}'`
    : `printf %s '${change.text}' > '${change.write}'`;

function ground(make: (paths: StatePaths) => Snapshotter): Ground {
  const state = scratch();
  leftovers.push(state);
  const paths = new StatePaths(state.path);
  files.makeDirectory(paths.rootfs);
  let containers = 0;
  return {
    paths,
    snapshotter: make(paths),
    layer: (entries) => storeLayer(files, paths, entries),
    chainId: chainIdOf,
    storage: () => {
      const { upper, work } = paths.container(String(containers++));
      files.makeDirectory(upper, 0o755);
      files.makeDirectory(work);
      return { upper, work, rootfs: paths.rootfs };
    },
    truncate: ({ tarPath, tarBytes }) => truncateSync(tarPath, tarBytes - 1),
    look: (plan, changes = []) =>
      visit(plan, paths.rootfs, changes.map(command).join("\n"), contentsOf),
  };
}

const erofsOn =
  (kernel: Kernel) =>
  (paths: StatePaths): Snapshotter =>
    new ErofsSnapshotter(wasmCore, files, kernel, paths);
const directoryOn =
  (kernel: Kernel) =>
  (paths: StatePaths): Snapshotter =>
    new DirectorySnapshotter(wasmCore, files, kernel, new LinuxRandom(), paths, {
      bootId: "boot-id-of-test",
      self: on.identify(process.pid) ?? { pid: process.pid, startTime: 0n },
    });
const erofs = erofsOn(on);
const directory = directoryOn(on);
const withLoops = erofsOn(kernel("6.8"));

/** Name, the oldest kernel on which it can be made to work, how it is made. */
const WAYS = [
  ["erofs", EROFS_FILES_KERNEL, erofs],
  ["directory", MINIMUM_KERNEL, directory],
  ["erofs over loop devices", LOWERDIR_ADD_KERNEL, withLoops],
  ["erofs over loop devices, its overlay by mount(2)", "6.6", erofsOn(kernel("6.6"))],
  ["directory, its overlay by mount(2)", "5.15", directoryOn(kernel("5.15"))],
] as const;
const RELEASE = on.facts().release;
const possible = (wanted: string): boolean => kernelAtLeast(RELEASE, wanted);

for (const [name, wanted, make] of WAYS) {
  // A kernel older than that has not got what it is mounted by.
  describe.skipIf(!possible(wanted))(`from ${wanted} on`, () => {
    snapshotterContract(`${name} on this kernel`, async () => ground(make));
  });
}

/** The files below a directory that a loop device is over. */
const loopsBelow = (directory: string): string[] =>
  readdirSync("/sys/block")
    .filter((name) => name.startsWith("loop"))
    .flatMap((name) => {
      try {
        return readFileSync(`/sys/block/${name}/loop/backing_file`, "utf8").trim();
      } catch {
        return []; // over nothing
      }
    })
    .filter((file) => file.startsWith(directory));

// Its overlays are those of 6.8.
describe.skipIf(!possible(LOWERDIR_ADD_KERNEL))("loop devices", () => {
  it("are one a file while the mount is there, and let go of the files with it", async () => {
    const { snapshotter, layer, storage, paths } = ground(withLoops);
    const layers = [
      await layer([{ name: "a", content: "1" }]),
      await layer([{ name: "b", content: "2" }]),
    ];
    const id = chainIdOf(layers);
    await snapshotter.commit(id, layers);
    const plan = snapshotter.root(id, layers, storage(), { readOnly: false });
    const seen = await visit(plan, paths.rootfs, "", () => loopsBelow(paths.root));
    expect(seen.sort()).toEqual(
      [
        `${paths.root}/snapshots/erofs/${id.slice(7)}.erofs`,
        ...layers.map((l) => l.tarPath),
      ].sort(),
    );
    await expect.poll(() => loopsBelow(paths.root), { timeout: 20_000 }).toEqual([]);
  });

  it("are let go when a file is missing, no image, or a later operation fails", async () => {
    const { snapshotter, layer, storage, paths } = ground(withLoops);
    const layers = [await layer([{ name: "a", content: "1" }])];
    const id = chainIdOf(layers);
    await snapshotter.commit(id, layers);
    const plan = snapshotter.root(id, layers, storage(), { readOnly: false });
    const before = machine();
    const [share] = plan.host;
    if (share?.op !== "shareMount") throw new TypeError("not a shared mount");
    const broken = (change: Partial<typeof share.mount>) =>
      on.perform({ title: "broken", host: [{ ...share, mount: { ...share.mount, ...change } }] });
    await expect(
      broken({ options: [...share.mount.options, "device=/nowhere/tar"] }),
    ).rejects.toMatchObject({ errno: "ENOENT", message: expect.stringContaining("/nowhere/tar") });
    const [tarPath] = layers.map((each) => each.tarPath);
    await expect(broken({ source: tarPath ?? "" })).rejects.toMatchObject({ errno: "EINVAL" });
    await expect(
      on.perform({ title: "later", host: [share, { op: "fail", errno: 5 }] }),
    ).rejects.toMatchObject({ errno: "EIO" });
    await expect.poll(() => loopsBelow(paths.root), { timeout: 20_000 }).toEqual([]);
    await isAsBefore(before);
  });
});

// Over plain files, which older kernels do not mount.
describe.skipIf(!possible(EROFS_FILES_KERNEL))("a mount that containers share", () => {
  it("is there while one of them is, and gone with its directory afterwards", async () => {
    const before = machine();
    const { snapshotter, layer, storage, paths } = ground(erofs);
    const layers = [await layer([{ name: "a", content: "1" }])];
    const id = chainIdOf(layers);
    await snapshotter.commit(id, layers);
    const plan = () => snapshotter.root(id, layers, storage(), { readOnly: false });
    const streams = { stdin: "pipe", stdout: "pipe", stderr: 2 } as const;
    const mounted = () => on.mounts().filter(({ target }) => target === paths.mount(id)).length;
    const first = await on.execute(resident(plan(), paths.rootfs, ""), streams);
    const second = await on.execute(resident(plan(), paths.rootfs, ""), streams);
    expect(mounted()).toBe(1);
    await first.stdin?.close();
    await first.exited;
    expect(mounted()).toBe(1);
    await second.stdin?.close();
    await second.exited;
    expect(mounted()).toBe(0);
    expect(readdirSync(`${paths.root}/mounts`)).toEqual([]);
    expect(readdirSync(`${paths.root}/locks`)).toEqual([]);
    await isAsBefore(before);
  });

  it("outlives the removal of the image's file", async () => {
    const { snapshotter, layer, storage, paths } = ground(erofs);
    const layers = [await layer([{ name: "a", content: "1".repeat(3000) }])];
    const id = chainIdOf(layers);
    await snapshotter.commit(id, layers);
    const plan = snapshotter.root(id, layers, storage(), { readOnly: false });
    const seen = await visit(plan, paths.rootfs, "", async (root) => {
      await snapshotter.remove(id, []);
      await files.removeTree(paths.layers);
      return readFileSync(`${root}/a`, "latin1");
    });
    expect(await seen).toBe("1".repeat(3000));
  });
});

// -- both show the same --------------------------------------------------------------------------

/** Everything that stat(2), readlink(2), read(2) and listxattr(2) tell, but inode numbers and what overlayfs counts its own way. */
function everythingOf(root: string): Record<string, unknown> {
  const seen: Record<string, unknown> = {};
  walk(root, (path, name) => {
    const s = lstatSync(path, { bigint: true });
    seen[name] = {
      mode: s.mode.toString(8),
      owner: `${s.uid}:${s.gid}`,
      mtimeNs: s.mtimeNs,
      device: s.rdev,
      ...(!s.isDirectory() && { size: s.size }),
      ...(s.isSymbolicLink() && { target: readlinkSync(path) }),
      ...(s.isFile() && { hash: createHash("sha256").update(readFileSync(path)).digest("hex") }),
    };
  });
  const dump = execFileSync(
    "getfattr",
    ["-R", "-P", "-h", "-d", "-m", "-", "-e", "hex", "--", "."],
    {
      cwd: root,
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  seen.xattrs = dump.toString().split("\n\n").sort();
  return seen;
}

const merged = possible(EROFS_FILES_KERNEL) ? erofs : withLoops;

// One of the two is EROFS, over loop devices where it must be, with the overlays of 6.8.
describe.skipIf(!possible(LOWERDIR_ADD_KERNEL))("the same layers", () => {
  it("look the same through both snapshotters", async () => {
    for (let seed = 1; seed <= 25; seed++) {
      const pick = generator(seed);
      const layers = Array.from({ length: 2 + pick(4) }, () => randomLayer(pick));
      const views = [];
      for (const make of [merged, directory]) {
        const { snapshotter, layer, storage, paths } = ground(make);
        const stored = [];
        for (const entries of layers) stored.push(await layer(entries));
        const id = chainIdOf(stored);
        await snapshotter.commit(id, stored);
        const plan = snapshotter.root(id, stored, storage(), { readOnly: false });
        views.push(await visit(plan, paths.rootfs, "", everythingOf));
      }
      expect(views[1], `seed ${seed}`).toEqual(views[0]);
    }
  });
});

describe("the host's root", () => {
  it("shows the machine, takes writes, and hides the state", async () => {
    const { paths, storage } = ground(directory);
    mkdirSync(`${paths.containers}/other/upper`, { recursive: true });
    const before = readdirSync("/etc");
    const own = storage();
    const plan = hostRoot(on.facts(), own, paths.root, { readOnly: false, ephemeral: true });
    const script = "rm -rf etc; echo -n mine > nacre-was-here; mkdir etc";
    const seen = await visit(plan, paths.rootfs, script, (root) => ({
      etc: readdirSync(`${root}/etc`),
      mine: readFileSync(`${root}/nacre-was-here`, "latin1"),
      // Where it is a file system of its own it is not to be seen at all.
      state: existsSync(`${root}${paths.root}`) ? readdirSync(`${root}${paths.root}`) : [],
      sh: lstatSync(`${root}/bin/sh`).size > 0,
    }));
    expect(seen).toEqual({ etc: [], mine: "mine", state: [], sh: true });
    // What somebody adds to it meanwhile is none of ours.
    expect(readdirSync("/etc")).toEqual(expect.arrayContaining(before));
    expect(readdirSync(own.upper).sort()).toEqual(["etc", "nacre-was-here"]);
    expect(readdirSync("/")).not.toContain("nacre-was-here");
  });
});
