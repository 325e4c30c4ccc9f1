// Where a container's cgroups are made and what is written into them: on v1 one directory in each
// hierarchy that matters, on v2 one directory. Effects are data: operations, not writes.

import type { SpecResources } from "../oci/runtime-spec.ts";
import { allowsEveryDevice, deviceFilter } from "./device-filter.ts";
import type { AttachDeviceFilter, Operation } from "./operation.ts";
import { resourceWrites } from "./resources/all.ts";

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

/** What a machine has in all: the lists of the cpuset hierarchy's root. Asked only where a container gets a node in it. */
export type CpusetRoot = (mountpoint: string) => { readonly cpus: string; readonly mems: string };

/** On v1 a new cpuset has no processor and no memory, and takes no process. */
function openCpuset(
  { mountpoint, controllers }: MountedHierarchy,
  path: string,
  root: CpusetRoot | undefined,
): Operation[] {
  if (!root || !controllers.includes("cpuset")) return [];
  const { cpus, mems } = root(mountpoint);
  const write = (file: string, data: string): Operation => ({
    ...{ op: "writeFile", path: `${mountpoint}${path}/${file}`, data },
    why: "a new cpuset has nothing, and takes no process: it begins with what the machine has",
  });
  return [write("cpuset.cpus", cpus), write("cpuset.mems", mems)];
}

function planV1(
  hierarchies: readonly MountedHierarchy[],
  path: string,
  resources: SpecResources,
  cpuset: CpusetRoot | undefined,
): CgroupPlan {
  const writes = resourceWrites(1, resources);
  const wanted = new Set([...STANDING, ...writes.map((w) => w.controller)]);
  const joined = hierarchies.filter(
    (h) => h.version === 1 && h.controllers.some((c) => wanted.has(c)),
  );
  const parentPath = path.slice(0, path.lastIndexOf("/"));
  const host: Operation[] = [];
  for (const hierarchy of joined) {
    const { mountpoint, controllers } = hierarchy;
    const names = controllers.join(",");
    if (parentPath !== "") {
      host.push({
        op: "makeCgroup",
        path: mountpoint + parentPath,
        shared: true,
        why: `the node of the ${names} hierarchy below which all of Nacre's containers stand`,
      });
      host.push(...openCpuset(hierarchy, parentPath, cpuset));
    }
    host.push({
      op: "makeCgroup",
      path: mountpoint + path,
      shared: false,
      why: `the container's own node in the ${names} hierarchy`,
    });
    host.push(...openCpuset(hierarchy, path, cpuset));
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

/** On v2 devices have no file: a program of the kernel's decides. */
export function filterDevices(
  node: string,
  rules: SpecResources["devices"] = [],
): AttachDeviceFilter | undefined {
  if (rules.length === 0 || allowsEveryDevice(rules)) return undefined;
  return {
    op: "attachDeviceFilter",
    path: node,
    instructions: deviceFilter(rules),
    why: "so that it can open no device of the machine but these",
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
    { op: "makeCgroup", path: mountpoint + path, shared: false, why: "the container's own node" },
    // Now that it has a child no neighbour can remove it, and with it what it hands down.
    {
      op: "writeFile",
      path: `${mountpoint}${parentPath}/cgroup.subtree_control`,
      data,
      why: "and hands them on once more",
    },
  ];
  for (const { file, data, why } of resourceWrites(2, resources)) {
    host.push({ op: "writeFile", path: `${mountpoint}${path}/${file}`, data, why });
  }
  const filter = filterDevices(mountpoint + path, resources.devices);
  if (filter) host.push(filter);
  return {
    host,
    nodes: [mountpoint + path],
    hierarchies: [hierarchy],
    oomFile: controllers.includes("memory") ? `${mountpoint}${path}/memory.events` : undefined,
  };
}

/** Every node that a container at `path` may have come to have: limits that were changed add some. */
export function everyNode(hierarchies: readonly MountedHierarchy[], path: string): string[] {
  const v1 = hierarchies.filter((h) => h.version === 1);
  return (v1.length > 0 ? v1 : hierarchies).map((h) => h.mountpoint + path);
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
  cpuset?: CpusetRoot,
): CgroupPlan {
  if (hierarchies.some((h) => h.version === 1 && h.controllers.includes("pids"))) {
    return planV1(hierarchies, path, resources, cpuset);
  }
  const unified = hierarchies.find((h) => h.version === 2);
  if (unified) return planV2(unified, path, resources);
  return { host: [], nodes: [], hierarchies: [], oomFile: undefined };
}
