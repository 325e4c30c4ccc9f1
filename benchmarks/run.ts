// `run --rm --network none IMAGE true`: the whole process, from fork to wait, as a person at a
// shell has it. The image is there, and has been run before.

import { join } from "node:path";
import { busyboxImage } from "../test/images/busybox.ts";
import { type Benchmark, compared, interleave, peerMissing, type Row } from "./harness.ts";
import { openNacre } from "./nacre.ts";
import { startDocker } from "./peers/docker.ts";
import { openPodman } from "./peers/podman.ts";
import { openStage, type Stage } from "./stage.ts";

const WORK = "run --rm --network none IMAGE true";
const COMMON = ["--rm", "--network", "none"];

async function besideDocker(stage: Stage, image: string, runs: number): Promise<Row> {
  const common = { work: WORK, atMost: 0.25, runs };
  try {
    await using docker = await startDocker(join(stage.disk.path, "docker"));
    docker.output("pull", "--quiet", image);
    const nacre = openNacre(join(stage.disk.path, "nacre"));
    const [ours = 0, theirs = 0] = await interleave(
      [
        () => nacre.timed("run", ...COMMON, image, "true"),
        () => docker.timed("run", ...COMMON, image, "true"),
      ],
      runs,
    );
    return compared(common, docker, ours, theirs);
  } catch (error) {
    return peerMissing(common, "docker", error);
  }
}

async function besidePodman(stage: Stage, image: string, runs: number): Promise<Row> {
  const common = { work: WORK, atMost: 0.4, runs };
  try {
    using podman = openPodman(join(stage.disk.path, "podman"));
    podman.output("pull", "--quiet", "--tls-verify=false", image);
    const nacre = openNacre(join(stage.disk.path, "nacre"));
    const [ours = 0, theirs = 0] = await interleave(
      [
        () => nacre.timed("run", ...COMMON, image, "true"),
        () => podman.timed(...podman.run, ...COMMON, image, "true"),
      ],
      runs,
    );
    return compared(common, podman, ours, theirs);
  } catch (error) {
    return peerMissing(common, "podman", error);
  }
}

export const run: Benchmark = {
  name: "run",
  about: "a container from the command line, start to removal",
  async run({ small }) {
    await using stage = await openStage();
    const { reference } = await stage.publish("busybox", busyboxImage());
    openNacre(join(stage.disk.path, "nacre")).output("pull", "--quiet", reference);
    const runs = small ? 1 : 20;
    return [await besideDocker(stage, reference, runs), await besidePodman(stage, reference, runs)];
  },
};
