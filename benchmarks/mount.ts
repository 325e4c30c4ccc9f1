// Mounting an image's root: one merged EROFS and an overlay on it, beside an overlay of as many
// directories as the image has layers. Both run as programs in nacre-init, mount and unmount many
// times over, so that the start of a process does not count.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { MountDescription, Operation } from "@nacre/core/program/operation.ts";
import { LinuxKernel } from "@nacre/linux/kernel.ts";
import { manyLayersImage } from "../test/images/many-files.ts";
import { type Benchmark, compare, type Row } from "./harness.ts";
import { openEngine, request } from "./library.ts";
import { INIT } from "./nacre.ts";
import { openStage, type Stage } from "./stage.ts";

function overlay(lowers: readonly string[], folder: string): MountDescription {
  for (const name of ["upper", "work", "root"]) mkdirSync(join(folder, name), { recursive: true });
  return {
    type: "overlay",
    source: "overlay",
    options: [
      ...lowers.map((path) => `lowerdir+=${path}`),
      `upperdir=${join(folder, "upper")}`,
      `workdir=${join(folder, "work")}`,
    ],
    attributes: [],
  };
}

/** Mounts in order, unmounted in reverse, `times` over. */
function roundTrips(mounts: readonly (readonly [MountDescription, string])[], times: number) {
  const up = mounts.map(([mount, target]): Operation => ({ op: "mount", mount, target }));
  const down = mounts
    .toReversed()
    .map(([, target]): Operation => ({ op: "unmount", target, detach: false }));
  return Array.from({ length: times }, () => [...up, ...down]).flat();
}

async function timePerMount(kernel: Kernel, host: Operation[], times: number): Promise<number> {
  const start = performance.now();
  await kernel.perform({ title: "mount and unmount", host });
  return (performance.now() - start) / times;
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

async function row(stage: Stage, layers: number, small: boolean): Promise<Row> {
  const image = manyLayersImage(layers);
  const { reference } = await stage.publish(`layers-${layers}`, image);
  const folder = join(stage.disk.path, `mount-${layers}`);
  const [erofs, ours, theirs] = ["erofs", "ours", "theirs"].map((name) => join(folder, name));
  for (const path of [erofs, ours, theirs]) mkdirSync(path!, { recursive: true });
  const directories = image.layers.map(({ tar }, i) => {
    const path = join(folder, `layer-${i}`);
    mkdirSync(path);
    execFileSync("tar", ["-x", "-C", path, "-f", "-"], { input: tar });
    return path;
  });
  const mount = await imageMount(join(stage.disk.path, "nacre"), reference);
  const times = small ? 5 : 200;
  const merged = [
    [mount, erofs!],
    [overlay([erofs!], ours!), join(ours!, "root")],
  ] as const;
  const stacked = [[overlay(directories.toReversed(), theirs!), join(theirs!, "root")]] as const;
  const kernel = new LinuxKernel(INIT);
  return compare({
    work: `mount and unmount of an image of ${layers} layer${layers === 1 ? "" : "s"}`,
    ...{ atMost: 1, runs: small ? 1 : 15, peer: "overlay" },
    ours: () => timePerMount(kernel, roundTrips(merged, times), times),
    open: () => ({
      ...{ name: "overlay of directories", version: `Linux ${release()}` },
      once: () => timePerMount(kernel, roundTrips(stacked, times), times),
    }),
  });
}

export const mount: Benchmark = {
  name: "mount",
  about: "an image's root, beside an overlay of directories",
  async run({ small, log }) {
    // A table that is long makes every mount slower; say so.
    const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n").length;
    if (mounts > 200) log(`${mounts} mounts on this machine already`);
    await using stage = await openStage();
    return [await row(stage, 1, small), await row(stage, 40, small)];
  },
};
