// Limits as they hold inside a container, on the cgroup v1 hierarchies of this machine, and as
// they change while it runs.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { benchForTests } from "./engine-bench.ts";

const V1 = existsSync("/sys/fs/cgroup/memory/memory.limit_in_bytes");
const BLOCK_DEVICE = readdirSync("/sys/block")[0];
const FIRST_CPU = V1
  ? Number.parseInt(readFileSync("/sys/fs/cgroup/cpuset/cpuset.cpus", "utf8"), 10)
  : 0;

const bench = benchForTests();

/** What the container itself reads below /sys/fs/cgroup. */
const inside = (options: readonly string[], ...files: string[]) =>
  bench.prints(options, ["sh", "-c", files.map((f) => `cat /sys/fs/cgroup/${f}`).join("; ")]);
/** The same of one that runs. */
const now = (name: string, file: string) =>
  bench.does(["exec", name, "cat", `/sys/fs/cgroup/${file}`]);

// Without v1 hierarchies there is nothing to look at here: npm run test:vm covers v2.
const onV1 = describe.skipIf(!V1);

onV1("limits", () => {
  it.each<[string[], Record<string, string>]>([
    [
      ["--memory", "64m", "--memory-swap", "96m", "--memory-reservation", "32m"],
      {
        "memory/memory.limit_in_bytes": "67108864",
        "memory/memory.memsw.limit_in_bytes": "100663296",
        "memory/memory.soft_limit_in_bytes": "33554432",
      },
    ],
    [["--memory", "64m"], { "memory/memory.memsw.limit_in_bytes": "134217728" }],
    [["--memory-swappiness", "10"], { "memory/memory.swappiness": "10" }],
    [["--cpus", "0.5"], { "cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000" }],
    [
      ["--cpu-period", "50000", "--cpu-quota", "25000", "--cpu-shares", "512"],
      {
        "cpu/cpu.cfs_quota_us": "25000",
        "cpu/cpu.cfs_period_us": "50000",
        "cpu/cpu.shares": "512",
      },
    ],
    [["--cpuset-cpus", `${FIRST_CPU}`], { "cpuset/cpuset.cpus": `${FIRST_CPU}` }],
    [["--pids-limit", "17"], { "pids/pids.max": "17" }],
  ])("%j hold inside", async (options, expected) => {
    await bench.unchanged(async () => {
      const found = await inside(options, ...Object.keys(expected));
      expect(found.split("\n")).toEqual(Object.values(expected));
    });
  });

  it("of a disk hold inside", async () => {
    if (BLOCK_DEVICE === undefined) throw new Error("this machine has no block device");
    const numbers = readFileSync(`/sys/block/${BLOCK_DEVICE}/dev`, "utf8").trim();
    const options = ["--device-read-bps", `/dev/${BLOCK_DEVICE}:1mb`];
    const found = await inside(options, "blkio/blkio.throttle.read_bps_device");
    expect(found).toBe(`${numbers} 1048576`);
  });

  it("of processors are kept to", async () => {
    const allowed = ["sh", "-c", "grep Cpus_allowed_list /proc/self/status"];
    expect(await bench.prints(["--cpuset-cpus", `${FIRST_CPU}`], allowed)).toMatch(
      new RegExp(`\t${FIRST_CPU}$`),
    );
  });

  it("that make no sense are refused before anything is made", async () => {
    await bench.unchanged(async () => {
      const refusal = async (...options: string[]) => {
        const { code, stderr } = await bench.nacre([
          "run",
          "--rm",
          ...options,
          bench.name(),
          "true",
        ]);
        expect(code).toBe(125);
        return stderr;
      };
      expect(await refusal("--cpuset-cpus", "4095")).toContain("not a list of CPUs");
      expect(await refusal("--cpuset-cpus", "1000")).toContain("not available - requested 1000");
      expect(await refusal("--device-read-bps", "/dev/null:1")).not.toBe("");
      expect(await refusal("--device-read-bps", "/dev/nothing:1mb")).toContain("is no device");
      expect(await refusal("--cpus", "1", "--cpu-quota", "1000")).toContain("cannot both be set");
    });
  });

  it("are reported when memory is what ended it", async () => {
    const told = await bench.nacre([
      "run",
      "--rm",
      "--memory",
      "8m",
      "--memory-swap",
      "8m",
      bench.name(),
      "sh",
      "-c",
      "x=x; while :; do x=$x$x; done",
    ]);
    expect(told).toMatchObject({ code: 137 });
    expect(told.stderr).toContain("137: the memory limit of 8 MiB was hit");
    const fill = "x=x; while :; do x=$x$x; done";
    await bench.nacre([
      "run",
      "--name",
      "greedy",
      "--memory",
      "8m",
      "--memory-swap",
      "8m",
      bench.name(),
      "sh",
      "-c",
      fill,
    ]);
    const { State } = JSON.parse(await bench.does(["inspect", "greedy"]))[0];
    expect(State).toMatchObject({ OOMKilled: true, ExitCode: 137 });
    await bench.does(["rm", "greedy"]);
  });
});

onV1("update", () => {
  const start = (name: string, ...options: string[]) =>
    bench.does(["run", "-d", "--name", name, ...options, bench.name(), "sleep", "1000"]);

  it("changes what holds now, and when it is started again", async () => {
    await bench.unchanged(async () => {
      await start("grown", "--memory", "64m", "--cpus", "0.5");
      await bench.does([
        "update",
        "--memory",
        "256m",
        "--cpus",
        "1",
        "--pids-limit",
        "20",
        "grown",
      ]);
      expect(await now("grown", "memory/memory.limit_in_bytes")).toBe("268435456");
      expect(await now("grown", "memory/memory.memsw.limit_in_bytes")).toBe("536870912");
      expect(await now("grown", "cpu/cpu.cfs_quota_us")).toBe("100000");
      expect(await now("grown", "pids/pids.max")).toBe("20");
      await bench.does(["update", "--memory", "32m", "grown"]);
      expect(await now("grown", "memory/memory.limit_in_bytes")).toBe("33554432");
      expect(await now("grown", "memory/memory.memsw.limit_in_bytes")).toBe("67108864");
      await bench.does(["restart", "-t", "0", "grown"]);
      expect(await now("grown", "memory/memory.limit_in_bytes")).toBe("33554432");
      expect(await now("grown", "pids/pids.max")).toBe("20");
      const { HostConfig } = JSON.parse(await bench.does(["inspect", "grown"]))[0];
      expect(HostConfig).toMatchObject({ Memory: 33554432, NanoCpus: 1e9, PidsLimit: 20 });
      await bench.does(["rm", "-f", "grown"]);
    });
  });

  it("brings a container into a hierarchy that it was not in, and takes it out in the end", async () => {
    await bench.unchanged(async () => {
      await start("moved");
      await bench.does(["exec", "-d", "moved", "sleep", "1001"]);
      await bench.does(["update", "--cpuset-cpus", `${FIRST_CPU}`, "moved"]);
      const status = await bench.does(["exec", "moved", "sh", "-c", "cat /proc/[0-9]*/status"]);
      const lists = [...status.matchAll(/^Cpus_allowed_list:\t(.*)$/gm)].map(([, list]) => list);
      expect(lists.length).toBeGreaterThanOrEqual(3);
      expect(new Set(lists)).toEqual(new Set([`${FIRST_CPU}`]));
      await bench.does(["kill", "moved"]);
      await bench.does(["wait", "moved"]);
      await bench.does(["start", "moved"]);
      expect(await now("moved", "cpuset/cpuset.cpus")).toBe(`${FIRST_CPU}`);
      await bench.does(["rm", "-f", "moved"]);
    });
  });

  it("changes nothing where the kernel refuses a part of it", async () => {
    await start("full", "--pids-limit", "30");
    const { code, stderr } = await bench.nacre([
      "update",
      "--cpuset-cpus",
      "900",
      "--pids-limit",
      "5",
      "full",
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain("not available - requested 900");
    expect(await now("full", "pids/pids.max")).toBe("30");
    expect((await bench.nacre(["update", "full"])).stderr).toContain("one or more flags");
    await bench.does(["rm", "-f", "full"]);
  });
});
