// What stays resident for a detached container beside the container itself: nacre-init for us,
// conmon for podman. Rss counts every page that is mapped, shared libraries too (proc_pid_smaps(5));
// both are what the kernel says, not what ps rounds.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxImage } from "../test/images/busybox.ts";
import { type Benchmark, compare } from "./harness.ts";
import { openNacre } from "./nacre.ts";
import { version } from "./peers/command.ts";
import { openPodman } from "./peers/podman.ts";
import { openStage, type Stage } from "./stage.ts";

const CONTAINER = ["--network", "none", "--name", "resident"];

function residentKib(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const [, kib] = /^Rss:\s+(\d+) kB$/m.exec(rollup) ?? [];
  if (kib === undefined) throw new Error(`no Rss in /proc/${pid}/smaps_rollup`);
  return Number(kib);
}

function parentOf(pid: number): number {
  const [, parent] = /\) . (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
  return Number(parent);
}

function measureOurs(stage: Stage, image: string): number {
  const nacre = openNacre(join(stage.disk.path, "nacre"));
  nacre.output("run", "-d", ...CONTAINER, image, "sleep", "1000");
  try {
    const pid = Number(nacre.output("inspect", "--format", "{{.State.Pid}}", "resident"));
    return residentKib(parentOf(pid));
  } finally {
    nacre.output("rm", "--force", "resident");
  }
}

function measureConmon(podman: ReturnType<typeof openPodman>, image: string): number {
  podman.output(...podman.run, "-d", ...CONTAINER, image, "sleep", "1000");
  try {
    return residentKib(
      Number(podman.output("inspect", "--format", "{{.State.ConmonPid}}", "resident")),
    );
  } finally {
    podman.output("rm", "--force", "--time", "0", "resident");
  }
}

export const memory: Benchmark = {
  name: "memory",
  about: "what a detached container costs while it runs",
  async run({ small }) {
    await using stage = await openStage();
    const { reference } = await stage.publish("busybox", busyboxImage());
    openNacre(join(stage.disk.path, "nacre")).output("pull", "--quiet", reference);
    const row = await compare({
      work: "resident memory of a detached container's parent",
      ...{ atMost: 0.4, unit: "KiB", runs: small ? 1 : 5, warmUp: 0, peer: "conmon" },
      ours: () => measureOurs(stage, reference),
      open: (stack) => {
        const podman = stack.use(openPodman(join(stage.disk.path, "podman")));
        podman.output("pull", "--quiet", "--tls-verify=false", reference);
        const once = () => measureConmon(podman, reference);
        return { name: "conmon", version: version("conmon", "--version"), once };
      },
    });
    return [row];
  },
};
