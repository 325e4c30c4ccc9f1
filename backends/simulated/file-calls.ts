// System calls on names: what they check, in the kernel's order, before a file system is asked
// (fs/namei.c, fs/open.c, fs/attr.c). Each takes the task that calls and fails with Errno.

import {
  type Credentials,
  capable,
  capableOver,
  isMember,
  MAY_EXECUTE,
  MAY_READ,
  MAY_WRITE,
  permitted,
  stickyAllows,
} from "./credentials.ts";
import type { Dentry } from "./dentry.ts";
import { errnoOf, fail } from "./errno.ts";
import type { AttributeChange, DeviceNumber, Inode, InodeKind, NewInode } from "./inode.ts";
import { type Mount, type Path, requireWritable } from "./mount.ts";
import { type LookupOptions, lookup, lookupParent, type ParentPath } from "./path-lookup.ts";
import { detachTree } from "./propagation.ts";
import type { Task } from "./task.ts";

const SETGID = 0o2000;

function newInode(task: Task, parent: Inode, kind: InodeKind, mode: number): NewInode {
  const { fsUid: uid, fsGid: gid } = task.credentials;
  const inherits = (parent.mode & SETGID) !== 0;
  const bits = kind === "symlink" ? 0o777 : mode & ~task.umask;
  return {
    mode: inherits && kind === "directory" ? bits | SETGID : bits,
    uid,
    gid: inherits ? parent.gid : gid,
  };
}

function requireWrite(task: Task, directory: Inode): void {
  if (directory.immutable) fail("EPERM");
  if (!permitted(task.credentials, directory, MAY_WRITE | MAY_EXECUTE)) fail("EACCES");
}

/** filename_create: the place of a name that is to be made. A read-only mount is said last. */
function newName(task: Task, path: string, options: LookupOptions, directory: boolean): ParentPath {
  const at = lookupParent(task, path, options);
  if (at.kind !== "name" || at.path.dentry.child(at.name)) fail("EEXIST");
  if (at.slashes && !directory) fail("ENOENT");
  requireWritable(at.path.mount);
  return at;
}

/** may_create, and the file system's own part. */
function makeAt<T>(
  task: Task,
  { path, name }: ParentPath,
  make: (parent: Inode, name: string) => T,
): T {
  const parent = path.dentry;
  if (!parent.hashed) fail("ENOENT");
  requireWrite(task, parent.inode);
  return make(parent.inode, name);
}

function makeName<T>(
  task: Task,
  path: string,
  options: LookupOptions,
  directory: boolean,
  make: (parent: Inode, name: string) => T,
): T {
  return makeAt(task, newName(task, path, options, directory), make);
}

/** mkdirat(2). What its name is taken from is `at`; the umask takes from the mode. */
export function makeDirectory(
  task: Task,
  path: string,
  mode: number,
  at: LookupOptions = {},
): Inode {
  return makeName(task, path, at, true, (parent, name) =>
    parent.makeDirectory(name, newInode(task, parent, "directory", mode & 0o1777)),
  );
}

/**
 * mknodat(2). EPERM without CAP_MKNOD for a device that is no whiteout (0:0), or where the devices
 * controller forbids it.
 */
export function makeNode(
  task: Task,
  path: string,
  kind: Exclude<InodeKind, "directory" | "symlink">,
  mode: number,
  device: DeviceNumber | undefined,
  at: LookupOptions = {},
): Inode {
  return makeName(task, path, at, false, (parent, name) => {
    const special = kind === "character" || kind === "block";
    const whiteout = kind === "character" && device?.major === 0 && device.minor === 0;
    if (special && !whiteout && !capable(task.credentials, "CAP_MKNOD")) fail("EPERM");
    if (special && !whiteout && device && !(task.mayUseDevice?.(kind, device, "m") ?? true)) {
      fail("EPERM");
    }
    const attributes = newInode(task, parent, kind, mode);
    return parent.create(name, kind, { ...attributes, ...(device && special && { device }) });
  });
}

export function makeSymlink(task: Task, text: string, path: string, at: LookupOptions = {}): Inode {
  if (text === "") fail("ENOENT");
  return makeName(task, path, at, false, (parent, name) =>
    parent.makeSymlink(name, text, newInode(task, parent, "symlink", 0o777)),
  );
}

/** fs.protected_hardlinks: who does not own a file links it only if it could write it. */
function mayLink(who: Credentials, inode: Inode): boolean {
  if (who.fsUid === inode.uid || capableOver(who, "CAP_FOWNER", inode)) return true;
  const { mode, kind } = inode;
  const plain = kind === "file" && (mode & 0o4000) === 0 && (mode & 0o2010) !== 0o2010;
  return plain && permitted(who, inode, MAY_READ | MAY_WRITE);
}

/** linkat(2): both names are relative to a place of their own. */
export function linkAt(task: Task, existing: string, from: Path, name: string, to: Path): void {
  const source = lookup(task, existing, { start: from, follow: false });
  const target = newName(task, name, { start: to }, false);
  if (source.mount !== target.path.mount) fail("EXDEV");
  const { inode } = source.dentry;
  if (!mayLink(task.credentials, inode)) fail("EPERM");
  makeAt(task, target, (parent, last) => {
    if (inode.kind === "directory") fail("EPERM");
    parent.link(last, inode);
  });
}

/** Whether something is mounted on a dentry as this task sees it. */
function isLocalMountpoint(dentry: Dentry, near: Mount): boolean {
  return [...dentry.mounts].some((mount) => mount.tree === near.tree);
}

/** A removed name takes with it what other mount namespaces have mounted there. */
function removed(parent: Dentry, name: string): void {
  const gone = parent.forget(name);
  for (const mount of [...(gone?.mounts ?? [])]) detachTree(mount);
}

/** may_delete of fs/namei.c. */
function requireDeletable(task: Task, parent: Dentry, victim: Dentry, directory: boolean): void {
  requireWrite(task, parent.inode);
  if (!stickyAllows(task.credentials, parent.inode, victim.inode)) fail("EPERM");
  const isDirectory = victim.inode.kind === "directory";
  if (directory && !isDirectory) fail("ENOTDIR");
  if (!directory && isDirectory) fail("EISDIR");
}

export function removeDirectory(task: Task, path: string, options: LookupOptions = {}): void {
  const at = lookupParent(task, path, options);
  if (at.kind === "root") fail("EBUSY");
  if (at.kind === "..") fail("ENOTEMPTY");
  if (at.kind === ".") fail("EINVAL");
  requireWritable(at.path.mount);
  const parent = at.path.dentry;
  const victim = parent.child(at.name) ?? fail("ENOENT");
  requireDeletable(task, parent, victim, true);
  if (isLocalMountpoint(victim, at.path.mount)) fail("EBUSY");
  parent.inode.removeDirectory(at.name);
  removed(parent, at.name);
}

export function unlink(task: Task, path: string, options: LookupOptions = {}): void {
  const at = lookupParent(task, path, options);
  if (at.kind !== "name") fail("EISDIR");
  requireWritable(at.path.mount);
  const parent = at.path.dentry;
  const victim = parent.child(at.name) ?? fail("ENOENT");
  if (at.slashes) fail(victim.inode.kind === "directory" ? "EISDIR" : "ENOTDIR");
  requireDeletable(task, parent, victim, false);
  if (isLocalMountpoint(victim, at.path.mount)) fail("EBUSY");
  parent.inode.unlink(at.name);
  removed(parent, at.name);
}

function requireReplaceable(from: Dentry, to: Dentry): void {
  const directory = from.inode.kind === "directory";
  if (directory && to.inode.kind !== "directory") fail("ENOTDIR");
  if (!directory && to.inode.kind === "directory") fail("EISDIR");
}

/**
 * renameat(2), both names from the same place. A directory that replaces one needs it empty; what
 * was mounted on what is replaced goes with it.
 */
export function rename(
  task: Task,
  path: string,
  newPath: string,
  options: LookupOptions = {},
): void {
  const from = lookupParent(task, path, options);
  const to = lookupParent(task, newPath, options);
  if (from.path.mount !== to.path.mount) fail("EXDEV");
  if (from.kind !== "name" || to.kind !== "name") fail("EBUSY");
  requireWritable(from.path.mount);
  const victim = from.path.dentry.child(from.name) ?? fail("ENOENT");
  const replaced = to.path.dentry.child(to.name);
  if ((from.slashes || to.slashes) && victim.inode.kind !== "directory") fail("ENOTDIR");
  if (to.path.dentry.isBelow(victim)) fail("EINVAL");
  if (replaced && from.path.dentry.isBelow(replaced)) fail("ENOTEMPTY");
  if (replaced?.inode === victim.inode) return;
  requireWrite(task, from.path.dentry.inode);
  requireWrite(task, to.path.dentry.inode);
  if (!stickyAllows(task.credentials, from.path.dentry.inode, victim.inode)) fail("EPERM");
  if (replaced) requireReplaceable(victim, replaced);
  if (isLocalMountpoint(victim, from.path.mount)) fail("EBUSY");
  if (replaced && isLocalMountpoint(replaced, from.path.mount)) fail("EBUSY");
  from.path.dentry.inode.rename(from.name, to.path.dentry.inode, to.name);
  if (replaced) removed(to.path.dentry, to.name);
  from.path.dentry.move(from.name, to.path.dentry, to.name);
}

/** What chdir(2), fchdir(2) and chroot(2) ask of a place. */
export function requireSearchable(task: Task, path: Path): void {
  const { inode } = path.dentry;
  if (inode.kind !== "directory") fail("ENOTDIR");
  if (!permitted(task.credentials, inode, MAY_EXECUTE)) fail("EACCES");
}

export function changeDirectory(task: Task, path: string): void {
  const at = lookup(task, path);
  requireSearchable(task, at);
  task.cwd = at;
}

/** chroot(2). The working directory stays where it is, even outside. */
export function changeRoot(task: Task, path: string): void {
  const at = lookup(task, path);
  requireSearchable(task, at);
  const who = task.credentials;
  if (!capable(who, "CAP_SYS_CHROOT", who.user)) fail("EPERM");
  task.root = at;
}

export interface OpenOptions extends LookupOptions {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly create?: boolean;
  readonly exclusive?: boolean;
  readonly truncate?: boolean;
  readonly directory?: boolean;
  readonly mode?: number;
}

/** Who has just `made` a file may use it as it asked to, whatever mode it gave it. */
function requireOpenable(task: Task, path: Path, options: OpenOptions, made: boolean): void {
  const { inode } = path.dentry;
  if (inode.kind === "symlink") fail(options.directory ? "ENOTDIR" : "ELOOP");
  if (options.directory && inode.kind !== "directory") fail("ENOTDIR");
  const writes = options.write || options.truncate;
  if (inode.kind === "directory" && (writes || options.create)) fail("EISDIR");
  const device = inode.kind === "character" || inode.kind === "block";
  if (device && path.mount.attributes.has("nodev")) fail("EACCES");
  const wanted = (options.read ? MAY_READ : 0) | (writes ? MAY_WRITE : 0);
  if (writes && ["file", "directory", "symlink"].includes(inode.kind)) requireWritable(path.mount);
  if (!made && !permitted(task.credentials, inode, wanted)) fail("EACCES");
  const access = `${options.read ? "r" : ""}${options.write ? "w" : ""}`;
  if (!mayUse(task, inode, access)) fail("EPERM");
  // An overlay's whiteout, looked at from outside: no driver can have the number.
  if (device && inode.device?.major === 0 && access !== "") fail("ENXIO");
  if (inode.kind === "socket") fail("ENXIO"); // connect(2) is the way to it
}

/** The devices controller of who opens it. */
function mayUse(task: Task, { kind, device }: Inode, access: string): boolean {
  if (!device || (kind !== "character" && kind !== "block")) return true;
  return task.mayUseDevice?.(kind, device, access) ?? true;
}

/** open(2): the place of the file that was opened, made where `create` asks for it. */
export function open(task: Task, path: string, options: OpenOptions): Path {
  const made = options.create ? createIfAbsent(task, path, options) : false;
  const at = lookup(task, path, options);
  requireOpenable(task, at, options, made);
  at.dentry.inode.open({ write: options.write ?? false });
  if (options.truncate && at.dentry.inode.kind === "file") at.dentry.inode.truncate(0);
  return at;
}

/** O_CREAT: whether it made a file. */
function createIfAbsent(task: Task, path: string, options: OpenOptions): boolean {
  const at = lookupParent(task, path, options);
  if (at.kind !== "name") fail(options.exclusive ? "EEXIST" : "EISDIR");
  if (at.slashes) fail("EISDIR");
  const there = at.path.dentry.child(at.name);
  if (there && options.exclusive) fail("EEXIST");
  if (there?.inode.kind === "symlink" && (options.follow ?? true)) {
    return createAtLink(task, there, at.path, options);
  }
  if (there) return false;
  requireWritable(at.path.mount);
  requireWrite(task, at.path.dentry.inode);
  if (!at.path.dentry.hashed) fail("ENOENT");
  const parent = at.path.dentry.inode;
  if (!parent.creates) fail("EACCES");
  parent.create(at.name, "file", newInode(task, parent, "file", (options.mode ?? 0o666) & 0o7777));
  return true;
}

/** O_CREAT at a dangling link makes what the link names. */
function createAtLink(task: Task, dentry: Dentry, start: Path, options: OpenOptions): boolean {
  try {
    lookup(task, dentry.name, { ...options, start, follow: true });
    return false;
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    return createIfAbsent(task, dentry.inode.readLink(), { ...options, start });
  }
}

/** setattr_prepare of fs/attr.c: who may change what. */
function requireChangeable(who: Credentials, inode: Inode, change: AttributeChange): void {
  const mine = who.fsUid === inode.uid;
  const { uid, gid, mode, mtime } = change;
  if (uid !== undefined && !(mine && uid === inode.uid) && !capableOver(who, "CAP_CHOWN", inode)) {
    fail("EPERM");
  }
  const joins = gid === inode.gid || (gid !== undefined && isMember(who, gid));
  if (gid !== undefined && !(mine && joins) && !capableOver(who, "CAP_CHOWN", inode)) fail("EPERM");
  const owns = mine || capableOver(who, "CAP_FOWNER", inode);
  if ((mode !== undefined || mtime !== undefined) && !owns) fail("EPERM");
}

/** chmod, chown, utimensat on a place that was looked up. */
export function setAttributes(task: Task, path: Path, change: AttributeChange): void {
  requireWritable(path.mount);
  const { inode } = path.dentry;
  const who = task.credentials;
  if (inode.immutable) fail("EPERM");
  if (change.mode !== undefined && inode.kind === "symlink") fail("ENOTSUP");
  requireChangeable(who, inode, change);
  const keepsGroup = capableOver(who, "CAP_FSETID", inode);
  const group = change.gid ?? inode.gid;
  const changed = { ...change };
  if (changed.mode !== undefined && !isMember(who, group) && !keepsGroup) changed.mode &= ~SETGID;
  const chowns = change.uid !== undefined || change.gid !== undefined;
  const mode = withoutSetId(who, inode);
  if (chowns && change.mode === undefined && mode !== inode.mode) changed.mode = mode;
  inode.setAttributes(changed);
}

/** What chown(2), and a write by somebody else, leave of setuid and setgid of a file. */
function withoutSetId(who: Credentials, inode: Inode): number {
  if (inode.kind === "directory") return inode.mode;
  const keeps = isMember(who, inode.gid) || capableOver(who, "CAP_FSETID", inode);
  const drops = (inode.mode & 0o010) !== 0 || !keeps;
  return inode.mode & (drops ? ~0o6000 : ~0o4000);
}

/** truncate(2). `limitBytes` is RLIMIT_FSIZE. */
export function truncate(task: Task, path: Path, size: number, limitBytes: number): void {
  const { inode } = path.dentry;
  if (inode.kind === "directory") fail("EISDIR");
  if (inode.kind !== "file") fail("EINVAL");
  requireWritable(path.mount);
  if (!permitted(task.credentials, inode, MAY_WRITE)) fail("EACCES");
  if (size > inode.size && size > limitBytes) fail("EFBIG");
  inode.open({ write: true });
  inode.truncate(size);
}

/** chown(2): numbers as the caller's user namespace counts, -1 for no change. */
export function changeOwner(task: Task, path: Path, uid: number, gid: number): void {
  const { uids, gids } = task.credentials.user;
  const toUid = uid === -1 ? undefined : (uids.outside(uid) ?? fail("EINVAL"));
  const toGid = gid === -1 ? undefined : (gids.outside(gid) ?? fail("EINVAL"));
  requireWritable(path.mount);
  const { inode } = path.dentry;
  const stays = toUid === undefined && toGid === undefined;
  const mode = withoutSetId(task.credentials, inode);
  // Nothing changes: nobody is asked whether it may.
  if (stays && (mode === inode.mode || inode.kind === "symlink")) {
    inode.prepareChange();
    return;
  }
  setAttributes(task, path, {
    ...(toUid !== undefined && { uid: toUid }),
    ...(toGid !== undefined && { gid: toGid }),
    ...(stays && { mode }),
  });
}

/** A name that must lead to a directory (LOOKUP_DIRECTORY). */
export function directoryAt(task: Task, path: string): Path {
  const at = lookup(task, path);
  return at.dentry.inode.kind === "directory" ? at : fail("ENOTDIR");
}
