// Which cgroup hierarchies a machine has, read from its own files:
//
// - /proc/self/mountinfo: "31 23 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu" (proc(5))
// - /proc/cgroups: "cpu 1 12 1", that is name, hierarchy, number of cgroups, enabled (cgroups(7))
// - cgroup.controllers of the version 2 hierarchy: "cpuset cpu io memory". /proc/cgroups is of
//   version 1: kernels without a controller's old half leave it out there (6.14)

import { unescapeOctal } from "./mountinfo.ts";

/** One hierarchy that is mounted. */
export interface HierarchyMount {
  readonly version: 1 | 2;
  /** As in /proc/PID/cgroup; 0 for version 2, undefined for a hierarchy that has only a name. */
  readonly id: number | undefined;
  /**
   * Names as this version's files begin with (`blkio` in version 1, `io` in version 2), or
   * `name=systemd`. For version 2, what no version 1 hierarchy took.
   */
  readonly controllers: readonly string[];
  readonly mountpoint: string;
  /** The node that is mounted there: "/", but in a container without a cgroup namespace. */
  readonly root: string;
}

export interface CgroupLayout {
  /** `hybrid`: version 2 is mounted beside version 1. */
  readonly version: "v1" | "v2" | "hybrid";
  /** One each, where it is mounted first; version 1 in the order of mounts, version 2 last. */
  readonly hierarchies: readonly HierarchyMount[];
}

const V2_NAMES: Readonly<Record<string, string>> = {
  cpuset: "cpuset",
  cpu: "cpu",
  blkio: "io",
  memory: "memory",
  hugetlb: "hugetlb",
  pids: "pids",
  rdma: "rdma",
  misc: "misc",
};

interface Subsystem {
  readonly name: string;
  readonly hierarchy: number;
  readonly enabled: boolean;
}

function parseSubsystems(text: string): Subsystem[] {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [name = "", hierarchy, , enabled] = line.split(/\s+/);
    return { name, hierarchy: Number(hierarchy), enabled: enabled === "1" };
  });
}

type ReadControllers = (mountpoint: string) => string | undefined;

function unifiedControllers(text: string | undefined, subsystems: readonly Subsystem[]): string[] {
  if (text !== undefined) return text.split(/\s+/).filter(Boolean);
  const left = subsystems.filter(({ hierarchy, enabled }) => enabled && hierarchy === 0);
  return left.flatMap(({ name }) => V2_NAMES[name] ?? []);
}

function parseMount(
  line: string,
  subsystems: readonly Subsystem[],
  read: ReadControllers,
): HierarchyMount | undefined {
  const [mount = "", source = ""] = line.split(" - ");
  const [, , , root = "/", mountpoint = ""] = mount.split(" ").map(unescapeOctal);
  const [type, , options = ""] = source.split(" ");
  if (type === "cgroup2") {
    const controllers = unifiedControllers(read(mountpoint), subsystems);
    return { version: 2, id: 0, controllers, mountpoint, root };
  }
  if (type !== "cgroup") return undefined;
  const known = new Map(subsystems.map(({ name, hierarchy }) => [name, hierarchy]));
  const controllers = options.split(",").filter((o) => known.has(o) || o.startsWith("name="));
  const id = controllers.map((name) => known.get(name)).find((id) => id !== undefined);
  return { version: 1, id, controllers, mountpoint, root };
}

/**
 * The hierarchies of a machine, from the texts of /proc/self/mountinfo and /proc/cgroups.
 * `read` gives that of cgroup.controllers where version 2 is mounted; undefined where there is none.
 */
export function detectLayout(
  mountinfoText: string,
  procCgroupsText: string,
  read: ReadControllers = () => undefined,
): CgroupLayout {
  const subsystems = parseSubsystems(procCgroupsText);
  const mounts = new Map<string, HierarchyMount>();
  for (const line of mountinfoText.split("\n")) {
    const mount = parseMount(line, subsystems, read);
    if (mount === undefined) continue;
    const key = mount.version === 2 ? "2" : mount.controllers.join();
    if (!mounts.has(key)) mounts.set(key, mount);
  }
  const v1 = [...mounts.values()].filter(({ version }) => version === 1);
  const v2 = [...mounts.values()].filter(({ version }) => version === 2);
  const version = v1.length === 0 ? "v2" : v2.length === 0 ? "v1" : "hybrid";
  return { version, hierarchies: [...v1, ...v2] };
}
