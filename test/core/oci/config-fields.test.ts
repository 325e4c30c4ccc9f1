// Each field of a config.json in turn is something else than it should be: whatever it is, it is
// taken, or refused by its name, and what is taken makes a program or is refused in turn.

import { NacreError } from "@nacre/core/error.ts";
import { readConfig } from "@nacre/core/oci/config.ts";
import type { MountedHierarchy } from "@nacre/core/program/cgroup-plan.ts";
import { fieldsWithoutFile } from "@nacre/core/program/resource-fields.ts";
import { cgroupPathOf, planRuntimeCgroups } from "@nacre/core/program/runtime-cgroups.ts";
import { filterOf } from "@nacre/core/seccomp/for-container.ts";
import { readProfile } from "@nacre/core/seccomp/parse.ts";
import { describe, expect, it } from "vitest";

const IDS = [{ containerID: 0, hostID: 0, size: 100 }];
const device = {
  path: "/dev/fuse",
  type: "c",
  major: 10,
  minor: 229,
  fileMode: 438,
  uid: 0,
  gid: 0,
};
const rule = { allow: true, type: "c", major: 1, minor: 3, access: "r" };
const hook = { path: "/bin/true", args: ["true"], env: ["A=b"], timeout: 3 };
const kinds = ["pid", "network", "ipc", "uts", "mount", "cgroup", "user", "time"];

/** With something of everything that there is. */
const WHOLE = {
  ociVersion: "1.2.0",
  hostname: "h",
  domainname: "d",
  root: { path: "rootfs", readonly: true },
  annotations: { a: "b" },
  hooks: { prestart: [hook], poststop: [hook] },
  mounts: [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "ro"] },
    {
      destination: "/b",
      type: "bind",
      source: "/b",
      options: ["rbind"],
      uidMappings: IDS,
      gidMappings: IDS,
    },
  ],
  process: {
    ...{ terminal: false, consoleSize: { height: 3, width: 4 }, cwd: "/", oomScoreAdj: 5 },
    user: { uid: 0, gid: 0, umask: 18, additionalGids: [1] },
    ...{ args: ["true"], env: ["A=b"], noNewPrivileges: true, apparmorProfile: "x" },
    capabilities: { bounding: ["CAP_KILL"], ambient: [] },
    rlimits: [{ type: "RLIMIT_NOFILE", soft: 10, hard: 20 }],
    ioPriority: { class: "IOPRIO_CLASS_BE", priority: 3 },
    scheduler: { policy: "SCHED_OTHER", nice: 1, priority: 0, flags: [], runtime: 0 },
  },
  linux: {
    namespaces: kinds.map((type) => ({ type })),
    ...{ uidMappings: IDS, gidMappings: IDS, devices: [device], cgroupsPath: "/a/b" },
    ...{ sysctl: { "net.ipv4.ip_forward": "1" }, rootfsPropagation: "private", mountLabel: "l" },
    ...{
      maskedPaths: ["/proc/x"],
      readonlyPaths: ["/proc/y"],
      timeOffsets: { boottime: { secs: 1 } },
    },
    ...{
      personality: { domain: "LINUX", flags: [] },
      memoryPolicy: { mode: "MPOL_DEFAULT", nodes: "" },
    },
    resources: {
      devices: [rule],
      memory: { limit: 1e8, reservation: 5e7, swap: 2e8, kernel: -1, kernelTCP: -1, swappiness: 0 },
      cpu: { shares: 10, quota: 100000, burst: 0, period: 100000, cpus: "0", mems: "0", idle: 0 },
      pids: { limit: 50 },
      blockIO: { weight: 10, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 6 }] },
      hugepageLimits: [{ pageSize: "2MB", limit: 9 }],
      network: { classID: 1, priorities: [{ name: "lo", priority: 3 }] },
      rdma: { mlx: { hcaHandles: 1, hcaObjects: 2 } },
      unified: { "memory.high": "5" },
    },
    seccomp: {
      ...{ defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"], flags: [] },
      ...{ listenerPath: "", listenerMetadata: "" },
      syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO", errnoRet: 3, args: [] }],
    },
  },
};

/** As they are written: some of them no writer of JSON of ours would. */
const VALUES: readonly string[] = [
  ...["null", "true", "0", "-1", "1", "1.5", "1e999", "4294967295", "4294967296"],
  ...["18446744073709551615", "99999999999999999999999999", "-99999999999999999999"],
  ...['""', '"x"', '"/"', '"../.."', '"a\\u0000b"', '"\\ud800"', '"\\n"'],
  ...[JSON.stringify("é".repeat(70)), JSON.stringify("A".repeat(70_000))],
  ...["[]", "[null]", "[[]]", "[{}]", '["x","x"]', "[99999999999999999999]"],
  ...["{}", '{"a":1}', '{"a":99999999999999999999}', '{"__proto__":{"a":1}}', '{"":""}'],
];

type Step = string | number;

function* places(value: unknown, path: readonly Step[] = []): Generator<readonly Step[]> {
  if (typeof value !== "object" || value === null) return;
  for (const name of Object.keys(value)) {
    const step = Array.isArray(value) ? Number(name) : name;
    yield [...path, step];
    yield* places((value as Record<Step, unknown>)[step], [...path, step]);
  }
}

function withValue(path: readonly Step[], text: string): string {
  const config = structuredClone(WHOLE);
  let at = config as unknown as Record<Step, unknown>;
  for (const step of path.slice(0, -1)) at = at[step] as Record<Step, unknown>;
  at[path.at(-1) as Step] = "@@";
  return JSON.stringify(config).replace('"@@"', () => text);
}

const V1 = [
  "memory",
  "cpu",
  "cpuset",
  "pids",
  "blkio",
  "devices",
  "hugetlb",
  "net_cls",
  "net_prio",
  "rdma",
];
const MACHINES: readonly (readonly MountedHierarchy[])[] = [
  V1.map((name) => ({ version: 1, controllers: [name], mountpoint: `/c/${name}` })),
  [
    {
      version: 2,
      controllers: ["memory", "cpu", "cpuset", "pids", "io", "hugetlb"],
      mountpoint: "/c",
    },
  ],
];

function plan(text: string, hierarchies: readonly MountedHierarchy[]): void {
  const { linux } = readConfig(text, () => {});
  if (linux.seccomp !== undefined) {
    const profile = readProfile(linux.seccomp, { name: "linux.seccomp", unknownCall: () => {} });
    filterOf(profile, "amd64", { id: "one", bundle: "/b", annotations: {} });
  }
  const path = cgroupPathOf(linux.cgroupsPath, "one", false);
  const sight = { exists: () => false, read: () => undefined };
  planRuntimeCgroups(hierarchies, path, linux.resources, sight);
}

/** What is wrong with what it says of a field; undefined if nothing is. */
function complaint(path: readonly Step[], text: string, machine: readonly MountedHierarchy[]) {
  try {
    plan(withValue(path, text), machine);
    return undefined;
  } catch (error) {
    if (!(error instanceof NacreError)) return String(error);
    const { message } = error;
    const name = path.findLast((step) => typeof step === "string") as string;
    const top = path[0] as string;
    const isNamed = message.includes(name) || (path.length === 1 && message.includes(top));
    // Fields that go by others: swap by the limit, unified by the machine.
    const byOthers = /memory\.swap|unified|linux\.sysctl|linux\.timeOffsets|mapping/i.test(message);
    if (!isNamed && !byOthers) return message;
    return message.length > 700 ? `${message.length} characters` : undefined;
  }
}

describe("each field of a config.json", () => {
  it.each(MACHINES.map((machine) => [machine[0]?.version ?? 0, machine] as const))(
    "is taken or refused by its name, whatever it is: cgroups of version %d",
    (_, machine) => {
      const wrong: string[] = [];
      for (const path of places(WHOLE)) {
        for (const text of VALUES) {
          const found = complaint(path, text, machine);
          if (found) wrong.push(`${path.join(".")} = ${text.slice(0, 30)}: ${found.slice(0, 200)}`);
        }
      }
      expect(wrong).toEqual([]);
    },
  );
});

describe("limits that no cgroup has a file for", () => {
  it("are named, so that nobody takes them for held", () => {
    const asked = {
      memory: { kernel: 1, kernelTCP: 1, swappiness: 0, disableOOMKiller: true },
      cpu: { realtimePeriod: 1, realtimeRuntime: 1 },
      blockIO: { weightDevice: [{ major: 8, minor: 0, weight: 10, leafWeight: 10 }] },
      network: { classID: 1, priorities: [{ name: "lo", priority: 1 }] },
    };
    const always = ["linux.resources.memory.kernel", "linux.resources.blockIO.leafWeight"];
    expect(fieldsWithoutFile(1, asked)).toEqual(always);
    expect(fieldsWithoutFile(2, asked)).toHaveLength(9);
    expect(fieldsWithoutFile(2, { memory: { kernel: -1, kernelTCP: 0, limit: 5 } })).toEqual([]);
  });
});
