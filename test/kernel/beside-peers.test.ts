// A container's powers, mounts and writable places beside those that docker and podman give on this
// machine: every difference is known, and has its reason. docs/SECURITY.md lists them.

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openNacre } from "../../benchmarks/nacre.ts";
import { PeerMissing } from "../../benchmarks/peers/command.ts";
import { startDocker } from "../../benchmarks/peers/docker.ts";
import { openPodman } from "../../benchmarks/peers/podman.ts";
import { openStage, type Stage } from "../../benchmarks/stage.ts";
import { busyboxImage } from "../images/busybox.ts";

const PLACES = [
  ...["/", "/etc", "/etc/hosts", "/dev", "/dev/shm", "/tmp", "/run"],
  ...["/proc/sysrq-trigger", "/proc/self/oom_score_adj", "/sys/kernel/profiling"],
];
const SCRIPT = [
  "grep -E '^(Cap|NoNew|Seccomp:|Uid|Gid)' /proc/self/status | tr '\\t' ' '",
  `awk '{ split($6, how, ","); print "mount", $5, how[1] }' /proc/self/mountinfo`,
  `for p in ${PLACES.join(" ")}; do [ -w $p ] && echo "writable $p"; done`,
  "true",
].join("\n");

type Known = readonly (readonly [line: RegExp, reason: string])[];

const CGROUPS: Known = [
  [/^mount \/sys\/fs\/cgroup (ro|rw)$/, "nothing is to be made beside a container's hierarchies"],
  [/^mount \/sys\/fs\/cgroup\/\S+ ro$/, "a container is in the hierarchies that its limits need"],
];
const DOCKER: Known = [
  ...CGROUPS,
  [/^mount \/proc\/interrupts rw$/, "docker masks it from version 28 on"],
];
const PODMAN: Known = [
  ...CGROUPS,
  [/^Cap(Prm|Eff|Bnd): /, "podman gives three less: AUDIT_WRITE, MKNOD and NET_RAW"],
  [/^mount \/proc\/\S+ (ro|rw)$/, "/dev/null in a file's place is mounted read-only there"],
  [/^mount \/(run\/\.containerenv|etc\/resolv\.conf) rw$/, "files that one has and the other not"],
  [/^mount \/sys\/dev\/block ro$/, "podman hides the numbers of block devices"],
  [/^writable \/run$/, "podman makes /run where an image has none"],
];

const linesOf = (output: string): Set<string> => new Set(output.trim().split("\n"));

/** What only one of them says, and nobody has explained. */
function unexplained(ours: string, theirs: string, known: Known): string[] {
  const [mine, other] = [linesOf(ours), linesOf(theirs)];
  const different = [...mine, ...other].filter((line) => !(mine.has(line) && other.has(line)));
  return different.filter((line) => !known.some(([pattern]) => pattern.test(line)));
}

type Open = (
  stack: AsyncDisposableStack,
  stage: Stage,
  reference: string,
) => Promise<(command: readonly string[]) => string>;

async function beside(open: Open, known: Known): Promise<void> {
  await using stage = await openStage();
  await using stack = new AsyncDisposableStack(); // the peer ends before its disk goes
  const { reference } = await stage.publish("busybox", busyboxImage());
  const nacre = openNacre(join(stage.disk.path, "nacre"));
  nacre.output("pull", "--quiet", reference);
  const command = ["--rm", "--network", "none", reference, "sh", "-c", SCRIPT];
  const ours = nacre.output("run", ...command);
  expect(ours).toMatch(/^Seccomp: 2$/m);
  let theirs: string;
  try {
    theirs = (await open(stack, stage, reference))(command);
  } catch (error) {
    // Not on every machine, and dockerd does not start everywhere.
    if (error instanceof PeerMissing) return;
    throw error;
  }
  expect(unexplained(ours, theirs, known)).toEqual([]);
}

describe("what a container is, sees and may write to", () => {
  it("is what docker's is, but for what is known", async () => {
    await beside(async (stack, stage, reference) => {
      const docker = stack.use(await startDocker(join(stage.disk.path, "docker")));
      docker.output("pull", "--quiet", reference);
      return (command) => docker.output("run", ...command);
    }, DOCKER);
  }, 120_000);

  it("is what podman's is, but for what is known", async () => {
    await beside(async (stack, stage, reference) => {
      const podman = stack.use(openPodman(join(stage.disk.path, "podman")));
      podman.output("pull", "--quiet", "--tls-verify=false", reference);
      return (command) => podman.output(...podman.run, ...command);
    }, PODMAN);
  }, 120_000);
});
