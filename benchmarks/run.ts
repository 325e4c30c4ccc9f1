// `run --rm --network none IMAGE true`: the whole process, from fork to wait, as a person at a
// shell has it. The image is there, and has been run before.

import { join } from "node:path";
import { busyboxImage } from "../test/images/busybox.ts";
import { type Benchmark, compare, type Once } from "./harness.ts";
import { openNacre } from "./nacre.ts";
import { startDocker } from "./peers/docker.ts";
import { openPodman } from "./peers/podman.ts";
import { openStage } from "./stage.ts";

const WORK = "run --rm --network none IMAGE true";
const OPTIONS = ["--rm", "--network", "none"];

export const run: Benchmark = {
  name: "run",
  about: "a container from the command line, start to removal",
  async run({ small }) {
    await using stage = await openStage();
    const { reference } = await stage.publish("busybox", busyboxImage());
    const nacre = openNacre(join(stage.disk.path, "nacre"));
    nacre.output("pull", "--quiet", reference);
    const command = [...OPTIONS, reference, "true"];
    const ours: Once = () => nacre.timed("run", ...command);
    const common = { work: WORK, runs: small ? 1 : 20, ours };
    const besideDocker = await compare({
      ...{ ...common, atMost: 0.18, peer: "docker" },
      open: async (stack) => {
        const docker = stack.use(await startDocker(join(stage.disk.path, "docker")));
        docker.output("pull", "--quiet", reference);
        return { ...docker, once: () => docker.timed("run", ...command) };
      },
    });
    const besidePodman = await compare({
      ...{ ...common, atMost: 0.3, peer: "podman" },
      open: (stack) => {
        const podman = stack.use(openPodman(join(stage.disk.path, "podman")));
        podman.output("pull", "--quiet", "--tls-verify=false", reference);
        return { ...podman, once: () => podman.timed(...podman.run, ...command) };
      },
    });
    return [besideDocker, besidePodman];
  },
};
