// Where a container's cgroups are made and what is written into them: on v1 one directory in each
// hierarchy that matters, on v2 one directory. Effects are data: operations, not writes.

import type { SpecDeviceRule, SpecResources } from "../oci/runtime-spec.ts";
import type { Operation } from "./operation.ts";

/** A mounted hierarchy as the layout detection found it (cgroup-layout.ts). */
export interface MountedHierarchy {
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
  readonly mountpoint: string;
}

/**
 * Controllers in whose v1 hierarchies a container gets a node without being asked: what limits,
 * counts, freezes or guards it. Joining a hierarchy costs the kernel a global lock, so the others
 * are joined only when something is to be written there.
 */
const STANDING: readonly string[] = ["memory", "cpu", "cpuacct", "pids", "devices", "freezer"];

export interface CgroupPlan {
  /** Makes the nodes and writes limits, in the host section. */
  readonly host: readonly Operation[];
  /** The nodes in which the child begins, one a hierarchy. */
  readonly nodes: readonly string[];
  /** The hierarchies that the container is in: what it may see below /sys/fs/cgroup. */
  readonly hierarchies: readonly MountedHierarchy[];
  /** The file that tells of OOM kills, read at exit. */
  readonly oomFile: string | undefined;
}

interface Write {
  readonly controller: string;
  readonly file: string;
  readonly data: string;
  readonly why: string;
}

const deviceLine = (rule: SpecDeviceRule): string => {
  if (!rule.type || rule.type === "a") return "a *:* rwm";
  const number = (n: number | undefined): string => (n === undefined || n < 0 ? "*" : String(n));
  return `${rule.type} ${number(rule.major)}:${number(rule.minor)} ${rule.access}`;
};

function writesV1(resources: SpecResources): Write[] {
  const { memory, cpu, pids, devices } = resources;
  const writes: Write[] = [];
  if (memory?.limit !== undefined) {
    const why = "so that the container's memory, page cache included, stays below its limit";
    writes.push({
      controller: "memory",
      file: "memory.limit_in_bytes",
      data: String(memory.limit),
      why,
    });
  }
  if (cpu?.shares !== undefined) {
    const why = "its share of the processors when others want them too";
    writes.push({ controller: "cpu", file: "cpu.shares", data: String(cpu.shares), why });
  }
  if (cpu?.period !== undefined) {
    const why = "the length of time over which its quota counts, in microseconds";
    writes.push({ controller: "cpu", file: "cpu.cfs_period_us", data: String(cpu.period), why });
  }
  if (cpu?.quota !== undefined) {
    const why = "how long it may run in each period, in microseconds of all processors together";
    writes.push({ controller: "cpu", file: "cpu.cfs_quota_us", data: String(cpu.quota), why });
  }
  if (pids) {
    const why = "so that it cannot fill the machine's process table";
    const data = pids.limit > 0 ? String(pids.limit) : "max";
    writes.push({ controller: "pids", file: "pids.max", data, why });
  }
  for (const rule of devices ?? []) {
    writes.push({
      controller: "devices",
      file: rule.allow ? "devices.allow" : "devices.deny",
      data: deviceLine(rule),
      why: rule.allow
        ? "a device that it may open"
        : "so that it can open no device of the machine but these",
    });
  }
  return writes;
}

function writesV2(resources: SpecResources): Write[] {
  const { memory, cpu, pids } = resources;
  const writes: Write[] = [];
  if (memory?.limit !== undefined) {
    const why = "so that the container's memory, page cache included, stays below its limit";
    writes.push({ controller: "memory", file: "memory.max", data: String(memory.limit), why });
  }
  if (cpu?.quota !== undefined) {
    const why = "how long it may run in each period, both in microseconds";
    const data = `${cpu.quota} ${cpu.period ?? 100_000}`;
    writes.push({ controller: "cpu", file: "cpu.max", data, why });
  }
  if (pids) {
    const why = "so that it cannot fill the machine's process table";
    const data = pids.limit > 0 ? String(pids.limit) : "max";
    writes.push({ controller: "pids", file: "pids.max", data, why });
  }
  return writes;
}

function planV1(
  hierarchies: readonly MountedHierarchy[],
  path: string,
  resources: SpecResources,
): CgroupPlan {
  const writes = writesV1(resources);
  const wanted = new Set([...STANDING, ...writes.map((w) => w.controller)]);
  const joined = hierarchies.filter(
    (h) => h.version === 1 && h.controllers.some((c) => wanted.has(c)),
  );
  const parentPath = path.slice(0, path.lastIndexOf("/"));
  const host: Operation[] = [];
  for (const { mountpoint, controllers } of joined) {
    const names = controllers.join(",");
    if (parentPath !== "") {
      host.push({
        op: "makeCgroup",
        path: mountpoint + parentPath,
        shared: true,
        why: `the node of the ${names} hierarchy below which all of Nacre's containers stand`,
      });
    }
    host.push({
      op: "makeCgroup",
      path: mountpoint + path,
      shared: false,
      why: `the container's own node in the ${names} hierarchy`,
    });
    for (const { controller, file, data, why } of writes) {
      if (controllers.includes(controller)) {
        host.push({ op: "writeFile", path: `${mountpoint}${path}/${file}`, data, why });
      }
    }
  }
  const memory = joined.find((h) => h.controllers.includes("memory"));
  return {
    host,
    nodes: joined.map((h) => h.mountpoint + path),
    hierarchies: joined,
    oomFile: memory && `${memory.mountpoint}${path}/memory.oom_control`,
  };
}

function planV2(hierarchy: MountedHierarchy, path: string, resources: SpecResources): CgroupPlan {
  const { mountpoint, controllers } = hierarchy;
  const enabled = ["memory", "cpu", "pids", "io", "cpuset"].filter((c) => controllers.includes(c));
  const data = enabled.map((c) => `+${c}`).join(" ");
  const parentPath = path.slice(0, path.lastIndexOf("/"));
  const host: Operation[] = [
    {
      op: "writeFile",
      path: `${mountpoint}/cgroup.subtree_control`,
      data,
      why: "on v2 a parent hands controllers down to its children",
    },
    {
      op: "makeCgroup",
      path: mountpoint + parentPath,
      shared: true,
      why: "the node below which all of Nacre's containers stand",
    },
    {
      op: "writeFile",
      path: `${mountpoint}${parentPath}/cgroup.subtree_control`,
      data,
      why: "and hands them on once more",
    },
    { op: "makeCgroup", path: mountpoint + path, shared: false, why: "the container's own node" },
  ];
  for (const { file, data, why } of writesV2(resources)) {
    host.push({ op: "writeFile", path: `${mountpoint}${path}/${file}`, data, why });
  }
  return {
    host,
    nodes: [mountpoint + path],
    hierarchies: [hierarchy],
    oomFile: controllers.includes("memory") ? `${mountpoint}${path}/memory.events` : undefined,
  };
}

/**
 * Plans the cgroups of a container at `path` (absolute within each hierarchy, such as
 * `/nacre/3f9c…`). Where v1 hierarchies are mounted they carry the controllers (v1 and hybrid);
 * else the unified one does. A machine without any gives an empty plan.
 */
export function planCgroups(
  hierarchies: readonly MountedHierarchy[],
  path: string,
  resources: SpecResources,
): CgroupPlan {
  if (hierarchies.some((h) => h.version === 1 && h.controllers.includes("pids"))) {
    return planV1(hierarchies, path, resources);
  }
  const unified = hierarchies.find((h) => h.version === 2);
  if (unified) return planV2(unified, path, resources);
  return { host: [], nodes: [], hierarchies: [], oomFile: undefined };
}
