// The system calls of the mount API: fsopen…fsmount, move_mount, open_tree, mount_setattr,
// umount2, pivot_root. A detached mount is one that no tree has.

import type { MountAttribute, MountDescription } from "@nacre/core/program/mount-description.ts";
import { capable } from "./credentials.ts";
import type { Dentry } from "./dentry.ts";
import { because, fail } from "./errno.ts";
import type { Machine } from "./machine.ts";
import { mappedView, type OwnerMaps, requireMappable } from "./mapped-view.ts";
import {
  followMounts,
  type Mount,
  type MountTree,
  nameFrom,
  type Path,
  samePath,
} from "./mount.ts";
import { lookup } from "./path-lookup.ts";
import type { Process } from "./process.ts";
import {
  attachTree,
  changePropagation,
  copyTree,
  detachTree,
  inheritPropagation,
  isolate,
  type Propagation,
  receivers,
} from "./propagation.ts";
import type { UserNamespace } from "./user-namespace.ts";

/** Only one of these holds for a mount. */
const ACCESS_TIMES: readonly MountAttribute[] = ["noatime", "strictatime"];

/** may_mount: rights over the mount namespace, whatever those over the file system. */
export function requireAdministrator(process: Process): void {
  const { owner } = process.namespaces.mnt;
  if (!capable(process.credentials, "CAP_SYS_ADMIN", owner)) fail("EPERM");
}

/** Types that root of any user namespace may mount (FS_USERNS_MOUNT). */
const FOR_ALL_USERS = [
  "tmpfs",
  "proc",
  "sysfs",
  "devpts",
  "mqueue",
  "overlay",
  "cgroup",
  "cgroup2",
];

/** Whose rights a mount of a type needs: what the file system shows belongs to a namespace. */
function ownerFor(process: Process, type: string): UserNamespace | undefined {
  const { namespaces, credentials } = process;
  if (type === "proc") return namespaces.pid.owner;
  if (type === "sysfs") return namespaces.net.owner;
  if (type === "mqueue") return namespaces.ipc.owner;
  if (type.startsWith("cgroup")) return namespaces.cgroup.owner;
  return FOR_ALL_USERS.includes(type) ? credentials.user : undefined;
}

/**
 * fsopen, fsconfig and fsmount: a detached mount. The other calls of a description come to the same
 * here: options are never too long, and there are no loop devices, so that a mount which would have
 * them shows its files.
 */
export function newMount(machine: Machine, process: Process, mount: MountDescription): Mount {
  const type = because(`fsopen ${mount.type}`, () => {
    requireAdministrator(process);
    return machine.type(mount.type);
  });
  const owner = ownerFor(process, mount.type);
  const options = mount.options.filter((option) => option !== "ro" && option !== "rw");
  const readOnly = mount.options.findLast((o) => o === "ro" || o === "rw") === "ro";
  const { source } = mount;
  const { superblock, root } = because("create", () => {
    if (!capable(process.credentials, "CAP_SYS_ADMIN", owner)) fail("EPERM");
    return type({ machine, process, source, options, readOnly });
  });
  if (owner?.parent) superblock.userNamespace ??= owner;
  const made = machine.newMount(superblock, root, mount.attributes);
  made.source = source;
  return made;
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

const holdsFixed = (mount: Mount, below: Dentry): boolean =>
  [...mount.children].some(([place, child]) => child.fixed && place.isBelow(below));

/** open_tree(2) with OPEN_TREE_CLONE: a detached copy of what is at a place. */
export function openTree(
  machine: Machine,
  process: Process,
  path: Path,
  options: { readonly recursive: boolean },
): Mount {
  requireAdministrator(process);
  const { mount, dentry } = path;
  const ours = mount.tree !== undefined && mount.tree === process.namespaces.mnt.tree;
  if (mount.unbindable) fail("EINVAL");
  if (!ours && mount.superblock !== machine.nsfs) fail("EINVAL");
  // One mount alone would show what a locked one on it hides.
  if (!options.recursive && holdsFixed(mount, dentry)) fail("EINVAL");
  const keep = (child: Mount): boolean => {
    if (options.recursive && child.unbindable && child.fixed) fail("EPERM");
    return options.recursive && !child.unbindable;
  };
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
    readonly cleared?: readonly MountAttribute[];
    readonly propagation?: Propagation;
    readonly recursive: boolean;
  },
): void {
  requireAdministrator(process);
  const { mount, dentry } = path;
  if (dentry !== mount.root) fail("EINVAL");
  if (mount.tree && mount.tree !== process.namespaces.mnt.tree) fail("EINVAL");
  requireUnlocked(mount, change.attributes ?? [], "keeps");
  if (change.cleared?.some((attribute) => mount.locked.has(attribute))) fail("EPERM");
  for (const each of change.recursive ? mount.subtree() : [mount]) {
    for (const attribute of change.cleared ?? []) each.attributes.delete(attribute);
    for (const attribute of change.attributes ?? []) setAttribute(each, attribute);
    if (change.propagation) changePropagation(each, change.propagation, machine);
  }
}

/**
 * mount_setattr(2) with MOUNT_ATTR_IDMAP on a mount that no tree has yet. What it shows instead,
 * and the mounts on it, since their places are another view's.
 */
export function showOwners(
  machine: Machine,
  process: Process,
  mount: Mount,
  maps: OwnerMaps,
  options: { readonly recursive: boolean },
): Mount {
  requireAdministrator(process);
  const all = options.recursive ? [...mount.subtree()] : [mount];
  if (maps.uids.extents.length === 0 || maps.gids.extents.length === 0) fail("EINVAL");
  if (mount.tree) fail("EINVAL");
  for (const each of all) {
    requireMappable(each);
    if (!capable(process.credentials, "CAP_SYS_ADMIN", each.superblock.userNamespace))
      fail("EPERM");
  }
  return remade(machine, mount, maps, options.recursive);
}

function remade(machine: Machine, mount: Mount, maps: OwnerMaps, recursive: boolean): Mount {
  const { superblock, root } = mappedView(mount, maps);
  const made = machine.newMount(superblock, root, [...mount.attributes]);
  made.source = mount.source;
  for (const one of mount.locked) made.locked.add(one);
  inheritPropagation(made, mount);
  for (const [place, child] of [...mount.children]) {
    const at = root.below(place.path(mount.root));
    const moved = recursive ? remade(machine, child, maps, recursive) : child;
    child.detach();
    moved.attachTo(made, at);
  }
  isolate(mount);
  return made;
}

/** fspick(2) and FSCONFIG_CMD_RECONFIGURE: other options for the file system mounted at a place. */
export function reconfigure(process: Process, target: string, options: readonly string[]): void {
  requireAdministrator(process);
  const { mount, dentry } = lookup(process, target, { follow: false });
  if (dentry !== mount.root) fail("EINVAL");
  mount.superblock.reconfigure(options);
}

/**
 * can_change_locked_flags: EPERM where a change would take away an attribute that a stronger user
 * namespace has set. mount_setattr(2) only adds; a remount sets all anew.
 */
export function requireUnlocked(
  mount: Mount,
  attributes: readonly MountAttribute[],
  others: "keeps" | "clears",
): void {
  const changesTime = ACCESS_TIMES.some(
    (a) =>
      attributes.includes(a) !== mount.attributes.has(a) &&
      (others === "clears" || attributes.includes(a)),
  );
  if (changesTime && mount.locked.has("access time")) fail("EPERM");
  if (others === "keeps") return;
  for (const one of mount.locked) {
    if (one === "access time" || one === "noatime") continue;
    if (!attributes.includes(one)) fail("EPERM");
  }
}

/** Whether somebody's root, working directory or open file lies in one of these mounts. */
function isBusy(machine: Machine, mounts: readonly Mount[]): boolean {
  const uses = (path: Path | undefined): boolean =>
    path !== undefined && mounts.includes(path.mount);
  const holds = (p: Process): boolean =>
    [p.root, p.cwd, p.executable, ...p.open].some(uses) ||
    [...p.files.all()].some((file) => uses(file.path));
  return machine.processes.all().some((process) => process.alive && holds(process));
}

/** The copies of a mount that go with it, if nothing is on them. */
function propagated(mount: Mount): Mount[] {
  if (!mount.parent || !mount.mountpoint) return [];
  const place = mount.mountpoint;
  return receivers(mount.parent).flatMap((receiver) => {
    const copy = receiver.children.get(place);
    return copy && copy.children.size === 0 ? [copy] : [];
  });
}

/** umount2(2) with UMOUNT_NOFOLLOW where asked, and MNT_DETACH. */
export function unmount(
  machine: Machine,
  process: Process,
  target: string,
  options: { readonly detach: boolean; readonly follow?: boolean },
): void {
  const { mount, dentry } = lookup(process, target, { follow: options.follow ?? false });
  requireAdministrator(process);
  if (dentry !== mount.root || mount.tree !== process.namespaces.mnt.tree) fail("EINVAL");
  if (mount.fixed) fail("EINVAL");
  if (mount === process.root.mount && !options.detach) {
    // The root cannot go: it becomes read-only instead.
    const { userNamespace } = mount.superblock;
    if (!capable(process.credentials, "CAP_SYS_ADMIN", userNamespace)) fail("EPERM");
    mount.superblock.readOnly = true;
    return;
  }
  if (mount === mount.tree?.base || !mount.parent) fail("EINVAL");
  const busy = (): boolean =>
    mount.children.size > 0 || isBusy(machine, [mount, ...propagated(mount)]);
  if (!options.detach && busy()) fail("EBUSY");
  detachTree(mount);
  machine.releaseNamespaces();
}

/** Whether a place can be reached from another one. */
const reaches = (from: Path, to: Path): boolean => nameFrom(from, to) !== undefined;

function requirePivot(process: Process, next: Path, put: Path): void {
  const { tree } = process.namespaces.mnt;
  const { root } = process;
  const old = root.mount;
  if (put.mount.group || next.mount.parent?.group || old.parent?.group) fail("EINVAL");
  if (old.tree !== tree || next.mount.tree !== tree || next.mount.fixed) fail("EINVAL");
  if (!next.dentry.hashed) fail("ENOENT");
  if (next.mount === old || put.mount === old) fail("EBUSY");
  if (root.dentry !== old.root || !old.parent) fail("EINVAL");
  if (next.dentry !== next.mount.root || !next.mount.parent) fail("EINVAL");
  if (!reaches(next, put) || !reaches(root, next)) fail("EINVAL");
}

/**
 * pivot_root(2): `next` becomes the root of all who had the old one, which comes to lie at `put`.
 * `.` and `.` lay it over the new root, from where it can be detached at once.
 */
export function pivotRoot(machine: Machine, process: Process, next: Path, put: Path): void {
  requireAdministrator(process);
  requirePivot(process, next, put);
  const old = process.root.mount;
  const { parent, mountpoint } = old;
  const own = put.mount === next.mount && put.dentry === next.dentry;
  next.mount.detach();
  old.detach();
  if (old.fixed) {
    next.mount.fixed = true;
    old.fixed = false;
  }
  old.attachTo(put.mount, own ? next.mount.root : put.dentry);
  next.mount.attachTo(parent as Mount, mountpoint ?? (parent as Mount).root);
  for (const other of machine.processes.all()) {
    if (samePath(other.root, old.path)) other.root = next;
    if (samePath(other.cwd, old.path)) other.cwd = next;
  }
}

/** The mounts of a namespace that nobody is in any more. */
export function discardTree(tree: MountTree): void {
  for (const mount of [...tree.mounts].reverse()) {
    mount.detach();
    tree.release(mount);
    isolate(mount);
  }
}
