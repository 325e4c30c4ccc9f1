// The system calls of the mount API: fsopen…fsmount, move_mount, open_tree, mount_setattr,
// umount2, pivot_root. A detached mount is one that no tree has.

import type { MountAttribute, MountDescription } from "@nacre/core/program/operation.ts";
import { capable } from "./credentials.ts";
import { because, fail } from "./errno.ts";
import type { Machine } from "./machine.ts";
import { followMounts, type Mount, type MountTree, type Path, samePath } from "./mount.ts";
import { lookup } from "./path-lookup.ts";
import type { Process } from "./process.ts";
import {
  attachTree,
  changePropagation,
  copyTree,
  detachTree,
  isolate,
  type Propagation,
} from "./propagation.ts";

/** Only one of these holds for a mount. */
const ACCESS_TIMES: readonly MountAttribute[] = ["noatime", "strictatime"];

function requireAdministrator(process: Process): void {
  if (!capable(process.credentials, "CAP_SYS_ADMIN")) fail("EPERM");
}

/** fsopen, fsconfig and fsmount: a detached mount. */
export function newMount(machine: Machine, process: Process, mount: MountDescription): Mount {
  const type = because(`fsopen ${mount.type}`, () => {
    requireAdministrator(process);
    return machine.type(mount.type);
  });
  const options = mount.options.filter((option) => option !== "ro" && option !== "rw");
  const readOnly = mount.options.findLast((o) => o === "ro" || o === "rw") === "ro";
  const { source } = mount;
  const { superblock, root } = because("create", () =>
    type({ machine, process, source, options, readOnly }),
  );
  return machine.newMount(superblock, root, mount.attributes);
}

/** move_mount(2) of a detached tree to a place. */
export function moveMount(machine: Machine, process: Process, mount: Mount, target: Path): void {
  requireAdministrator(process);
  const place = followMounts(target);
  if (place.mount.tree !== process.namespaces.mnt.tree) fail("EINVAL");
  const directory = mount.root.inode.kind === "directory";
  if (directory !== (place.dentry.inode.kind === "directory")) fail("EINVAL");
  if (!place.dentry.hashed) fail("ENOENT");
  attachTree(mount, place.mount, place.dentry, machine);
}

/** open_tree(2) with OPEN_TREE_CLONE: a detached copy of what is at a place. */
export function openTree(
  machine: Machine,
  process: Process,
  path: Path,
  options: { readonly recursive: boolean },
): Mount {
  requireAdministrator(process);
  const { mount, dentry } = path;
  const ours = mount.tree === process.namespaces.mnt.tree;
  if (!ours && mount.superblock !== machine.nsfs) fail("EINVAL");
  if (mount.unbindable) fail("EINVAL");
  const keep = (child: Mount): boolean => options.recursive && !child.unbindable;
  return copyTree(mount, dentry, machine, keep);
}

function setAttribute(mount: Mount, attribute: MountAttribute): void {
  if (ACCESS_TIMES.includes(attribute)) for (const a of ACCESS_TIMES) mount.attributes.delete(a);
  mount.attributes.add(attribute);
}

/** mount_setattr(2) on the mount whose root `path` is. */
export function setMountAttributes(
  machine: Machine,
  process: Process,
  path: Path,
  change: {
    readonly attributes?: readonly MountAttribute[];
    readonly propagation?: Propagation;
    readonly recursive: boolean;
  },
): void {
  requireAdministrator(process);
  const { mount, dentry } = path;
  if (dentry !== mount.root) fail("EINVAL");
  if (mount.tree && mount.tree !== process.namespaces.mnt.tree) fail("EINVAL");
  for (const each of change.recursive ? mount.subtree() : [mount]) {
    for (const attribute of change.attributes ?? []) setAttribute(each, attribute);
    if (change.propagation) changePropagation(each, change.propagation, machine);
  }
}

/** fspick(2) and FSCONFIG_CMD_RECONFIGURE: other options for the file system mounted at a place. */
export function reconfigure(process: Process, target: string, options: readonly string[]): void {
  requireAdministrator(process);
  const { mount, dentry } = lookup(process, target, { follow: false });
  if (dentry !== mount.root) fail("EINVAL");
  mount.superblock.reconfigure(options);
}

/** Whether somebody's root, working directory or open file lies in one of these mounts. */
function isBusy(machine: Machine, mounts: readonly Mount[]): boolean {
  return machine.processes
    .all()
    .some(
      (p) =>
        p.alive &&
        [p.root, p.cwd, p.executable, ...p.open].some(
          (path) => path && mounts.includes(path.mount),
        ),
    );
}

/** umount2(2) with UMOUNT_NOFOLLOW, and MNT_DETACH where asked. */
export function unmount(
  machine: Machine,
  process: Process,
  target: string,
  options: { readonly detach: boolean },
): void {
  requireAdministrator(process);
  const { mount, dentry } = lookup(process, target, { follow: false });
  if (dentry !== mount.root || mount.tree !== process.namespaces.mnt.tree) fail("EINVAL");
  if (mount === mount.tree?.base || !mount.parent) fail("EINVAL");
  if (!options.detach && (mount.children.size > 0 || isBusy(machine, [mount]))) fail("EBUSY");
  detachTree(mount);
}

/** pivot_root(2) to `path`, and the old root detached: the `.` to `.` idiom of its manual. */
export function pivotRoot(machine: Machine, process: Process, path: Path): void {
  requireAdministrator(process);
  const tree = process.namespaces.mnt.tree;
  const next = path.mount;
  const old = process.root.mount;
  if (next.tree !== tree || path.dentry !== next.root || !next.parent || !old.parent)
    fail("EINVAL");
  if (process.root.dentry !== old.root) fail("EINVAL");
  if (next === old) fail("EBUSY");
  if (next.parent?.group || old.parent?.group || next.group) fail("EINVAL");
  const { parent: base, mountpoint } = old;
  next.detach();
  old.detach();
  next.attachTo(base as Mount, mountpoint ?? (base as Mount).root);
  // What used the old root as its own uses the new one now.
  for (const other of machine.processes.all()) {
    if (other.namespaces.mnt.tree !== tree) continue;
    if (samePath(other.root, old.path)) other.root = next.path;
    if (samePath(other.cwd, old.path)) other.cwd = next.path;
  }
  detachTree(old);
}

/** The mounts of a namespace that nobody is in any more. */
export function discardTree(tree: MountTree): void {
  for (const mount of [...tree.mounts].reverse()) {
    mount.detach();
    tree.release(mount);
    isolate(mount);
  }
}
