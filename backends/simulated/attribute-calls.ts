// System calls on what a name leads to: access, extended attributes.
// Source: Linux, fs/open.c, fs/xattr.c; xattr(7).

import {
  type Credentials,
  capable,
  capableOver,
  MAY_EXECUTE,
  MAY_READ,
  MAY_WRITE,
  permitted,
} from "./credentials.ts";
import { errnoOf, fail } from "./errno.ts";
import type { Inode } from "./inode.ts";
import { type Path, requireWritable } from "./mount.ts";
import { lookup } from "./path-lookup.ts";
import type { Task } from "./task.ts";

const NAME_MAX_BYTES = 255;

/** Who asks by access(2): the real user and group, with the capabilities that those would have. */
function asReal(who: Credentials): Credentials {
  const isRoot = who.realUid === who.user.uids.outside(0);
  const effective = isRoot ? who.permitted : 0n;
  return { ...who, fsUid: who.realUid, fsGid: who.realGid, effective };
}

/** access(2): what the real user may do. */
export function realAccess(task: Task, name: string, wanted: number): void {
  requireModes(wanted);
  const { root, cwd, umask, credentials } = task;
  access({ root, cwd, umask, credentials: asReal(credentials) }, name, wanted);
}

function requireModes(wanted: number): void {
  if ((wanted & ~(MAY_READ | MAY_WRITE | MAY_EXECUTE)) !== 0) fail("EINVAL");
}

/** faccessat2(2) with AT_EACCESS: what would be permitted if it were tried. */
export function access(task: Task, name: string, wanted: number): void {
  requireModes(wanted);
  const { mount, dentry } = lookup(task, name);
  const { inode } = dentry;
  const executes = (wanted & MAY_EXECUTE) !== 0 && inode.kind === "file";
  if (executes && mount.attributes.has("noexec")) fail("EACCES");
  const onDisk = ["file", "directory", "symlink"].includes(inode.kind);
  if ((wanted & MAY_WRITE) !== 0 && onDisk && mount.superblock.readOnly) fail("EROFS");
  if ((wanted & MAY_WRITE) !== 0 && inode.immutable) fail("EPERM");
  if (!permitted(task.credentials, inode, wanted)) fail("EACCES");
  if ((wanted & MAY_WRITE) !== 0 && onDisk && mount.readOnly) fail("EROFS");
}

function requireName(name: string): void {
  if (name === "" || new TextEncoder().encode(name).length > NAME_MAX_BYTES) fail("ERANGE");
}

/** xattr_permission: `trusted.` is the machine's root's, `user.` is for files and directories. */
function requireAttribute(task: Task, path: Path, name: string, writes: boolean): void {
  const { inode } = path.dentry;
  const who = task.credentials;
  const denied = writes ? "EPERM" : "ENODATA";
  if (/^(security|system)\./.test(name)) return;
  if (name.startsWith("trusted.")) {
    if (!capable(who, "CAP_SYS_ADMIN")) fail(denied);
    return;
  }
  if (name.startsWith("user.")) {
    if (inode.kind !== "file" && inode.kind !== "directory") fail(denied);
    const sticky = inode.kind === "directory" && (inode.mode & 0o1000) !== 0 && writes;
    const owns = who.fsUid === inode.uid || capableOver(who, "CAP_FOWNER", inode);
    if (sticky && !owns) fail("EPERM");
  }
  if (!permitted(who, inode, writes ? MAY_WRITE : MAY_READ)) fail("EACCES");
}

/** lgetxattr(2). */
export function getAttribute(task: Task, file: string, name: string): Uint8Array {
  requireName(name);
  const path = lookup(task, file, { follow: false });
  requireAttribute(task, path, name, false);
  return path.dentry.inode.attribute(name);
}

/** Whether the attribute is there; undefined where the file system has none of its kind. */
function holds(inode: Inode, name: string): boolean | undefined {
  try {
    inode.attribute(name);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    return errno === "ENODATA" ? false : undefined;
  }
}

/** lsetxattr(2), with XATTR_CREATE (`fresh`) or XATTR_REPLACE (`existing`). */
export function setAttribute(
  task: Task,
  file: string,
  name: string,
  value: Uint8Array,
  how?: "fresh" | "existing",
): void {
  requireName(name);
  const path = lookup(task, file, { follow: false });
  requireWritable(path.mount);
  requireAttribute(task, path, name, true);
  const { inode } = path.dentry;
  inode.prepareChange();
  const there = holds(inode, name);
  if (how === "fresh" && there) fail("EEXIST");
  if (how === "existing" && there === false) fail("ENODATA");
  inode.setAttribute(name, value);
}

/** lremovexattr(2). */
export function removeAttribute(task: Task, file: string, name: string): void {
  requireName(name);
  const path = lookup(task, file, { follow: false });
  requireWritable(path.mount);
  requireAttribute(task, path, name, true);
  path.dentry.inode.removeAttribute(name);
}

/** llistxattr(2): `trusted.` names are shown to the machine's root only. */
export function attributeNames(task: Task, file: string): readonly string[] {
  const path = lookup(task, file, { follow: false });
  const all = path.dentry.inode.attributeNames();
  if (capable(task.credentials, "CAP_SYS_ADMIN")) return all;
  return all.filter((name) => !name.startsWith("trusted."));
}
