// A container's /proc/self/status, its mounts with their types and options, and all paths that it may
// write to, beside those that docker and podman give on this machine: every difference is known, and
// has its reason. docs/SECURITY.md lists them.

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openNacre } from "../../benchmarks/nacre.ts";
import { PeerMissing } from "../../benchmarks/peers/command.ts";
import { startDocker } from "../../benchmarks/peers/docker.ts";
import { openPodman } from "../../benchmarks/peers/podman.ts";
import { openStage, type Stage } from "../../benchmarks/stage.ts";
import { compiledProbe } from "../escapes/world.ts";
import { busyboxEntries } from "../images/busybox.ts";
import type { ImageSpec } from "../images/layout.ts";
import { tar } from "../images/tar.ts";

/** Of /proc/self/status what is another number in each process. */
const COUNTED =
  "Name|State|Tgid|Ngid|Pid|PPid|NS[a-z]*|FDSize|Vm[A-Za-z]*|Rss[A-Za-z]*|Threads|SigQ|SigPnd|ShdPnd|[a-z]*voluntary_ctxt_switches";
/** All of it that is not; all mounts with their types and options; every path that may be written. */
const SCRIPT = [
  `grep -vE '^(${COUNTED}):' /proc/self/status | tr '\\t' ' ' | sed 's/^/status /'`,
  `awk '{ for (i = 7; $i != "-"; i++); print "mount", $5, $(i + 1), $6 }' /proc/self/mountinfo`,
  "probe writable",
  "true",
].join("\n");

/** Busybox, and what finds out where a process may write: as root, a shell takes that for granted. */
function probedImage(directory: string): ImageSpec {
  const content = compiledProbe(directory);
  return {
    layers: [{ tar: tar([...busyboxEntries(), { name: "bin/probe", content, mode: 0o755 }]) }],
    process: { Env: ["PATH=/bin"], Cmd: ["sh"] },
  };
}

type Known = readonly (readonly [line: RegExp, reason: string])[];

const BOTH: Known = [
  [/^mount \/sys\/fs\/cgroup tmpfs /, "nothing is to be made beside a container's hierarchies"],
  [/^writable \/sys\/fs\/cgroup(\/\w+)?$/, "the same"],
  [/^mount \/sys\/fs\/cgroup\/\S+ cgroup ro,/, "it is in the hierarchies that its limits need"],
  [/^mount \/etc\/(hosts|hostname|resolv\.conf) /, "they are in memory, with no setuid programs"],
  [/^mount \/(proc\/acpi|proc\/scsi|sys\/firmware) tmpfs ro,/, "so is what hides directories"],
];
const DOCKER: Known = [
  ...BOTH,
  [/^mount \/proc\/interrupts devtmpfs rw,/, "docker masks it from version 28 on"],
  [/^mount \/proc\/(keys|timer_list) /, "docker 20.10 hides files behind its own /dev/null"],
  [/^writable \/\.dockerenv$/, "there is no such file here"],
];
const PODMAN: Known = [
  ...BOTH,
  [/^status Cap(Prm|Eff|Bnd): /, "podman gives three less: AUDIT_WRITE, MKNOD and NET_RAW"],
  [/^status Groups: /, "the first group is among the others, as docker has it (CVE-2022-36109)"],
  [/^mount \/dev tmpfs rw,/, "programs in /dev can be executed, as docker has it"],
  [/^mount \/proc\/(bus|fs|irq|sys|asound) proc ro,/, "what is closed of /proc keeps its nosuid"],
  [/^mount \/proc\/\w+ devtmpfs r[ow],/, "/dev/null in a file's place is read-only there"],
  [/^mount \/run\/\.containerenv /, "there is no such file here"],
  [/^writable \/(run\/\.containerenv|run|etc\/resolv\.conf)$/, "files that one has, the other not"],
  [/^mount \/sys\/dev\/block /, "podman hides the numbers of block devices"],
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

async function beside(open: Open, known: Known, skip: (reason: string) => void): Promise<void> {
  await using stage = await openStage();
  await using stack = new AsyncDisposableStack(); // the peer ends before its disk goes
  const { reference } = await stage.publish("busybox", probedImage(stage.disk.path));
  const nacre = openNacre(join(stage.disk.path, "nacre"));
  nacre.output("pull", "--quiet", reference);
  const command = ["--rm", "--network", "none", reference, "sh", "-c", SCRIPT];
  const ours = nacre.output("run", ...command);
  expect(ours).toMatch(/^status Seccomp: 2$/m);
  let theirs: string;
  try {
    theirs = (await open(stack, stage, reference))(command);
  } catch (error) {
    // Not on every machine, and dockerd does not start everywhere.
    if (error instanceof PeerMissing) return skip(error.message);
    throw error;
  }
  expect(unexplained(ours, theirs, known)).toEqual([]);
}

describe("what a container is, sees and may write to", () => {
  it("is what docker's is, but for what is known", async ({ skip }) => {
    await beside(
      async (stack, stage, reference) => {
        const docker = stack.use(await startDocker(join(stage.disk.path, "docker")));
        docker.output("pull", "--quiet", reference);
        return (command) => docker.output("run", ...command);
      },
      DOCKER,
      skip,
    );
  }, 120_000);

  it("is what podman's is, but for what is known", async ({ skip }) => {
    await beside(
      async (stack, stage, reference) => {
        const podman = stack.use(openPodman(join(stage.disk.path, "podman")));
        podman.output("pull", "--quiet", "--tls-verify=false", reference);
        return (command) => podman.output(...podman.run, ...command);
      },
      PODMAN,
      skip,
    );
  }, 120_000);
});
