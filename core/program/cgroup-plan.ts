// Where a container's cgroups are made and what is written into them: on v1 one directory in each
// hierarchy that matters, on v2 one directory. Effects are data: operations, not writes.

import type { SpecResources } from "../oci/runtime-spec.ts";
import { nodesAbove } from "./cgroup-parent.ts";
import { allowsEveryDevice, deviceFilter } from "./device-filter.ts";
import type { AttachDeviceFilter, Operation } from "./operation.ts";
import { resourceWrites } from "./resources/all.ts";

/** A mounted hierarchy as the layout detection found it (cgroup-layout.ts). */
export interface MountedHierarchy {
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
  readonly mountpoint: string;
}

/** The v1 hierarchy by which systemd keeps its services apart; it limits nothing. */
export const SYSTEMD_HIERARCHY = "name=systemd";

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

/** Lists of a cpuset: of a node, or of the hierarchy's root, which are what the machine has. */
export interface CpusetLists {
  readonly cpus: string;
  readonly mems: string;
}
/** What a node of the cpuset hierarchy has; undefined where there is none. Asked only where a container gets a node in it. */
export type CpusetRoot = (node: string) => CpusetLists | undefined;

/** On v1 a new cpuset has no processor and no memory, and takes no process. */
function openCpuset(node: string, { cpus, mems }: CpusetLists): Operation[] {
  const write = (file: string, data: string): Operation => ({
    ...{ op: "writeFile", path: `${node}/${file}`, data },
    why: "a new cpuset has nothing, and takes no process: it begins with what is above it",
  });
  return [write("cpuset.cpus", cpus), write("cpuset.mems", mems)];
}

/** Nacre's own parent goes with the last container; another's is the user's, if it is there already. */
function makeAbove(node: string, own: boolean, names: string): Operation {
  if (own) {
    return {
      ...{ op: "makeCgroup", path: node, shared: true },
      why: `the node of the ${names} below which all of Nacre's containers stand`,
    };
  }
  return {
    ...{ op: "makeDirectory", path: node, mode: 0o755, existing: "keep" },
    why: `a node of the ${names} below which the container shall stand`,
  };
}

/** Those above a container's node in a v1 hierarchy, and what a cpuset there hands down. */
function aboveV1(
  { mountpoint, controllers }: MountedHierarchy,
  path: string,
  cpuset: CpusetRoot | undefined,
): { readonly operations: readonly Operation[]; readonly lists: CpusetLists | undefined } {
  const { paths, own } = nodesAbove(path);
  const operations: Operation[] = [];
  let lists = controllers.includes("cpuset") ? cpuset?.(mountpoint) : undefined;
  for (const above of paths) {
    const node = mountpoint + above;
    operations.push(makeAbove(node, own, `${controllers.join(",")} hierarchy`));
    if (!lists) continue;
    // What the user has put there holds.
    const found = own ? undefined : cpuset?.(node);
    if (found && found.cpus !== "" && found.mems !== "") lists = found;
    else operations.push(...openCpuset(node, lists));
  }
  return { operations, lists };
}

function planV1(
  hierarchies: readonly MountedHierarchy[],
  path: string,
  resources: SpecResources,
  cpuset: CpusetRoot | undefined,
  also: readonly string[],
): CgroupPlan {
  const writes = resourceWrites(1, resources);
  const wanted = new Set([...STANDING, ...also, ...writes.map((w) => w.controller)]);
  const joined = hierarchies.filter((h) => h.controllers.some((c) => wanted.has(c)));
  const host: Operation[] = [];
  for (const hierarchy of joined) {
    const { mountpoint, controllers } = hierarchy;
    const names = controllers.join(",");
    const above = aboveV1(hierarchy, path, cpuset);
    host.push(...above.operations);
    host.push({
      op: "makeCgroup",
      path: mountpoint + path,
      shared: false,
      why: `the container's own node in the ${names} hierarchy`,
    });
    if (above.lists) host.push(...openCpuset(mountpoint + path, above.lists));
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
  const { paths, own } = nodesAbove(path);
  const handDown = (node: string, why: string): Operation => ({
    ...{ op: "writeFile", path: `${node}/cgroup.subtree_control`, data, why },
  });
  const host: Operation[] = [
    handDown(mountpoint, "on v2 a parent hands controllers down to its children"),
    ...paths.map((above) => makeAbove(mountpoint + above, own, "hierarchy")),
    { op: "makeCgroup", path: mountpoint + path, shared: false, why: "the container's own node" },
    // Now that they have a child no neighbour can remove them, and with them what they hand down.
    ...paths.map((above) => handDown(mountpoint + above, "and hands them on once more")),
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

/** Those that a container gets nodes in: all of v1 where that carries the controllers (v1 and hybrid), else the unified one. */
export function joinedHierarchies(
  hierarchies: readonly MountedHierarchy[],
): readonly MountedHierarchy[] {
  const v1 = hierarchies.filter(({ version }) => version === 1);
  if (v1.some(({ controllers }) => controllers.includes("pids"))) return v1;
  return hierarchies.filter(({ version }) => version === 2).slice(0, 1);
}

/**
 * Plans the cgroups of a container at `path` (absolute within each hierarchy, such as
 * `/nacre/3f9c…`). A machine without any gives an empty plan. `also`: v1 hierarchies that it is to
 * be in beside those that limit it, where they are mounted.
 */
export function planCgroups(
  hierarchies: readonly MountedHierarchy[],
  path: string,
  resources: SpecResources,
  cpuset?: CpusetRoot,
  also: readonly string[] = [],
): CgroupPlan {
  const joined = joinedHierarchies(hierarchies);
  const [first] = joined;
  if (first?.version === 1) return planV1(joined, path, resources, cpuset, also);
  if (first) return planV2(first, path, resources);
  return { host: [], nodes: [], hierarchies: [], oomFile: undefined };
}
