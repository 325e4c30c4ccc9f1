import { existsSync, readFileSync } from "node:fs";
import { detectLayout } from "@nacre/core/cgroup-layout.ts";
import { describe, expect, it } from "vitest";

const subsystems = (rows: string[]): string =>
  [
    "#subsys_name\thierarchy\tnum_cgroups\tenabled",
    ...rows.map((row) => row.replaceAll(" ", "\t")),
    "",
  ].join("\n");

describe("the layout of a machine's cgroups", () => {
  it("is v2 where only version 2 is mounted", () => {
    const mountinfo =
      "24 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
    const rows = subsystems([
      "cpuset 0 90 1",
      "cpu 0 90 1",
      "blkio 0 90 1",
      "freezer 0 90 1",
      "memory 0 90 0",
    ]);
    expect(detectLayout(mountinfo, rows)).toEqual({
      version: "v2",
      hierarchies: [
        {
          version: 2,
          id: 0,
          controllers: ["cpuset", "cpu", "io"],
          mountpoint: "/sys/fs/cgroup",
          root: "/",
        },
      ],
    });
  });

  it("is hybrid where both are mounted, each controller on one side", () => {
    const mountinfo = [
      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw",
      "32 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
      "33 31 0:29 /docker/x /sys/fs/cgroup/cpu,cpuacct rw shared:9 master:1 - cgroup cgroup rw,cpu,cpuacct",
      "34 31 0:30 / /sys/fs/cgroup/sys\\040temd rw - cgroup cgroup rw,xattr,name=systemd",
      "35 31 0:29 / /mnt/again rw - cgroup cgroup rw,cpu,cpuacct",
    ].join("\n");
    const rows = subsystems(["cpu 3 1 1", "cpuacct 3 1 1", "pids 0 1 1"]);
    const { version, hierarchies } = detectLayout(mountinfo, rows);
    expect(version).toBe("hybrid");
    expect(hierarchies).toEqual([
      {
        version: 1,
        id: 3,
        controllers: ["cpu", "cpuacct"],
        mountpoint: "/sys/fs/cgroup/cpu,cpuacct",
        root: "/docker/x",
      },
      {
        version: 1,
        id: undefined,
        controllers: ["name=systemd"],
        mountpoint: "/sys/fs/cgroup/sys temd",
        root: "/",
      },
      { version: 2, id: 0, controllers: ["pids"], mountpoint: "/sys/fs/cgroup/unified", root: "/" },
    ]);
  });

  it("asks version 2 for its controllers where it can, for /proc/cgroups may leave some out", () => {
    const mountinfo = "33 31 0:29 / /c rw - cgroup2 none rw";
    const read = (mountpoint: string) => (mountpoint === "/c" ? "cpuset cpu memory\n" : undefined);
    expect(detectLayout(mountinfo, subsystems(["pids 0 1 1"]), read).hierarchies).toMatchObject([
      { controllers: ["cpuset", "cpu", "memory"] },
    ]);
    expect(detectLayout(mountinfo, "", () => "").hierarchies).toMatchObject([{ controllers: [] }]);
  });

  it("is v1 where only version 1 is mounted", () => {
    const mountinfo = "33 31 0:29 / /c rw - cgroup none rw,memory";
    expect(detectLayout(mountinfo, subsystems(["memory 1 1 1"]))).toMatchObject({ version: "v1" });
  });

  // Other systems, and kernels built without cgroups, have no such file.
  it.runIf(existsSync("/proc/cgroups"))("is read from this machine", () => {
    const read = (path: string): string => readFileSync(path, "utf8");
    const layout = detectLayout(read("/proc/self/mountinfo"), read("/proc/cgroups"));
    const own = read("/proc/self/cgroup").trim().split("\n");
    for (const { version, id, controllers, mountpoint } of layout.hierarchies) {
      expect(existsSync(`${mountpoint}/cgroup.procs`)).toBe(true);
      const names = version === 2 ? "" : controllers.join();
      const line = own.find((text) => text.split(":")[1] === names);
      expect(line, names).toBeDefined();
      if (id !== undefined) expect(Number(line!.split(":")[0])).toBe(id);
    }
  });
});
