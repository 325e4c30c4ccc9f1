// Mounts, and the tree of them that a mount namespace is. A mount shows a file system's tree, or a
// part of it, on a dentry of another mount. Several mounts can show one superblock: binds.
// Source: mount_namespaces(7); Linux, Documentation/filesystems/sharedsubtree.rst.

import type { MountAttribute } from "@nacre/core/program/mount-description.ts";
import type { Dentry } from "./dentry.ts";
import { fail } from "./errno.ts";
import type { Superblock } from "./inode.ts";

/** A place: a dentry as it is seen through a mount. */
export interface Path {
  readonly mount: Mount;
  readonly dentry: Dentry;
}

export function samePath(a: Path, b: Path): boolean {
  return a.mount === b.mount && a.dentry === b.dentry;
}

/** Mounts that see each other's mounts and unmounts, and those that only receive. */
export class PeerGroup {
  readonly id: number;
  readonly members = new Set<Mount>();
  readonly slaves = new Set<Mount>();

  constructor(id: number) {
    this.id = id;
  }
}

export class Mount {
  readonly id: number;
  readonly superblock: Superblock;
  /** What of the file system it shows. */
  readonly root: Dentry;
  /** What its mounter called it; absent, as the superblock is called. */
  source: string | undefined;
  readonly attributes = new Set<MountAttribute>();
  parent: Mount | undefined;
  /** On which dentry of the parent it lies. */
  mountpoint: Dentry | undefined;
  readonly children = new Map<Dentry, Mount>();
  /** Undefined while it is detached. */
  tree: MountTree | undefined;
  /** Set while it is shared. */
  group: PeerGroup | undefined;
  /** Set while it is a slave of a group. */
  master: PeerGroup | undefined;
  unbindable = false;
  /** What a weaker user namespace may not change of it (MNT_LOCK_*). */
  readonly locked = new Set<MountAttribute | "access time">();
  /** MNT_LOCKED: nor take it away from what it covers. */
  fixed = false;

  constructor(id: number, superblock: Superblock, root: Dentry) {
    this.id = id;
    this.superblock = superblock;
    this.root = root;
  }

  get path(): Path {
    return { mount: this, dentry: this.root };
  }
  get readOnly(): boolean {
    return this.attributes.has("ro") || this.superblock.readOnly;
  }

  /** Puts this mount at a place, over whatever is mounted there under the same name. */
  attachTo(parent: Mount, mountpoint: Dentry): void {
    this.parent = parent;
    this.mountpoint = mountpoint;
    parent.children.set(mountpoint, this);
    mountpoint.mounts.add(this);
  }

  detach(): void {
    if (this.parent?.children.get(this.mountpoint as Dentry) === this) {
      this.parent.children.delete(this.mountpoint as Dentry);
    }
    this.mountpoint?.mounts.delete(this);
    this.parent = undefined;
    this.mountpoint = undefined;
  }

  /** This mount and all on it, parents first. */
  *subtree(): Generator<Mount> {
    yield this;
    for (const child of [...this.children.values()]) yield* child.subtree();
  }
}

/** The mounts of one namespace. The first one cannot be unmounted or moved. */
export class MountTree {
  readonly mounts = new Set<Mount>();
  base: Mount;

  constructor(base: Mount) {
    this.base = base;
    this.adopt(base);
  }

  /** Takes a detached mount and all on it into this tree. */
  adopt(top: Mount): void {
    for (const mount of top.subtree()) {
      mount.tree = this;
      this.mounts.add(mount);
      mount.superblock.mounts.add(mount);
    }
  }

  release(mount: Mount): void {
    this.mounts.delete(mount);
    mount.tree = undefined;
    const { superblock } = mount;
    superblock.mounts.delete(mount);
    if (superblock.mounts.size === 0) superblock.unused();
  }
}

/** The topmost mount at a place, at its root. */
export function followMounts(path: Path): Path {
  let at = path;
  for (;;) {
    const child = at.mount.children.get(at.dentry);
    if (!child) return at;
    at = child.path;
  }
}

/** The name of a place as seen from `root`; undefined if it cannot be reached from there. */
export function nameFrom(root: Path, path: Path): string | undefined {
  const names: string[] = [];
  let { mount, dentry } = path;
  while (mount !== root.mount || dentry !== root.dentry) {
    if (dentry !== mount.root) {
      if (!dentry.parent) return undefined;
      names.unshift(dentry.name);
      dentry = dentry.parent;
    } else if (mount.parent && mount.mountpoint) {
      dentry = mount.mountpoint;
      mount = mount.parent;
    } else return undefined;
  }
  return `/${names.join("/")}`;
}

/**
 * getcwd(2): ENOENT once the directory was removed; what cannot be reached from the root is said
 * to be so, with its name from the top of what it is mounted in.
 */
export function workingDirectory({ root, cwd }: { root: Path; cwd: Path }): string {
  if (!cwd.dentry.hashed) fail("ENOENT");
  const name = nameFrom(root, cwd);
  if (name !== undefined) return name;
  let top = cwd.mount;
  while (top.parent) top = top.parent;
  return `(unreachable)${nameFrom(top.path, cwd) ?? "/"}`;
}

/** Fails where nothing may be written: EROFS. */
export function requireWritable(mount: Mount): void {
  if (mount.readOnly) fail("EROFS");
}
