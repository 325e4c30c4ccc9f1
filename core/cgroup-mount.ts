// `mount -t cgroup` as a program. The rules are the kernel's (kernel/cgroup/cgroup-v1.c,
// check_cgroupfs_options and cgroup1_root_to_use), told before it is asked, because it answers all
// of them with EBUSY or EINVAL:
//
// - a controller is attached to one hierarchy; the same set of controllers again shows the same
//   hierarchy at one more place
// - a hierarchy without controllers has a name, and is known by it
// - with a remount the controllers may change as long as the hierarchy has no node but its root;
//   the name never does

import { parseMembership } from "./css-set.ts";
import { NacreError } from "./error.ts";
import type { MountEntry } from "./ports/kernel.ts";
import type { MountAttribute } from "./program/mount-description.ts";
import type { Operation } from "./program/operation.ts";
import type { KernelProgram } from "./program/program.ts";

export interface CgroupMountRequest {
  /** `cgroup2` takes no controllers: it shows the one hierarchy of version 2. */
  readonly type: "cgroup" | "cgroup2";
  /** As after `-o`, split at commas: `cpu`, `name=x`, `none`, `remount`, `ro`. */
  readonly options: readonly string[];
  /** What the mount is called in mountinfo; it means nothing. */
  readonly source: string;
  /** Absolute. */
  readonly target: string;
}

/** What of the machine decides. */
export interface CgroupMachine {
  /** /proc/cgroups and /proc/self/cgroup. */
  readonly procCgroups: string;
  readonly selfCgroup: string;
  readonly mounts: readonly MountEntry[];
  /** Whether there is something at an absolute path. */
  exists(path: string): boolean;
  /** Names of the nodes below the root of the hierarchy that is mounted there. */
  nodes(mountpoint: string): readonly string[];
}

const FLAGS: readonly string[] = ["noprefix", "clone_children", "xattr", "cpuset_v2_mode"];
const ATTRIBUTES: readonly MountAttribute[] = ["ro", "nosuid", "nodev", "noexec", "noatime"];
/** Nothing in a cgroup file system is a program or a device. */
const USUAL: readonly MountAttribute[] = ["nosuid", "nodev", "noexec"];
const NAME_MAX_BYTES = 63;

interface Options {
  readonly controllers: readonly string[];
  readonly name: string | undefined;
  readonly flags: readonly string[];
  readonly attributes: readonly MountAttribute[];
}

interface Hierarchy {
  readonly id: number;
  readonly controllers: readonly string[];
  readonly name: string | undefined;
}

/**
 * The program of a mount, or of a remount where the options say so.
 * @throws NacreError `invalid` for options that no kernel takes, `in-use` for what this machine
 * cannot have now, `not-found` for a remount of what is not mounted
 */
export function planCgroupMount(
  request: CgroupMountRequest,
  machine: CgroupMachine,
): KernelProgram {
  const { options, source, target, type } = request;
  if (type === "cgroup2") return mountV2(request, machine);
  const parsed = parseOptions(options, machine);
  if (options.includes("remount")) return remount(target, parsed, machine);
  mustBeFree(parsed, machine);
  const words = wordsOf(parsed);
  return {
    title: `mount the hierarchy of ${labelOf(parsed)} at ${target}`,
    host: [
      ...missingDirectories(target, machine),
      {
        op: "mount",
        mount: { type, source, options: words, attributes: attributesOf(parsed.attributes) },
        target,
        why: isThere(parsed, machine)
          ? "the hierarchy is there: this shows it at one more place"
          : "a new hierarchy, in whose root all processes are",
      },
    ],
  };
}

/** The program that takes a mount of a hierarchy away. */
export function planCgroupUnmount(target: string, machine: CgroupMachine): KernelProgram {
  const mount = mountAt(target, machine);
  return {
    title: `unmount the cgroup hierarchy at ${mount.target}`,
    host: [
      {
        op: "unmount",
        target: mount.target,
        detach: false,
        why: "a hierarchy without mounts and without nodes is gone",
      },
    ],
  };
}

/** What the kernel's EBUSY or EINVAL means here, where it was not foreseen. */
export function explainRefusal(error: unknown, what: string): unknown {
  if (!(error instanceof NacreError)) return error;
  const { errno, operation } = error;
  const detail = { ...(operation !== undefined && { operation }), cause: error };
  if (errno === "EBUSY") {
    return new NacreError("in-use", `${what}: the kernel says that it is busy (EBUSY)`, {
      ...detail,
      errno,
      advice:
        "A controller of it is in another hierarchy or in use by version 2, or a process has a file or its working directory there.",
    });
  }
  if (errno !== "EINVAL") return error;
  return new NacreError("invalid", `${what}: the kernel refuses it (EINVAL)`, {
    ...detail,
    errno,
    advice: "dmesg may say more.",
  });
}

// -- options --------------------------------------------------------------------------------------

function enabledControllers({ procCgroups }: CgroupMachine): string[] {
  const lines = procCgroups.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.flatMap((line) => {
    const [name = "", , , enabled] = line.split(/\s+/);
    return enabled === "1" ? [name] : [];
  });
}

function parseOptions(options: readonly string[], machine: CgroupMachine): Options {
  const known = enabledControllers(machine);
  const given = options.filter((o) => o !== "" && !/^(remount|rw|defaults|relatime)$/.test(o));
  const named = given.filter((option) => option.startsWith("name="));
  const name = named.at(-1)?.slice("name=".length);
  checkName(name, named.length);
  const attributes = ATTRIBUTES.filter((attribute) => given.includes(attribute));
  const flags = given.filter((o) => FLAGS.includes(o) || o.startsWith("release_agent="));
  const words = given.filter(
    (o) =>
      !named.includes(o) && !flags.includes(o) && !(ATTRIBUTES as readonly string[]).includes(o),
  );
  const wanted = words.filter((word) => word !== "all" && word !== "none");
  const unknown = wanted.find((word) => !known.includes(word));
  if (unknown !== undefined) {
    throw new NacreError("invalid", `there is no cgroup controller or option ${unknown}`, {
      advice: `This kernel has ${known.join(", ")}.`,
    });
  }
  const [all, none] = [words.includes("all"), words.includes("none")];
  if ((all && (none || wanted.length > 0)) || (none && wanted.length > 0)) {
    throw new NacreError("invalid", `${words.join(",")} contradict one another`, {
      advice: "Name controllers, or all of them with 'all', or 'none' together with name=NAME.",
    });
  }
  // A remount is of a hierarchy that may have a name already.
  if (none && name === undefined && !options.includes("remount")) {
    throw new NacreError("invalid", "a hierarchy without controllers needs a name", {
      advice: "Write -o none,name=NAME.",
    });
  }
  const everything = all || (words.length === 0 && name === undefined);
  const chosen = everything ? known : known.filter((each) => wanted.includes(each));
  return { controllers: chosen, name, flags, attributes };
}

function checkName(name: string | undefined, count: number): void {
  if (name === undefined) return;
  const valid = /^[\w.-]+$/.test(name) && name.length <= NAME_MAX_BYTES && count === 1;
  if (valid) return;
  throw new NacreError("invalid", `${JSON.stringify(name)} cannot be a hierarchy's name`, {
    advice: `One name, of letters, digits, dots, dashes and underscores, at most ${NAME_MAX_BYTES}.`,
  });
}

/** As the kernel takes them. */
function wordsOf({ controllers, name, flags }: Options): string[] {
  const named = name === undefined ? [] : [`name=${name}`];
  return [...(controllers.length > 0 ? controllers : ["none"]), ...named, ...flags];
}

function attributesOf(wanted: readonly MountAttribute[]): MountAttribute[] {
  return [...new Set([...USUAL, ...wanted])];
}

const labelOf = ({ controllers, name }: Pick<Hierarchy, "controllers" | "name">): string =>
  [...controllers, ...(name === undefined ? [] : [`name=${name}`])].join(",");

// -- the machine's hierarchies --------------------------------------------------------------------

/** Those of version 1, mounted or not. */
function hierarchiesOf({ selfCgroup }: CgroupMachine): Hierarchy[] {
  const lines = selfCgroup.split("\n").filter((line) => line !== "");
  return lines
    .map(parseMembership)
    .filter(({ hierarchy }) => hierarchy !== 0)
    .map(({ hierarchy, controllers }) => toHierarchy(hierarchy, controllers));
}

function toHierarchy(id: number, words: readonly string[]): Hierarchy {
  const name = words.find((word) => word.startsWith("name="))?.slice("name=".length);
  return { id, controllers: words.filter((word) => !word.startsWith("name=")), name };
}

const sameSet = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((each) => b.includes(each));

/** Whether the kernel would find it, instead of making another. */
function matches(wanted: Options, { controllers, name }: Hierarchy): boolean {
  if (wanted.name !== undefined && wanted.name !== name) return false;
  if (wanted.controllers.length === 0) return true;
  return sameSet(wanted.controllers, controllers);
}

const isThere = (wanted: Options, machine: CgroupMachine): boolean =>
  hierarchiesOf(machine).some((hierarchy) => matches(wanted, hierarchy));

function mustBeFree(wanted: Options, machine: CgroupMachine): void {
  if (isThere(wanted, machine)) return;
  const hierarchies = hierarchiesOf(machine);
  const namesake = hierarchies.find(({ name }) => name !== undefined && name === wanted.name);
  if (namesake) {
    throw new NacreError(
      "in-use",
      `the name ${wanted.name} is that of another hierarchy: ${placeOf(namesake, machine)}`,
      { errno: "EBUSY", advice: "Choose another name." },
    );
  }
  mustNotBeTaken(wanted.controllers, hierarchies, machine);
}

function mustNotBeTaken(
  controllers: readonly string[],
  hierarchies: readonly Hierarchy[],
  machine: CgroupMachine,
): void {
  for (const controller of controllers) {
    const holder = hierarchies.find((hierarchy) => hierarchy.controllers.includes(controller));
    if (holder === undefined) continue;
    throw new NacreError(
      "in-use",
      `the controller ${controller} is attached to another hierarchy: ${placeOf(holder, machine)}`,
      {
        errno: "EBUSY",
        advice: `A controller is in one hierarchy only. That one can be mounted once more with -o ${labelOf(holder)}; to free the controller unmount it everywhere, after its nodes are removed.`,
      },
    );
  }
}

/** `memory (number 4, mounted at /sys/fs/cgroup/memory)`. */
function placeOf(hierarchy: Hierarchy, { mounts }: CgroupMachine): string {
  const places = mounts.filter((mount) => {
    const shown = hierarchyOf(mount);
    const alike =
      sameSet(shown.controllers, hierarchy.controllers) && shown.name === hierarchy.name;
    return mount.type === "cgroup" && alike;
  });
  const where = places.map(({ target }) => target).join(", ");
  const how = where === "" ? "mounted nowhere that is seen here" : `mounted at ${where}`;
  return `${labelOf(hierarchy)} (number ${hierarchy.id}, ${how})`;
}

/** What a cgroup mount of version 1 shows, by its file system's options. */
function hierarchyOf({ superOptions }: MountEntry): Hierarchy {
  const words = superOptions.split(",");
  const other = (word: string): boolean =>
    /^(ro|rw)$/.test(word) || FLAGS.includes(word) || word.startsWith("release_agent=");
  return toHierarchy(
    0,
    words.filter((word) => !other(word)),
  );
}

// -- programs -------------------------------------------------------------------------------------

function mountV2({ options, source, target }: CgroupMountRequest, machine: CgroupMachine) {
  const attributes = ATTRIBUTES.filter((attribute) => options.includes(attribute));
  const others = options.filter((o) => !(ATTRIBUTES as readonly string[]).includes(o));
  const unknown = others.find(
    (o) => !/^(rw|defaults|relatime|nsdelegate|favordynmods|memory_\w+|)$/.test(o),
  );
  if (unknown !== undefined) {
    throw new NacreError("invalid", `cgroup2 takes no option ${unknown}`, {
      advice: "Version 2 has one hierarchy with every controller that no version 1 hierarchy has.",
    });
  }
  const mount: Operation = {
    op: "mount",
    mount: {
      type: "cgroup2",
      source,
      options: others.filter((o) => /^(nsdelegate|favordynmods|memory_\w+)$/.test(o)),
      attributes: attributesOf(attributes),
    },
    target,
    why: "the one hierarchy of version 2",
  };
  return {
    title: `mount the hierarchy of cgroup version 2 at ${target}`,
    host: [...missingDirectories(target, machine), mount],
  };
}

function mountAt(target: string, { mounts }: CgroupMachine): MountEntry {
  const found = mounts.findLast((mount) => mount.target === target);
  if (found && /^cgroup2?$/.test(found.type)) return found;
  const places = mounts.filter(({ type }) => /^cgroup2?$/.test(type)).map((mount) => mount.target);
  throw new NacreError("not-found", `no cgroup hierarchy is mounted at ${target}`, {
    advice: places.length > 0 ? `There are ${places.join(", ")}.` : "There is none at all.",
  });
}

function remount(target: string, wanted: Options, machine: CgroupMachine): KernelProgram {
  const mount = mountAt(target, machine);
  if (mount.type === "cgroup2") {
    throw new NacreError("invalid", "version 2 has no controllers that a remount could change", {
      advice: "What a node passes on is written to its cgroup.subtree_control.",
    });
  }
  const before = hierarchyOf(mount);
  if (wanted.name !== undefined && wanted.name !== before.name) {
    throw new NacreError(
      "invalid",
      `the hierarchy at ${target} cannot be renamed from ${before.name ?? "none"} to ${wanted.name}`,
      { errno: "EINVAL", advice: "Unmount it and mount it anew." },
    );
  }
  const after = { ...wanted, name: before.name };
  if (!sameSet(after.controllers, before.controllers)) {
    const [node] = machine.nodes(target);
    if (node !== undefined) {
      throw new NacreError(
        "in-use",
        `the hierarchy at ${target} has nodes (${node}): its controllers cannot change`,
        { errno: "EBUSY", advice: "Remove its nodes first, from the leaves on (rmdir)." },
      );
    }
    const others = hierarchiesOf(machine).filter(
      (each) => !(sameSet(each.controllers, before.controllers) && each.name === before.name),
    );
    mustNotBeTaken(after.controllers, others, machine);
  }
  return {
    title: `remount the hierarchy at ${target} with ${labelOf(after)}`,
    host: [
      {
        op: "remount",
        target,
        options: wordsOf(after),
        before: wordsOf({ ...before, flags: [], attributes: [] }),
        why: "other controllers for a hierarchy that has no nodes yet",
      },
    ],
  };
}

/** The target and what is missing above it, the highest first. */
function missingDirectories(target: string, machine: CgroupMachine): Operation[] {
  const missing: string[] = [];
  for (let path = target; path !== "" && !machine.exists(path); ) {
    missing.unshift(path);
    path = path.slice(0, path.lastIndexOf("/"));
  }
  return missing.map((path) => ({
    op: "makeDirectory",
    path,
    mode: 0o755,
    existing: "keep",
    why: "where the hierarchy is to be seen",
  }));
}
