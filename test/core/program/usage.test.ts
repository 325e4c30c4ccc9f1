import type { MountedHierarchy } from "@nacre/core/program/cgroup-plan.ts";
import { cgroupUsage, networkTraffic, totalMemoryBytes } from "@nacre/core/program/usage.ts";
import { describe, expect, it } from "vitest";

const V1: MountedHierarchy[] = ["memory", "cpuacct", "pids", "blkio"].map((controller) => {
  return { version: 1, controllers: [controller], mountpoint: `/sys/fs/cgroup/${controller}` };
});
const V2: MountedHierarchy[] = [
  { version: 2, controllers: ["memory", "cpu", "pids", "io"], mountpoint: "/sys/fs/cgroup" },
];
const reader = (files: Record<string, string>) => (path: string) => files[path];

describe("what a cgroup uses", () => {
  it("is read from each controller's own hierarchy on v1", () => {
    const node = (controller: string, file: string) => `/sys/fs/cgroup/${controller}/n/c/${file}`;
    const files = {
      [node("memory", "memory.usage_in_bytes")]: "5000\n",
      [node("memory", "memory.stat")]: "cache 9\ninactive_file 1\ntotal_inactive_file 1000\n",
      [node("memory", "memory.limit_in_bytes")]: "65536\n",
      [node("cpuacct", "cpuacct.usage")]: "123456789\n",
      [node("pids", "pids.current")]: "3\n",
    };
    expect(cgroupUsage(V1, "/n/c", reader(files))).toEqual({
      ...{ cpuNs: 123456789, memoryBytes: 4000, memoryLimitBytes: 65536, pids: 3 },
      ...{ readBytes: 0, writtenBytes: 0 },
    });
  });

  it("has no limit where v1 says the largest number of pages", () => {
    const files = { "/sys/fs/cgroup/memory/n/c/memory.limit_in_bytes": "9223372036854771712\n" };
    expect(cgroupUsage(V1, "/n/c", reader(files)).memoryLimitBytes).toBe(Infinity);
  });

  it("is read from one node on v2, processor time in microseconds", () => {
    const files = {
      "/sys/fs/cgroup/n/c/memory.current": "5000\n",
      "/sys/fs/cgroup/n/c/memory.stat": "anon 1\ninactive_file 1000\n",
      "/sys/fs/cgroup/n/c/memory.max": "max\n",
      "/sys/fs/cgroup/n/c/cpu.stat": "usage_usec 2000\nuser_usec 1500\n",
      "/sys/fs/cgroup/n/c/pids.current": "7\n",
      "/sys/fs/cgroup/n/c/io.stat":
        "8:0 rbytes=10 wbytes=1 rios=1\n8:16 rbytes=20 wbytes=2 dbytes=9\n",
    };
    expect(cgroupUsage(V2, "/n/c", reader(files))).toEqual({
      ...{ cpuNs: 2_000_000, memoryBytes: 4000, memoryLimitBytes: Infinity, pids: 7 },
      ...{ readBytes: 30, writtenBytes: 3 },
    });
  });

  it("is nothing where a container has just ended", () => {
    expect(cgroupUsage(V2, "/n/c", () => undefined)).toMatchObject({ cpuNs: 0, memoryBytes: 0 });
  });
});

describe("network traffic", () => {
  it("is that of all devices but lo", () => {
    const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs
    lo:     999       9    0    0    0     0          0         0      999       9    0
  eth0:    1500      10    0    0    0     0          0         0      700       8    0
  eth1: 1 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0
`;
    expect(networkTraffic(text)).toEqual({ receivedBytes: 1501, sentBytes: 702 });
  });
});

describe("a machine's memory", () => {
  it("stands in kibibytes", () => {
    expect(totalMemoryBytes("MemTotal:       2048 kB\nMemFree: 1 kB\n")).toBe(2 * 2 ** 20);
    expect(totalMemoryBytes("")).toBe(Infinity);
  });
});
