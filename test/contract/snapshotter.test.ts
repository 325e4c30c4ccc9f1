// Snapshotters over files in memory, with a kernel that says yes to everything. What containers
// see of them is tested on the real one: test/kernel/snapshotter.test.ts.

import type { Kernel, KernelFacts } from "@nacre/core/ports/kernel.ts";
import type { Snapshotter } from "@nacre/core/ports/snapshotter.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { StatePaths } from "@nacre/engine/images/paths.ts";
import { DirectorySnapshotter } from "@nacre/engine/snapshotters/directory.ts";
import { ErofsSnapshotter } from "@nacre/engine/snapshotters/erofs.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedFiles } from "@nacre/simulated/files.ts";
import { SimulatedRandom } from "@nacre/simulated/random.ts";
import { describe, expect, it } from "vitest";
import { wasmCore } from "../core/wasm-core.ts";
import { chainIdOf, storeLayer, storeTar } from "./layers.ts";
import { type SnapshotterSubject, snapshotterContract } from "./snapshotter.ts";

interface Ground {
  readonly files: SimulatedFiles;
  readonly paths: StatePaths;
  readonly performed: KernelProgram[];
  readonly kernel: Kernel;
}

function ground(facts: Partial<KernelFacts> = {}): Ground {
  const performed: KernelProgram[] = [];
  const kernel = {
    facts: () => ({ release: "6.18.1", erofs: "files", overlay: true, ...facts }),
    perform: async (program: KernelProgram) => {
      performed.push(program);
    },
    alive: ({ pid }: { pid: number }) => pid === 10,
    mounts: () => [
      { target: "/", type: "tmpfs" },
      { target: "/state", type: "btrfs" },
    ],
  };
  const files = new SimulatedFiles(new SimulatedClock());
  return {
    files,
    paths: new StatePaths("/state"),
    performed,
    // The rest of a kernel is of no concern to snapshotters.
    kernel: kernel as unknown as Kernel,
  };
}

const erofs = ({ files, kernel, paths }: Ground): Snapshotter =>
  new ErofsSnapshotter(wasmCore, files, kernel, paths);
const directory = ({ files, kernel, paths }: Ground, bootId = "boot-1"): Snapshotter =>
  new DirectorySnapshotter(wasmCore, files, kernel, new SimulatedRandom(), paths, {
    bootId,
    self: { pid: 10, startTime: 5n },
  });

function subject(on: Ground, snapshotter: Snapshotter): SnapshotterSubject {
  return {
    snapshotter,
    layer: (entries) => storeLayer(on.files, on.paths, entries),
    chainId: chainIdOf,
    storage: () => ({ upper: "/c/upper", work: "/c/work", rootfs: "/rootfs" }),
    truncate: ({ tarPath }) => on.files.replace(tarPath, on.files.readBytes(tarPath).slice(1)),
  };
}

for (const [name, make] of [
  ["erofs", erofs],
  ["directory", directory],
] as const) {
  snapshotterContract(`${name} in memory`, async () => {
    const on = ground();
    return subject(on, make(on));
  });
}

describe("erofs", () => {
  it("says why a kernel or a file system is not fit for it", () => {
    expect(erofs(ground({ erofs: "none", release: "6.1.0" })).unsupported()).toContain("6.4");
    expect(erofs(ground({ erofs: "none", release: "6.8.0" })).unsupported()).toContain("6.8.0");
    expect(erofs(ground({ erofs: "loop", release: "6.8.0" })).unsupported()).toBeUndefined();
    const { files, kernel } = ground();
    files.makeDirectory("/run/nacre");
    const anonymous = Object.assign(Object.create(files), {
      status: (path: string) => ({ ...files.status(path), device: 0x2dn }),
    });
    const at = (root: string) =>
      new ErofsSnapshotter(wasmCore, anonymous, kernel, new StatePaths(root)).unsupported();
    expect(at("/run/nacre")).toBe("/run/nacre is on tmpfs, whose files cannot be mounted");
    expect(at("/state/nacre")).toBeUndefined();
    const loops = { ...kernel, facts: () => ({ ...kernel.facts(), erofs: "loop" }) } as Kernel;
    const paths = new StatePaths("/run/nacre");
    expect(new ErofsSnapshotter(wasmCore, anonymous, loops, paths).unsupported()).toBeUndefined();
  });

  it("asks for loop devices where plain files cannot be mounted, and not for too many", async () => {
    const on = ground({ erofs: "loop", release: "6.8.0" });
    const made = subject(on, erofs(on));
    const layers = [await made.layer([{ name: "a", content: "1" }])];
    const id = chainIdOf(layers);
    await made.snapshotter.commit(id, layers);
    const plan = made.snapshotter.root(id, layers, made.storage(), { readOnly: false });
    expect(plan.host[0]).toMatchObject({ mount: { call: "loop" } });
    const many = Array.from({ length: 255 }, () => layers[0]!);
    await expect(made.snapshotter.commit(id, many)).rejects.toMatchObject({
      kind: "unsupported",
      message: expect.stringContaining("255 layers"),
      advice: expect.stringContaining("--snapshotter directory"),
    });
  });

  it("leaves no image when the disk fails, at whichever step", async () => {
    for (let failAt = 1; ; failAt++) {
      const on = ground();
      const made = subject(on, erofs(on));
      const layers = [await made.layer([{ name: "a", content: "1" }])];
      on.files.failAt = failAt;
      const done = await made.snapshotter.commit(chainIdOf(layers), layers).then(
        () => true,
        () => false,
      );
      expect(made.snapshotter.has(chainIdOf(layers))).toBe(done);
      expect(on.files.sweep("/state/snapshots/erofs", { partials: true })).toEqual([]);
      if (on.files.failAt !== undefined) break;
    }
  });

  it("puts into a spill what cannot be shown from a tar", async () => {
    const on = ground();
    const made = subject(on, erofs(on));
    // Bytes behind the file's end in its last block would show in a mapped page.
    const layer = await made.layer([{ name: "dirty", content: "x".repeat(600) }]);
    const bytes = on.files.readBytes(layer.tarPath);
    const dirty = bytes.slice();
    dirty.fill(0x79, 512 + 600, 512 + 1024);
    const stored = storeTar(on.files, on.paths, dirty);
    const id = chainIdOf([stored]);
    await made.snapshotter.commit(id, [stored]);
    const spill = `/state/snapshots/erofs/${id.slice(7)}.spill`;
    expect(on.files.readText(spill).slice(0, 600)).toBe("x".repeat(600));
    expect(on.files.readText(spill)).not.toContain("y");
    const plan = made.snapshotter.root(id, [stored], made.storage(), { readOnly: false });
    expect(plan.host[0]).toMatchObject({
      op: "shareMount",
      mount: { options: [`device=${stored.tarPath}`, `device=${spill}`] },
    });
    await made.snapshotter.remove(id, []);
    expect(on.files.list("/state/snapshots/erofs")).toEqual([]);
  });

  it("refuses a root that is too long for a mount", async () => {
    const { files, kernel } = ground();
    const paths = new StatePaths(`/${"long/".repeat(50)}`);
    const snapshotter = new ErofsSnapshotter(wasmCore, files, kernel, paths);
    const layers = [await storeLayer(files, paths, [{ name: "a" }])];
    await snapshotter.commit(chainIdOf(layers), layers);
    const storage = { upper: "/u", work: "/w", rootfs: "/r" };
    expect(() => snapshotter.root(chainIdOf(layers), layers, storage, { readOnly: false })).toThrow(
      expect.objectContaining({ kind: "invalid" }),
    );
  });
});

describe("directory", () => {
  const base = [{ name: "a", content: "1" }];

  it("says what it needs of a kernel", () => {
    expect(directory(ground({ overlay: false })).unsupported()).toContain("overlay");
    expect(directory(ground()).unsupported()).toBeUndefined();
  });

  it("hands the overlay over in one page where the kernel does not take layers one by one", async () => {
    for (const [release, call] of [
      ["5.15.0-91-generic", "page"],
      ["6.1.0-18-amd64", "page"],
      ["6.8.0", undefined],
    ] as const) {
      const on = ground({ release });
      const made = subject(on, directory(on));
      const layers = [await made.layer(base)];
      const id = chainIdOf(layers);
      await made.snapshotter.commit(id, layers);
      const storage = { upper: "/a,b\\c/upper", work: "/w", rootfs: "/r" };
      const { child } = made.snapshotter.root(id, layers, storage, { readOnly: false });
      const [mount] = child;
      if (mount?.op !== "mount") throw new TypeError("no mount");
      expect(mount.mount.call).toBe(call);
      const upper = call === "page" ? "/a\\,b\\\\c/upper" : "/a,b\\\\c/upper";
      expect(mount.mount.options).toContain(`upperdir=${upper}`);
    }
  });

  it("unpacks a layer once for all images that begin with the same layers", async () => {
    const on = ground();
    const made = subject(on, directory(on));
    const layers = [await made.layer(base), await made.layer([{ name: "b" }])];
    const other = [layers[0]!, await made.layer([{ name: "c" }])];
    await made.snapshotter.commit(chainIdOf(layers), layers);
    await made.snapshotter.commit(chainIdOf(other), other);
    expect(on.performed).toHaveLength(3);
    await made.snapshotter.remove(chainIdOf(layers), []);
    expect(on.files.list("/state/snapshots/directory")).toHaveLength(3);
    await made.snapshotter.remove(chainIdOf(other), []);
    expect(on.files.list("/state/snapshots/directory")).toEqual([]);
  });

  it("trusts no directory of an earlier boot", async () => {
    const on = ground();
    const layers = [await storeLayer(on.files, on.paths, base)];
    const top = await storeLayer(on.files, on.paths, [{ name: "b" }]);
    await directory(on, "boot-one").commit(chainIdOf(layers), layers);
    await directory(on, "boot-two").commit(chainIdOf([...layers, top]), [...layers, top]);
    expect(on.performed).toHaveLength(3);
  });

  it("removes what killed processes were unpacking, and spares what living ones are", async () => {
    const on = ground();
    const at = "/state/snapshots/directory";
    on.files.makeDirectory(`${at}/${"a".repeat(64)}.boot-1.10-5-ab12.partial`);
    on.files.makeDirectory(`${at}/${"a".repeat(64)}.boot-1.11-5-ab12.partial/etc`);
    await directory(on).remove(`sha256:${"b".repeat(64)}`, []);
    expect(on.files.list(at)).toEqual([expect.stringContaining(".10-5-")]);
  });

  it("removes what it filled when the kernel refuses", async () => {
    const on = ground();
    on.kernel.perform = async () => {
      throw new RangeError("no");
    };
    const made = subject(on, directory(on));
    const layers = [await made.layer(base)];
    const id = chainIdOf(layers);
    await expect(made.snapshotter.commit(id, layers)).rejects.toThrow(RangeError);
    expect(made.snapshotter.has(id)).toBe(false);
    await made.snapshotter.remove(id, []);
    expect(on.files.list("/state/snapshots/directory")).toEqual([]);
  });

  it("makes whiteouts, opaque directories and hard links as overlayfs knows them", async () => {
    const on = ground();
    const made = subject(on, directory(on));
    const layers = [
      await made.layer([
        { name: "gone", content: "1" },
        { name: "dir/", type: "directory" },
        { name: "dir/old", content: "1" },
      ]),
      await made.layer([
        { name: ".wh.gone" },
        { name: "dir/", type: "directory", mode: 0o711 },
        { name: "dir/.wh..wh..opq" },
        { name: "dir/one", content: "1" },
        { name: "dir/two", type: "hardlink", link: "dir/one" },
      ]),
    ];
    await made.snapshotter.commit(chainIdOf(layers), layers);
    const operations = on.performed[1]?.host ?? [];
    expect(operations[0]?.op).toBe("openRoot");
    expect(operations).toContainEqual(
      expect.objectContaining({ op: "placeNode", path: "gone", major: 0, minor: 0 }),
    );
    expect(operations).toContainEqual(
      expect.objectContaining({
        op: "placeAttribute",
        path: "dir",
        name: "trusted.overlay.opaque",
      }),
    );
    expect(operations).toContainEqual({
      op: "placeHardLink",
      path: "dir/two",
      existing: "dir/one",
    });
    const times = operations.filter((o) => o.op === "placeTimes").map((o) => o.path);
    expect(times).toEqual(["dir", ""]);
  });

  it("leaves out the layers below an opaque root", async () => {
    const on = ground();
    const made = subject(on, directory(on));
    const layers = [await made.layer(base), await made.layer([{ name: ".wh..wh..opq" }])];
    const id = chainIdOf(layers);
    await made.snapshotter.commit(id, layers);
    const { child } = made.snapshotter.root(id, layers, made.storage(), { readOnly: false });
    const [mount] = child;
    const lowers =
      mount?.op === "mount" ? mount.mount.options.filter((o) => o.startsWith("lowerdir+")) : [];
    expect(lowers).toHaveLength(1);
  });
});
