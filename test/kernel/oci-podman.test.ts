// podman with nacre-runtime as its runtime: a real conmon calls it, with a PATH of its own choice.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OciBench, RUNTIME } from "./oci-bench.ts";

const hasPodman = spawnSync("podman", ["--version"]).status === 0;
const hasCrun = spawnSync("crun", ["--version"]).status === 0;
/** Without CAP_SYS_RESOURCE podman's own defaults cannot be had. */
const RUN = ["--network", "none", "--ulimit", "nofile=20000:20000", "--ulimit", "nproc=1000:1000"];
const IMAGE = "localhost/busybox";

let bench: OciBench;

function podman(words: readonly string[], runtime = RUNTIME) {
  const own = ["--root", bench.path("podman"), "--runroot", bench.path("podman-run")];
  const options = [...own, "--cgroup-manager", "cgroupfs", "--events-backend", "file"];
  const driver = ["--storage-driver", "vfs", "--runtime", runtime];
  const { status, stdout, stderr } = spawnSync("podman", [...options, ...driver, ...words], {
    encoding: "utf8",
    timeout: 60_000,
  });
  return { code: status, stdout, stderr };
}

function does(words: readonly string[]): string {
  const { code, stdout, stderr } = podman(words);
  if (code !== 0) throw new Error(`podman ${words.join(" ")}: ${code}\n${stderr}`);
  return stdout.trim();
}

/**
 * Ends a container with users of its own, and waits until podman has taken it away. Its `rm` meets the
 * cleanup that its own conmon has begun, finds the shared memory still mounted and gives up: with crun
 * and runc too, once in about ten times.
 */
async function removed(name: string): Promise<void> {
  await bench.until(() => {
    podman(["rm", "-f", "-t", "0", name]);
    return does(["ps", "-aq"]) === "";
  });
}

/** Podman leaves the parents of its cgroups, which go when nobody is in them: conmon ends last. */
async function forgetParents(): Promise<void> {
  const parents = readdirSync("/sys/fs/cgroup").map(
    (name) => `/sys/fs/cgroup/${name}/libpod_parent`,
  );
  const left = () => parents.filter(existsSync);
  await bench.until(() => {
    for (const parent of left()) spawnSync("rmdir", [`${parent}/conmon`, parent]);
    return left().length === 0;
  });
}

// It cannot run where there is no podman.
describe.skipIf(!hasPodman)("podman with nacre-runtime", () => {
  beforeAll(() => {
    bench = new OciBench();
    const tar = bench.path("rootfs.tar");
    execFileSync("tar", ["-C", bench.path("rootfs"), "-cf", tar, "."]);
    does(["import", "-q", tar, IMAGE]);
  });
  afterAll(async () => {
    podman(["rm", "-af", "-t", "0"]);
    podman(["rmi", "-af"]);
    rmSync(bench.path("podman"), { recursive: true, force: true });
    bench[Symbol.dispose]();
    await forgetParents();
  });

  it("runs a container, and has its exit code", () => {
    const run = (...command: string[]) => podman(["run", "--rm", ...RUN, IMAGE, ...command]);
    expect(run("sh", "-c", "echo hi; exit 7")).toMatchObject({ code: 7, stdout: "hi\n" });
    expect(run("absent").code).toBe(127);
    expect(run("/etc").code).toBe(126);
  });

  it("takes a container through its life", async () => {
    const script = "trap 'echo ended; exit 3' TERM; echo begun; while :; do sleep 0.05; done";
    does(["run", "-d", "--name", "life", ...RUN, IMAGE, "sh", "-c", script]);
    const status = () => does(["inspect", "-f", "{{.State.Status}}", "life"]);
    await bench.until(() => does(["logs", "life"]) === "begun");
    expect(podman(["exec", "life", "sh", "-c", "echo in; exit 5"])).toMatchObject({
      code: 5,
      stdout: "in\n",
    });
    expect(podman(["exec", "life", "absent"]).code).toBe(127);
    does(["pause", "life"]);
    expect(status()).toBe("paused");
    does(["unpause", "life"]);
    does(["stop", "-t", "10", "life"]);
    expect(does(["logs", "life"])).toBe("begun\nended");
    expect(does(["inspect", "-f", "{{.State.ExitCode}}", "life"])).toBe("3");
    does(["start", "life"]);
    does(["kill", "life"]);
    await bench.until(() => status() === "exited");
    does(["rm", "life"]);
    expect(does(["ps", "-aq"])).toBe("");
  });

  it("has terminals, mounts, limits and users", () => {
    const terminal = podman([
      "run",
      "--rm",
      "-t",
      ...RUN,
      IMAGE,
      "sh",
      "-c",
      "tty; stat -c %n /dev/console",
    ]);
    expect(terminal.stdout).toBe("/dev/pts/0\r\n/dev/console\r\n");
    const options = [
      "--read-only",
      "--tmpfs",
      "/t",
      "-v",
      `${bench.base}:/b:ro`,
      "-m",
      "64m",
      "-u",
      "5:6",
    ];
    const script =
      "id -u; id -g; touch /x /b/x 2>/dev/null; ls -d /x /b/x 2>/dev/null; ls -d /b; cat /sys/fs/cgroup/memory/memory.limit_in_bytes";
    const { stdout } = podman(["run", "--rm", ...RUN, ...options, IMAGE, "sh", "-c", script]);
    expect(stdout).toBe(`5\n6\n/b\n${64 << 20}\n`);
  });

  it("shares namespaces between containers, users among them", async () => {
    const users = ["--userns", "container:first"];
    does([
      "run",
      "-d",
      "--name",
      "first",
      "--uidmap",
      "0:100000:2000",
      "--gidmap",
      "0:100000:2000",
      ...RUN,
      IMAGE,
      "sleep",
      "100",
    ]);
    const { code, stdout, stderr } = podman([
      "run",
      "--rm",
      ...users,
      "--pid",
      "container:first",
      "--ulimit",
      "nofile=20000:20000",
      "--ulimit",
      "nproc=1000:1000",
      "--network",
      "container:first",
      IMAGE,
      "sh",
      "-c",
      "cat /proc/self/uid_map; busybox tr '\\0' ' ' < /proc/1/cmdline",
    ]);
    expect(stdout.replace(/ +/g, " "), stderr).toBe(" 0 100000 2000\nsleep 100 ");
    expect(code, stderr).toBe(0); // conmon saw it end: it was told the pid that it has here
    await removed("first");
  });

  // It cannot be compared where there is no crun.
  it.skipIf(!hasCrun)("shows a container what crun shows it", () => {
    const script =
      "cat /proc/self/status | while read k v; do case $k in Cap*|NoNew*|Seccomp*) echo $k $v;; esac; done; mount | while read a b c d e f; do echo $c $e; done; ls /dev; hostname";
    const shown = (runtime: string) => {
      const words = ["run", "--rm", "--hostname", "h", ...RUN, IMAGE, "sh", "-c", script];
      const { stdout, stderr } = podman(words, runtime);
      return `${stdout}${stderr}`.split("\n").sort();
    };
    const expected = shown("crun").filter((line) => !/^\/dev\/console|core$/.test(line));
    expect(shown(RUNTIME)).toEqual(expect.arrayContaining(expected));
  });
});
