// Mounting an image's root: one merged EROFS and an overlay on it, beside an overlay of as many
// directories as the image has layers. All run as programs in nacre-init, which mount many of
// them, so that the start of a process does not count.
//
// Containers of one image share its EROFS. The first that runs mounts it, which is a second mount
// where directories need one; the others mount their overlay only.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { MountDescription } from "@nacre/core/program/mount-description.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import { LinuxKernel } from "@nacre/linux/kernel.ts";
import { manyLayersImage } from "../test/images/many-files.ts";
import { type Benchmark, compare, type Row } from "./harness.ts";
import { openEngine, request } from "./library.ts";
import { INIT } from "./nacre.ts";
import { openStage, type Stage } from "./stage.ts";

type Mounting = readonly [mount: MountDescription, target: string];

/** An overlay with its own upper directory in `folder`, mounted at its `root`. */
function overlay(lowers: readonly string[], folder: string): Mounting {
  for (const name of ["upper", "work", "root"]) mkdirSync(join(folder, name), { recursive: true });
  const options = [
    ...lowers.map((path) => `lowerdir+=${path}`),
    `upperdir=${join(folder, "upper")}`,
    `workdir=${join(folder, "work")}`,
  ];
  return [{ type: "overlay", source: "overlay", options, attributes: [] }, join(folder, "root")];
}

function perform(kernel: Kernel, title: string, host: readonly Operation[]): Promise<void> {
  return kernel.perform({ title, host });
}

/** Milliseconds of one root among `count` that are mounted by one program; all are unmounted again. */
async function timeMounts(
  kernel: Kernel,
  mountings: readonly Mounting[],
  count: number,
): Promise<number> {
  const start = performance.now();
  const up = mountings.map(([mount, target]): Operation => ({ op: "mount", mount, target }));
  await perform(kernel, "mount", up);
  const elapsedMs = performance.now() - start;
  const down = mountings
    .toReversed()
    .map(([, target]): Operation => ({ op: "unmount", target, detach: false }));
  await perform(kernel, "unmount", down);
  return elapsedMs / count;
}

/** The EROFS of an image, as the program of a container mounts it. */
async function imageMount(root: string, image: string): Promise<MountDescription> {
  await using engine = await openEngine(root);
  await engine.images.pull(image);
  const program = await engine.containers.explain(request(image, ["true"]));
  const shared = program.host.find((operation) => operation.op === "shareMount");
  if (shared?.op !== "shareMount") throw new Error("this kernel mounts no EROFS over tars");
  return shared.mount;
}

async function rows(stage: Stage, layers: number, small: boolean): Promise<Row[]> {
  const image = manyLayersImage(layers);
  const { reference } = await stage.publish(`layers-${layers}`, image);
  const folder = join(stage.disk.path, `mount-${layers}`);
  const directories = image.layers.map(({ tar }, i) => {
    const path = join(folder, `layer-${i}`);
    mkdirSync(path, { recursive: true });
    execFileSync("tar", ["-x", "-C", path, "-f", "-"], { input: tar });
    return path;
  });
  const mount = await imageMount(join(stage.disk.path, "nacre"), reference);
  const count = small ? 2 : 300;
  const numbers = Array.from({ length: count }, (_, i) => i);
  const merged = numbers.flatMap((i): Mounting[] => {
    const erofs = join(folder, `erofs-${i}`);
    mkdirSync(erofs);
    return [[mount, erofs], overlay([erofs], join(folder, `ours-${i}`))];
  });
  const shared = join(folder, "shared");
  mkdirSync(shared);
  const further = numbers.map((i) => overlay([shared], join(folder, `further-${i}`)));
  const lowers = directories.toReversed();
  const stacked = numbers.map((i) => overlay(lowers, join(folder, `theirs-${i}`)));
  const kernel = new LinuxKernel(INIT);
  const besideDirectories = (container: string, ours: readonly Mounting[]): Promise<Row> =>
    compare({
      work: `mount of an image of ${layers} layer${layers === 1 ? "" : "s"}, ${container}`,
      ...{ atMost: 1, runs: small ? 1 : 21, peer: "overlay" },
      ours: () => timeMounts(kernel, ours, count),
      open: () => ({
        ...{ name: "overlay of directories", version: `Linux ${release()}` },
        once: () => timeMounts(kernel, stacked, count),
      }),
    });
  const first = await besideDirectories("first container", merged);
  await perform(kernel, "mount the image", [{ op: "mount", mount, target: shared }]);
  try {
    return [first, await besideDirectories("each further one", further)];
  } finally {
    await perform(kernel, "unmount it", [{ op: "unmount", target: shared, detach: false }]);
  }
}

export const mount: Benchmark = {
  name: "mount",
  about: "an image's root, beside an overlay of directories",
  async run({ small, log }) {
    // A table that is long makes every mount slower; say so.
    const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n").length;
    if (mounts > 200) log(`${mounts} mounts on this machine already`);
    await using stage = await openStage();
    return [...(await rows(stage, 1, small)), ...(await rows(stage, 40, small))];
  },
};
