// Where the cgroups of an OCI container are: at a path that somebody else has chosen, below nodes
// that may be there already. What is made is noted, for `delete` is another command.
// Source: opencontainers/runtime-spec, config-linux.md, "Cgroups Path".

import { NacreError } from "../error.ts";
import { shown } from "../oci/config-field.ts";
import type { SpecDeviceRule, SpecResources } from "../oci/runtime-spec.ts";
import { canBeCgroups } from "./cgroup-parent.ts";
import { filterDevices, joinedHierarchies, type MountedHierarchy } from "./cgroup-plan.ts";
import type { Operation } from "./operation.ts";
import { fieldOf, fieldsWithoutFile } from "./resource-fields.ts";
import { resourceWrites } from "./resources/all.ts";
import type { CgroupWrite } from "./resources/write.ts";

/** Above containers whose config.json names no path. */
const OWN_PARENT = "/nacre-oci";

export interface RuntimeCgroups {
  readonly host: readonly Operation[];
  /** The container's own nodes, one a hierarchy. */
  readonly nodes: readonly string[];
  readonly hierarchies: readonly MountedHierarchy[];
  /** Fields of `linux.resources` that its cgroups have no files for. */
  readonly leftOut: readonly string[];
  /** Nodes above its own that are made, the lowest first: they go with it if nobody else is there. */
  readonly parents: readonly string[];
}

export interface CgroupSight {
  exists(path: string): boolean;
  /** Undefined where there is no such file. */
  read(path: string): string | undefined;
}

/** `a-b.slice` stands in `a.slice` (systemd.slice(5)). */
function slicePath(slice: string): string {
  if (slice === "" || slice === "-.slice") return "";
  if (!slice.endsWith(".slice") || slice.includes("/")) {
    throw new NacreError("invalid", `config.json: linux.cgroupsPath: ${slice} is no slice`);
  }
  const parts = slice.slice(0, -".slice".length).split("-");
  return parts.map((_, i) => `/${parts.slice(0, i + 1).join("-")}.slice`).join("");
}

/** Without `.`, `..` and doubled slashes. */
function normal(path: string): string {
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") kept.pop();
    else if (part !== "" && part !== ".") kept.push(part);
  }
  return `/${kept.join("/")}`;
}

/**
 * The path of a container's nodes within each hierarchy. A relative one is taken from the mount
 * point too. With `systemd` it is `SLICE:PREFIX:NAME`; nobody asks systemd, whose units are not
 * needed for that: the nodes stand where its own would.
 */
export function cgroupPathOf(wanted: string | undefined, id: string, systemd: boolean): string {
  const path = placeOf(wanted, id, systemd);
  if (canBeCgroups(path)) return path;
  throw new NacreError(
    "invalid",
    `config.json: linux.cgroupsPath cannot be made: ${shown(wanted)}`,
  );
}

function placeOf(wanted: string | undefined, id: string, systemd: boolean): string {
  if (wanted === undefined || wanted === "") return `${OWN_PARENT}/${id}`;
  if (!systemd) {
    const path = normal(wanted);
    if (path !== "/") return path;
    throw new NacreError("invalid", "config.json: linux.cgroupsPath is the root of the hierarchy");
  }
  const [slice = "", prefix = "", name = "", more] = wanted.split(":");
  if (more !== undefined || name === "") {
    throw new NacreError(
      "invalid",
      `config.json: linux.cgroupsPath must be SLICE:PREFIX:NAME with --systemd-cgroup, not ${JSON.stringify(wanted)}`,
    );
  }
  const unit = name.endsWith(".slice") ? name : `${prefix === "" ? "" : `${prefix}-`}${name}.scope`;
  return `${slicePath(slice === "" ? "system.slice" : slice)}/${unit}`;
}

/** `/a/b/c` → `/a`, `/a/b`. */
const above = (path: string): string[] =>
  path
    .split("/")
    .slice(2)
    .map((_, i) =>
      path
        .split("/")
        .slice(0, i + 2)
        .join("/"),
    );

/** What the nearest node above has: a new cpuset has nothing, and takes no process. */
function inherited(mountpoint: string, path: string, file: string, sight: CgroupSight): string {
  for (const node of ["", ...above(path)].reverse()) {
    const text = sight.read(`${mountpoint}${node}/${file}`)?.trim();
    if (text) return text;
  }
  return "0";
}

function openCpuset(hierarchy: MountedHierarchy, path: string, sight: CgroupSight): Operation[] {
  if (hierarchy.version === 2 || !hierarchy.controllers.includes("cpuset")) return [];
  return ["cpuset.cpus", "cpuset.mems"].map((file) => ({
    op: "writeFile",
    path: `${hierarchy.mountpoint}${path}/${file}`,
    data: inherited(hierarchy.mountpoint, path, file, sight),
    why: "a new cpuset has nothing, and takes no process: it begins with what is above it",
  }));
}

function refuseUnmounted(write: CgroupWrite): never {
  throw new NacreError(
    "unsupported",
    `config.json: ${fieldOf(write.file)}: this machine has no ${write.controller} controller`,
  );
}

function limits(
  hierarchies: readonly MountedHierarchy[],
  path: string,
  resources: SpecResources,
): Operation[] {
  const version = hierarchies[0]?.version ?? 1;
  if (version === 1 && Object.keys(resources.unified ?? {}).length > 0) {
    throw new NacreError("unsupported", "config.json: linux.resources.unified needs cgroup v2");
  }
  const { limit = 0, swap = 0 } = resources.memory ?? {};
  if (version === 2 && swap > 0 && limit === 0) {
    throw new NacreError(
      "invalid",
      "config.json: linux.resources.memory.swap is memory and swap together: it needs a memory.limit",
    );
  }
  return resourceWrites(version, resources).map((write): Operation => {
    const { controller, file, data, why } = write;
    const own = hierarchies.find((h) => h.version === 2 || h.controllers.includes(controller));
    if (!own) return refuseUnmounted(write);
    return {
      op: "writeFile",
      path: `${own.mountpoint}${path}/${file}`,
      data,
      why,
      field: fieldOf(file),
    };
  });
}

/** Controllers of v2 are handed down node by node; those that have a file for it in the root. */
function handedDown({ controllers, mountpoint }: MountedHierarchy, path: string): Operation {
  const names = ["memory", "cpu", "pids", "io", "cpuset", "hugetlb", "rdma", "misc"];
  return {
    op: "writeFile",
    path: `${mountpoint}${path}/cgroup.subtree_control`,
    data: names
      .filter((c) => controllers.includes(c))
      .map((c) => `+${c}`)
      .join(" "),
    why: "on v2 a parent hands controllers down to its children",
  };
}

/** Nodes may be made, whatever they are, and those that every container has may be used. */
const ALWAYS: readonly SpecDeviceRule[] = [
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  ...[3, 5, 7, 8, 9].map(
    (minor): SpecDeviceRule => ({ allow: true, type: "c", major: 1, minor, access: "rwm" }),
  ),
  ...[0, 1, 2].map(
    (minor): SpecDeviceRule => ({ allow: true, type: "c", major: 5, minor, access: "rwm" }),
  ),
  { allow: true, type: "c", major: 136, access: "rwm" },
];

/** Where any device is ruled on at all, those that a runtime must give stay usable. */
const withDevices = (resources: SpecResources): SpecResources =>
  resources.devices && resources.devices.length > 0
    ? { ...resources, devices: [...resources.devices, ...ALWAYS] }
    : resources;

/**
 * What makes the node at `path` in every hierarchy that is mounted, with the limits that are wanted.
 * @throws NacreError `unsupported` for a limit whose controller this machine has not
 */
export function planRuntimeCgroups(
  all: readonly MountedHierarchy[],
  path: string,
  wanted: SpecResources,
  sight: CgroupSight,
): RuntimeCgroups {
  const resources = withDevices(wanted);
  const hierarchies = joinedHierarchies(all);
  const host: Operation[] = [];
  const parents: string[] = [];
  for (const hierarchy of hierarchies) {
    const { mountpoint, version } = hierarchy;
    const make = (node: string, why: string): boolean => {
      // Our own goes with the last that stands below it, whoever made it.
      if (node !== OWN_PARENT && sight.exists(mountpoint + node)) return false;
      host.push({ op: "makeCgroup", path: mountpoint + node, shared: true, why });
      host.push(...openCpuset(hierarchy, node, sight));
      return true;
    };
    if (version === 2) host.push(handedDown(hierarchy, ""));
    for (const node of above(path)) {
      if (make(node, "a node above the container's own")) parents.unshift(mountpoint + node);
      if (version === 2) host.push(handedDown(hierarchy, node));
    }
    make(path, `the container's own node in the hierarchy at ${mountpoint}`);
  }
  host.push(...limits(hierarchies, path, resources));
  const unified = hierarchies.find(({ version }) => version === 2);
  const filter = unified && filterDevices(unified.mountpoint + path, resources.devices);
  if (filter) host.push({ ...filter, field: "linux.resources.devices" });
  return {
    ...{ host, nodes: hierarchies.map((h) => h.mountpoint + path), hierarchies, parents },
    leftOut: leftOutOf(hierarchies, wanted),
  };
}

/** Fields that ask for what these hierarchies have no file for. */
const leftOutOf = (hierarchies: readonly MountedHierarchy[], resources: SpecResources): string[] =>
  fieldsWithoutFile(hierarchies[0]?.version ?? 1, resources);

/** The same for those that `update` names. */
export const leftOutLimits = (
  all: readonly MountedHierarchy[],
  resources: SpecResources,
): string[] => leftOutOf(joinedHierarchies(all), resources);

/** The writes of `update`, each with its node. */
export const limitWrites = (
  all: readonly MountedHierarchy[],
  path: string,
  resources: SpecResources,
): Operation[] => limits(joinedHierarchies(all), path, resources);
