// The mount table as it is read: entries of /proc/PID/mountinfo (proc_pid_mountinfo(5)).

import type { MountEntry } from "@nacre/core/ports/kernel.ts";
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

function entryOf(mount: Mount, target: string): MountEntry {
  const { superblock } = mount;
  const words = [mount.readOnly ? "ro" : "rw", ...[...mount.attributes].filter((a) => a !== "ro")];
  if (!mount.attributes.has("noatime") && !mount.attributes.has("strictatime")) {
    words.push("relatime");
  }
  return {
    id: mount.id,
    parent: mount.parent?.id ?? mount.id,
    device: `0:${superblock.minor}`,
    root: mount.root.path(),
    target,
    options: words.filter((word) => word !== "strictatime").join(","),
    type: superblock.type,
    source: superblock.source,
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

/** The text of mountinfo. */
export function mountInfo(tree: MountTree, root: Path): string {
  const byId = new Map([...tree.mounts].map((mount) => [mount.id, mount]));
  return mountEntries(tree, root)
    .map((e) => {
      const optional = propagationFields(byId.get(e.id) as Mount).map((field) => `${field} `);
      return `${e.id} ${e.parent} ${e.device} ${escaped(e.root)} ${escaped(e.target)} ${e.options} ${optional.join("")}- ${e.type} ${escaped(e.source)} ${e.superOptions}\n`;
    })
    .join("");
}
