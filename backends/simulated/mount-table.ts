// The mount table as it is read: entries of /proc/PID/mountinfo (proc_pid_mountinfo(5)).

import type { MountEntry } from "@nacre/core/ports/kernel.ts";
import type { MountAttribute } from "@nacre/core/program/mount-description.ts";
import { isMapped } from "./mapped-view.ts";
import { type Mount, type MountTree, nameFrom, type Path } from "./mount.ts";

/** Those mounts of a tree that can be reached from `root`, in the order of their numbers. */
export function mountEntries(tree: MountTree, root: Path): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const mount of tree.mounts) {
    const target = nameFrom(root, mount.path);
    if (target !== undefined) entries.push(entryOf(mount, target));
  }
  return entries.sort((a, b) => a.id - b.id);
}

/** In the order in which the kernel shows them, `relatime` and `nosymfollow` behind. */
const SHOWN: readonly MountAttribute[] = ["nosuid", "nodev", "noexec", "noatime", "nodiratime"];

function entryOf(mount: Mount, target: string): MountEntry {
  const { superblock } = mount;
  const words = [
    mount.attributes.has("ro") ? "ro" : "rw",
    ...SHOWN.filter((attribute) => mount.attributes.has(attribute)),
  ];
  if (!mount.attributes.has("noatime") && !mount.attributes.has("strictatime")) {
    words.push("relatime");
  }
  if (mount.attributes.has("nosymfollow")) words.push("nosymfollow");
  if (isMapped(mount)) words.push("idmapped");
  return {
    id: mount.id,
    parent: mount.parent?.id ?? mount.id,
    device: `0:${superblock.minor}`,
    root: superblock.shownPath(mount.root),
    target,
    options: words.join(","),
    type: superblock.type,
    source: mount.source ?? superblock.source,
    superOptions: [superblock.readOnly ? "ro" : "rw", ...superblock.options()].join(","),
  };
}

/** The optional fields: `shared:N`, `master:N`, `unbindable`. */
function propagationFields(mount: Mount): string[] {
  const fields: string[] = [];
  if (mount.group) fields.push(`shared:${mount.group.id}`);
  if (mount.master) fields.push(`master:${mount.master.id}`);
  if (mount.unbindable) fields.push("unbindable");
  return fields;
}

const escaped = (text: string): string =>
  text.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);

/** What would begin a comment in fstab(5), too. */
const escapedSource = (text: string): string => escaped(text).replaceAll("#", "\\043");

/** The text of /proc/PID/mounts, as fstab(5) has lines. */
export const mountLines = (tree: MountTree, root: Path): string =>
  mountEntries(tree, root)
    .map(({ source, target, type, options, superOptions }) => {
      const [access, ...more] = superOptions.split(",");
      const all = access === "ro" ? options.replace(/^rw/, "ro") : options;
      return `${escapedSource(source)} ${escaped(target)} ${type} ${[all, ...more].join(",")} 0 0\n`;
    })
    .join("");

/** The text of mountinfo. */
export function mountInfo(tree: MountTree, root: Path): string {
  const byId = new Map([...tree.mounts].map((mount) => [mount.id, mount]));
  return mountEntries(tree, root)
    .map((e) => {
      const optional = propagationFields(byId.get(e.id) as Mount).map((field) => `${field} `);
      return `${e.id} ${e.parent} ${e.device} ${escaped(e.root)} ${escaped(e.target)} ${e.options} ${optional.join("")}- ${e.type} ${escapedSource(e.source)} ${e.superOptions}\n`;
    })
    .join("");
}
