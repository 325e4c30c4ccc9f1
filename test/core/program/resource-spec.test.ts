import type { ResourceRequest } from "@nacre/core/program/request.ts";
import {
  checkResources,
  parseDeviceRule,
  specResources,
  withoutV2,
} from "@nacre/core/program/resource-spec.ts";
import { resourceWrites } from "@nacre/core/program/resources/all.ts";
import { describe, expect, it } from "vitest";
import { MACHINE } from "./machine-sample.ts";

const MIB = 2 ** 20;

function lines(version: 1 | 2, request: ResourceRequest, machine = MACHINE): string[] {
  return resourceWrites(version, specResources(request, machine)).map(
    ({ file, data }) => `${file}=${data}`,
  );
}

describe("limits in the files of v1 and v2", () => {
  it.each<[ResourceRequest, v1: string[], v2: string[]]>([
    [{}, [], []],
    [
      { memoryBytes: 64 * MIB },
      ["memory.limit_in_bytes=67108864", "memory.memsw.limit_in_bytes=134217728"],
      ["memory.max=67108864", "memory.swap.max=67108864"],
    ],
    [
      { memoryBytes: 64 * MIB, memorySwapBytes: 64 * MIB },
      ["memory.limit_in_bytes=67108864", "memory.memsw.limit_in_bytes=67108864"],
      ["memory.max=67108864", "memory.swap.max=0"],
    ],
    [
      { memoryBytes: 64 * MIB, memorySwapBytes: -1 },
      ["memory.limit_in_bytes=67108864", "memory.memsw.limit_in_bytes=-1"],
      ["memory.max=67108864", "memory.swap.max=max"],
    ],
    [
      { memoryReservationBytes: 32 * MIB },
      ["memory.soft_limit_in_bytes=33554432"],
      ["memory.low=33554432"],
    ],
    [{ memorySwappiness: 0 }, ["memory.swappiness=0"], []],
    [{ oomKillDisable: true }, ["memory.oom_control=1"], []],
    [
      { nanoCpus: 1_500_000_000 },
      ["cpu.cfs_period_us=100000", "cpu.cfs_quota_us=150000"],
      ["cpu.max=150000 100000"],
    ],
    [
      { cpuPeriodUs: 50_000, cpuQuotaUs: 10_000 },
      ["cpu.cfs_period_us=50000", "cpu.cfs_quota_us=10000"],
      ["cpu.max=10000 50000"],
    ],
    [{ cpuQuotaUs: -1 }, ["cpu.cfs_quota_us=-1"], ["cpu.max=max 100000"]],
    [{ cpuShares: 512 }, ["cpu.shares=512"], ["cpu.weight=59"]],
    [
      { cpuRealtimePeriodUs: 1_000_000, cpuRealtimeRuntimeUs: 900_000 },
      ["cpu.rt_period_us=1000000", "cpu.rt_runtime_us=900000"],
      [],
    ],
    [
      { cpusetCpus: "0-1", cpusetMems: "0" },
      ["cpuset.cpus=0-1", "cpuset.mems=0"],
      ["cpuset.cpus=0-1", "cpuset.mems=0"],
    ],
    [{ pids: 100 }, ["pids.max=100"], ["pids.max=100"]],
    [{ pids: -1 }, ["pids.max=max"], ["pids.max=max"]],
    [{ blkioWeight: 500 }, ["blkio.bfq.weight=500"], ["io.weight=default 4950"]],
    [
      { blkioWeightDevices: [{ path: "/dev/sda", weight: 200 }] },
      ["blkio.bfq.weight_device=8:0 200"],
      ["io.weight=8:0 1920"],
    ],
    [
      {
        throttles: [
          { what: "readBps", path: "/dev/sda", rate: 1024 },
          { what: "writeIops", path: "/dev/sda", rate: 10 },
        ],
      },
      ["blkio.throttle.read_bps_device=8:0 1024", "blkio.throttle.write_iops_device=8:0 10"],
      ["io.max=8:0 rbps=1024", "io.max=8:0 wiops=10"],
    ],
  ])("%j", (request, v1, v2) => {
    expect(lines(1, request)).toEqual(v1);
    expect(lines(2, request)).toEqual(v2);
  });

  it("leave swap alone where the kernel does not count it", () => {
    const machine = { ...MACHINE, countsSwap: () => false };
    expect(lines(1, { memoryBytes: 64 * MIB }, machine)).toEqual([
      "memory.limit_in_bytes=67108864",
    ]);
  });

  it("name what v2 has no file for", () => {
    expect(withoutV2({ memorySwappiness: 10, oomKillDisable: true })).toEqual([
      "--memory-swappiness",
      "--oom-kill-disable",
    ]);
    expect(withoutV2({ memoryBytes: 1, oomKillDisable: false })).toEqual([]);
  });
});

describe("limits that make no sense", () => {
  it.each<[ResourceRequest, string]>([
    [{ memoryBytes: MIB }, "minimum memory limit allowed is 6MB"],
    [{ memorySwapBytes: 64 * MIB }, "you should always set --memory when using --memory-swap"],
    [
      { memoryBytes: 64 * MIB, memorySwapBytes: 32 * MIB },
      "minimum --memory-swap limit should be larger than --memory limit",
    ],
    [{ memorySwappiness: 101 }, "Valid memory swappiness range is 0-100"],
    [{ memoryReservationBytes: MIB }, "minimum memory reservation allowed is 6MB"],
    [
      { memoryBytes: 8 * MIB, memoryReservationBytes: 16 * MIB },
      "can not be less than memory reservation limit",
    ],
    [{ nanoCpus: 1 }, "--cpus is too small"],
    [
      { nanoCpus: 4_000_000_001 },
      "range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available",
    ],
    [{ nanoCpus: 1e9, cpuQuotaUs: 1000 }, "--cpus and --cpu-quota cannot both be set"],
    [{ nanoCpus: 1e9, cpuPeriodUs: 1000 }, "--cpus and --cpu-period cannot both be set"],
    [{ cpuPeriodUs: 999 }, "--cpu-period of 999 is out of range"],
    [{ cpuPeriodUs: 1_000_001 }, "--cpu-period of 1000001 is out of range"],
    [{ cpuQuotaUs: 999 }, "--cpu-quota of 999 is out of range"],
    [{ cpuShares: 1 }, "--cpu-shares of 1 is out of range: 2 to 262144"],
    [{ cpuRealtimePeriodUs: 1, cpuRealtimeRuntimeUs: 2 }, "--cpu-rt-runtime cannot be higher"],
    [{ cpusetCpus: "0,9" }, "requested CPUs are not available - requested 0,9, available: 0-3"],
    [{ cpusetCpus: "a" }, "is not a list of CPUs"],
    [{ cpusetMems: "1" }, "requested memory nodes are not available - requested 1, available: 0"],
    [{ blkioWeight: 5 }, "--blkio-weight of 5 is out of range: 10 to 1000"],
    [{ unified: { "cgroup.procs": "1" } }, "no file of a controller"],
    [{ unified: { "../memory.max": "1" } }, "no file of a controller"],
    [{ unified: { memory: "1" } }, "no file of a controller"],
    [{ deviceRules: ["c 1:3"] }, "invalid device cgroup format 'c 1:3'"],
  ])("%j", (request, message) => {
    expect(() => checkResources(request, MACHINE)).toThrow(message);
  });

  it("are not what one can ask for", () => {
    const request = {
      memoryBytes: 8 * MIB,
      memorySwapBytes: -1,
      cpuQuotaUs: -1,
      cpusetCpus: "0-3",
    };
    expect(() => checkResources(request, MACHINE)).not.toThrow();
    expect(() => checkResources({ nanoCpus: 4e9 }, MACHINE)).not.toThrow();
    const unknown = { ...MACHINE, processors: () => undefined };
    expect(() => checkResources({ nanoCpus: 9e9 }, unknown)).not.toThrow();
  });
});

describe("a device rule", () => {
  it("is a type, numbers and what is allowed", () => {
    expect(parseDeviceRule("c 10:* rw")).toEqual({
      ...{ allow: true, type: "c", major: 10, minor: -1, access: "rw" },
    });
  });
});
