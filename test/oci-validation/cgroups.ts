// Checks of limits, at a path from the mount point and at one that is left to the runtime
// (config-linux.md, "Control groups"). They are about v1, as the programs are that ask for the same.

import { existsSync, readdirSync } from "node:fs";
import { cpus } from "node:os";
import { demand, type ValidationBench } from "./bench.ts";
import { cgroupDirectory, cgroupFile, cgroupOf, removeCgroups } from "./cgroup-files.ts";
import type { Check } from "./check.ts";
import { type Config, withoutNamespace } from "./config.ts";
import { seenOutside } from "./inside.ts";

const ABSOLUTE = "/nacre-validation";
/** Runtimes make what it lies in, and crun and runc leave that. */
const RELATIVE = "validationdir/nacre-validation/container";

type Expected = readonly (readonly [controller: string, file: string, value: string])[];

/** Limits of which the machine has the files, and what these say then. */
async function limited(
  bench: ValidationBench,
  path: string,
  resources: Record<string, unknown>,
  expected: Expected,
  change: (config: Config) => void = () => {},
): Promise<void> {
  await seenOutside(
    bench,
    (config) => {
      config.linux.cgroupsPath = path;
      Object.assign(config.linux.resources, resources);
      change(config);
    },
    (pid) => {
      for (const [controller, file, value] of expected) {
        const node = cgroupOf(pid, controller);
        demand(
          path.startsWith("/") ? node === path : node.endsWith(`/${path}`),
          `${controller}: ${node}`,
        );
        const found = cgroupFile(controller, node, file);
        demand(found?.split("\n").includes(value) ?? false, `${file}: ${found}, not ${value}`);
      }
    },
  );
}

const unless =
  (controller: string, file = "tasks") =>
  (): string | undefined => {
    const directory = cgroupDirectory(controller);
    if (directory === undefined) return `no hierarchy with ${controller}`;
    return existsSync(`${directory}/${file}`) ? undefined : `its kernel has no ${file}`;
  };

async function cpu(bench: ValidationBench, path: string, all: boolean): Promise<void> {
  const every = `0-${cpus().length - 1}`;
  for (const shares of all ? [1024, 2048] : [1024]) {
    for (const period of all ? [100_000, 500_000] : [100_000]) {
      for (const quota of all ? [50_000, 200_000] : [50_000]) {
        const list = quota === 50_000 ? "0" : every;
        await limited(bench, path, { cpu: { shares, period, quota, cpus: list, mems: "0" } }, [
          ["cpu", "cpu.shares", String(shares)],
          ["cpu", "cpu.cfs_period_us", String(period)],
          ["cpu", "cpu.cfs_quota_us", String(quota)],
          ["cpuset", "cpuset.cpus", list],
          ["cpuset", "cpuset.mems", "0"],
        ]);
      }
    }
  }
  await limited(bench, path, { cpu: {} }, [
    ["cpu", "cpu.shares", "1024"],
    ["cpu", "cpu.cfs_quota_us", "-1"],
    ["cpuset", "cpuset.cpus", every],
  ]);
}

const DEVICES = [
  { allow: true, type: "c", major: 10, minor: 229, access: "rwm" },
  { allow: true, type: "b", major: 8, minor: 20, access: "rw" },
  { allow: true, type: "b", major: 10, minor: 200, access: "r" },
];

/** The rules that were asked for stand first, in their order. */
async function devices(bench: ValidationBench, path: string): Promise<void> {
  await seenOutside(
    bench,
    ({ linux }) => {
      linux.cgroupsPath = path;
      linux.resources.devices.push(...DEVICES);
    },
    (pid) => {
      const list = cgroupFile("devices", cgroupOf(pid, "devices"), "devices.list") ?? "";
      const wanted = ["c 10:229 rwm", "b 8:20 rw", "b 10:200 r"];
      demand(list.split("\n").slice(0, 3).join() === wanted.join(), list);
    },
  );
}

const LIMIT = 2 * 2 ** 30;

/** `2MB`, as the files of the hierarchy have it. */
const pageSizes = (): string[] =>
  readdirSync(cgroupDirectory("hugetlb") ?? "/proc/self/ns").flatMap(
    (name) => /^hugetlb\.(\w+)\.limit_in_bytes$/.exec(name)?.[1] ?? [],
  );

async function hugetlb(bench: ValidationBench, path: string): Promise<void> {
  for (const pageSize of pageSizes()) {
    await limited(bench, path, { hugepageLimits: [{ pageSize, limit: LIMIT }] }, [
      ["hugetlb", `hugetlb.${pageSize}.limit_in_bytes`, String(LIMIT)],
    ]);
  }
  const wrong = bench.prepared("true", ({ linux }) => {
    linux.cgroupsPath = path;
    linux.resources.hugepageLimits = [{ pageSize: "3MB", limit: 300 * 2 ** 20 }];
  });
  bench.refuses("pages of 3MB are taken", "create", "--bundle", wrong.bundle, wrong.id);
}

async function memory(bench: ValidationBench, path: string): Promise<void> {
  for (const limit of [50_593_792, 151_781_376]) {
    for (const swappiness of [10, 100]) {
      const same = { limit, reservation: limit, swap: limit, kernel: limit, kernelTCP: limit };
      const swaps = cgroupFile("memory", "/", "memory.memsw.limit_in_bytes") !== undefined;
      await limited(bench, path, { memory: { ...same, swappiness, disableOOMKiller: true } }, [
        ["memory", "memory.limit_in_bytes", String(limit)],
        ["memory", "memory.soft_limit_in_bytes", String(limit)],
        ...(swaps ? ([["memory", "memory.memsw.limit_in_bytes", String(limit)]] as const) : []),
        ["memory", "memory.swappiness", String(swappiness)],
        ["memory", "memory.oom_control", "oom_kill_disable 1"],
      ]);
    }
  }
}

async function network(bench: ValidationBench, path: string): Promise<void> {
  for (const own of [true, false]) {
    await limited(
      bench,
      path,
      { network: { classID: 255, priorities: [{ name: "lo", priority: 10 }] } },
      [
        ["net_cls", "net_cls.classid", "255"],
        ["net_prio", "net_prio.ifpriomap", "lo 10"],
      ],
      (config) => own || withoutNamespace(config, "network"),
    );
  }
}

async function disks(bench: ValidationBench, path: string): Promise<void> {
  const at = { major: 8, minor: 0 };
  const rate = 102_400;
  const throttled = ["ReadBps", "WriteBps", "ReadIOPS", "WriteIOPS"];
  await limited(
    bench,
    path,
    {
      blockIO: {
        ...{ weight: 500, leafWeight: 300 },
        weightDevice: [{ ...at, weight: 500, leafWeight: 300 }],
        ...Object.fromEntries(throttled.map((n) => [`throttle${n}Device`, [{ ...at, rate }]])),
      },
    },
    [
      ["blkio", "blkio.weight", "500"],
      ["blkio", "blkio.leaf_weight", "300"],
      ["blkio", "blkio.throttle.read_bps_device", `8:0 ${rate}`],
    ],
  );
}

type Look = (bench: ValidationBench, path: string) => Promise<void>;

const both = (
  name: string,
  asks: string,
  missing: Check["missing"],
  absolute: Look,
  relative: Look = absolute,
): Check[] => [
  {
    ...{ name: `linux_cgroups_${name}`, asks, ...(missing && { missing }) },
    holds: (bench) => absolute(bench, ABSOLUTE),
  },
  {
    ...{ name: `linux_cgroups_relative_${name}`, asks: `${asks}, at a relative path` },
    ...(missing && { missing }),
    async holds(bench) {
      try {
        await relative(bench, RELATIVE);
      } finally {
        removeCgroups(RELATIVE);
      }
    },
  },
];

export const CGROUPS: readonly Check[] = [
  ...both("blkio", "limits of disks are set", unless("blkio", "blkio.leaf_weight"), disks),
  ...both(
    ...(["cpus", "limits of processors are set", unless("cpu")] as const),
    (bench, path) => cpu(bench, path, true),
    (bench, path) => cpu(bench, path, false),
  ),
  ...both("devices", "rules of devices are set, in their order", unless("devices"), devices),
  ...both("hugetlb", "limits of huge pages are set", unless("hugetlb"), hugetlb),
  ...both("memory", "limits of memory are set", unless("memory"), memory),
  ...both("network", "classes and priorities of packets are set", unless("net_cls"), network),
  ...both("pids", "the limit of processes is set", unless("pids"), (bench, path) =>
    limited(bench, path, { pids: { limit: 1000 } }, [["pids", "pids.max", "1000"]]),
  ),
];
