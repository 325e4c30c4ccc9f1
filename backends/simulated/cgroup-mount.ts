// Which hierarchy `mount -t cgroup -o …` shows: one that is there with exactly these controllers or
// this name, else a new one; and what `remount` changes.
// Source: Linux, kernel/cgroup/cgroup-v1.c: cgroup1_parse_param, check_cgroupfs_options,
// cgroup1_root_to_use, cgroup1_reconfigure.

import type { Hierarchy } from "./cgroup-node.ts";
import { type Cgroups, CONTROLLERS, type Controller, isController } from "./cgroups.ts";
import { fail } from "./errno.ts";

/** MAX_CGROUP_ROOT_NAMELEN, with its NUL. */
const NAME_BYTES = 64;

export interface HierarchyOptions {
  readonly controllers: readonly Controller[];
  /** `none`: explicitly without controllers. */
  readonly none: boolean;
  readonly name: string;
  readonly releaseAgent: string | undefined;
  /** noprefix, xattr and others that only `remount` compares, sorted. */
  readonly flags: readonly string[];
  readonly cloneChildren: boolean;
}

const FLAGS = ["noprefix", "xattr", "cpuset_v2_mode", "favordynmods"];
const refuse = (option: string): never => fail("EINVAL", `fsconfig ${option}`);

function checkName(name: string, before: string): string {
  if (before !== "" || name === "" || name.length >= NAME_BYTES) return refuse("name");
  return /^[\w.-]+$/.test(name) ? name : refuse("name");
}

function hierarchyOptions(options: readonly string[], inInitial: boolean): HierarchyOptions {
  const wanted = new Set<string>();
  const flags = new Set<string>();
  let name = "";
  let releaseAgent: string | undefined;
  for (const option of options) {
    const [key = "", value = ""] = option.split(/=(.*)/s, 2);
    if (key === "name") name = checkName(value, name);
    else if (key === "release_agent") {
      if (releaseAgent !== undefined || !inInitial) refuse(key);
      releaseAgent = value;
    } else if (FLAGS.includes(option)) flags.add(option);
    else if (isController(option) || /^(all|none|clone_children)$/.test(option)) wanted.add(option);
    else if (option !== "nofavordynmods") refuse(key);
  }
  return complete(wanted, { name, releaseAgent, flags: [...flags].sort() });
}

/** What goes together, and what stands for what is left out. */
function complete(
  wanted: ReadonlySet<string>,
  rest: Pick<HierarchyOptions, "name" | "releaseAgent" | "flags">,
): HierarchyOptions {
  const chosen = CONTROLLERS.filter((controller) => wanted.has(controller));
  const none = wanted.has("none");
  const all = wanted.has("all") || (chosen.length === 0 && !none && rest.name === "");
  if (all && chosen.length > 0) refuse("all");
  const controllers = all ? CONTROLLERS : chosen;
  if (controllers.length === 0 && rest.name === "") refuse("none");
  const others = controllers.some((controller) => controller !== "cpuset");
  if (rest.flags.includes("noprefix") && others) refuse("noprefix");
  if (none && controllers.length > 0) refuse("none");
  return { ...rest, controllers, none, cloneChildren: wanted.has("clone_children") };
}

const same = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name) => b.includes(name));

/** A hierarchy that fits. EBUSY for one of the same name with other controllers. */
function find(cgroups: Cgroups, options: HierarchyOptions): Hierarchy | undefined {
  const { controllers, none, name } = options;
  for (const hierarchy of cgroups.hierarchies.toReversed()) {
    if (hierarchy.version === 2 || (name !== "" && hierarchy.name !== name)) continue;
    const chooses = controllers.length > 0 || none;
    if (!chooses || same(controllers, hierarchy.controllers)) return hierarchy;
    if (name !== "") fail("EBUSY", "create");
  }
  return undefined;
}

/** What a mount shows. EPERM for a new hierarchy where a cgroup namespace is not the initial one. */
export function hierarchyToMount(
  cgroups: Cgroups,
  words: readonly string[],
  inInitial: boolean,
): Hierarchy {
  const options = hierarchyOptions(words, inInitial);
  const known = find(cgroups, options);
  if (known) return known;
  const { controllers, none, name, releaseAgent, flags, cloneChildren } = options;
  if (controllers.length === 0 && !none) fail("EINVAL", "create");
  if (!inInitial) fail("EPERM", "create");
  const hierarchy = cgroups.makeHierarchy(1, controllers, name);
  hierarchy.flags = flags;
  if (releaseAgent !== undefined) hierarchy.root.values.set("release_agent", releaseAgent);
  if (cloneChildren) hierarchy.root.values.set("cgroup.clone_children", "1");
  return hierarchy;
}

/** `mount -o remount,…`: other controllers or another release agent, while there are no children. */
export function remountHierarchy(
  cgroups: Cgroups,
  hierarchy: Hierarchy,
  words: readonly string[],
  inInitial: boolean,
): void {
  const { controllers, name, flags, releaseAgent } = hierarchyOptions(words, inInitial);
  if (!same(flags, hierarchy.flags) || (name !== "" && name !== hierarchy.name)) {
    fail("EINVAL", "reconfigure");
  }
  if (hierarchy.root.children.length > 0) fail("EBUSY", "reconfigure");
  cgroups.rebind(hierarchy, controllers);
  if (releaseAgent !== undefined) hierarchy.root.values.set("release_agent", releaseAgent);
}

/** As mountinfo shows them. */
export function shownOptions(hierarchy: Hierarchy): string[] {
  if (hierarchy.version === 2) return [];
  const { values } = hierarchy.root;
  const agent = values.get("release_agent") ?? "";
  return [
    ...hierarchy.controllers,
    ...FLAGS.filter((flag) => hierarchy.flags.includes(flag)),
    ...(agent === "" ? [] : [`release_agent=${agent}`]),
    ...(values.get("cgroup.clone_children") === "1" ? ["clone_children"] : []),
    ...(hierarchy.name === "" ? [] : [`name=${hierarchy.name}`]),
  ];
}
