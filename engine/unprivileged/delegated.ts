// The cgroups that a user who is not root may use: those of a subtree that was handed to it, which
// systemd does for users on v2 (Delegate=), and an administrator by chown(1). Moving a process
// needs its way down from a common ancestor to be the user's, too (cgroups(7), "cgroup.procs"): so
// it is the subtree in which the engine itself stands, from its topmost node on.

import type { CgroupLayout } from "@nacre/core/cgroup-layout.ts";
import type { Files } from "@nacre/core/ports/files.ts";

type Hierarchy = CgroupLayout["hierarchies"][number];

/** `/proc/self/cgroup`: "4:memory:/user.slice", and "0::/user.slice" on v2. */
function ownNode(lines: readonly string[], { version, controllers }: Hierarchy): string {
  const names = version === 2 ? "" : controllers.join(",");
  const line = lines.find((one) => one.split(":")[1] === names);
  return line?.split(":").slice(2).join(":") ?? "/";
}

/** In a user namespace, root is the user: whoever else a node is of, it is nobody. */
const isOurs = (files: Files, node: string): boolean =>
  ["", "/cgroup.procs"].every((name) => files.status(node + name)?.uid === 0);

/**
 * Each hierarchy that has such a subtree, as if that were the whole of it. On v2 the node in which
 * we stand ourselves is none: what has processes hands nothing down.
 */
export function delegatedHierarchies(
  files: Files,
  hierarchies: readonly Hierarchy[],
): readonly Hierarchy[] {
  const lines = files.readText("/proc/self/cgroup").trimEnd().split("\n");
  return hierarchies.flatMap((hierarchy) => {
    const { version, mountpoint, root } = hierarchy;
    const own = ownNode(lines, hierarchy);
    const path = root !== "/" && own.startsWith(root) ? own.slice(root.length) : own;
    const names = path.split("/").filter(Boolean);
    const all = names.map((_, n) => `/${names.slice(0, n + 1).join("/")}`);
    const candidates = version === 2 ? all.slice(0, -1) : all;
    const top = candidates.find((node) => isOurs(files, mountpoint + node));
    if (top === undefined) return [];
    return [withControllers(files, { ...hierarchy, mountpoint: mountpoint + top })];
  });
}

/** On v2 those that were handed down to it. */
function withControllers(files: Files, hierarchy: Hierarchy): Hierarchy {
  if (hierarchy.version === 1) return hierarchy;
  const text = files.readText(`${hierarchy.mountpoint}/cgroup.controllers`);
  return { ...hierarchy, controllers: text.split(/\s+/).filter(Boolean) };
}
