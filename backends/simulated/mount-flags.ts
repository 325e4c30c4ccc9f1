// mount(2) as it has always been: one call whose flags say which of six things it does. umount2(2)
// and the newer calls, one a thing, are in mount-calls.ts.
// Source: Linux, fs/namespace.c: path_mount and what it calls.

import type { MountAttribute } from "@nacre/core/program/mount-description.ts";
import { capable } from "./credentials.ts";
import type { FileDescription } from "./descriptor-table.ts";
import { fail } from "./errno.ts";
import type { Machine } from "./machine.ts";
import { followMounts, type Mount, type Path } from "./mount.ts";
import { newMount, openTree, requireAdministrator, requireUnlocked } from "./mount-calls.ts";
import type { Namespace } from "./namespaces.ts";
import { NamespaceInode } from "./nsfs.ts";
import { lookup } from "./path-lookup.ts";
import type { Process } from "./process.ts";
import { attachTree, changePropagation, detachFrom, type Propagation } from "./propagation.ts";

export interface MountArguments {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly data: string;
  readonly attributes: readonly MountAttribute[];
  readonly bind: boolean;
  readonly recursive: boolean;
  readonly move: boolean;
  readonly remount: boolean;
  /** More than one is refused. */
  readonly propagation: readonly Propagation[];
}

/** Where `path` is at the top of the mounts there, as something is about to be laid on it. */
function top(process: Process, path: Path): Path {
  const place = followMounts(path);
  if (!place.dentry.hashed || !place.mount.tree) fail("ENOENT");
  if (place.mount.tree !== process.namespaces.mnt.tree) fail("EINVAL");
  return place;
}

const isDirectory = (path: Path): boolean => path.dentry.inode.kind === "directory";
const isOurs = (process: Process, mount: Mount): boolean =>
  mount.tree !== undefined && mount.tree === process.namespaces.mnt.tree;

/** A mount namespace cannot be held by a mount in itself, or in one that is older. */
function holdsItself(process: Process, path: Path): boolean {
  const { inode } = path.dentry;
  if (!(inode instanceof NamespaceInode) || inode.namespace.kind !== "mnt") return false;
  const own: Namespace = process.namespaces.mnt;
  return own.inode >= inode.namespace.inode;
}

function bind(machine: Machine, process: Process, call: MountArguments, target: Path): void {
  if (call.source === "") fail("EINVAL");
  const source = lookup(process, call.source);
  if (holdsItself(process, source)) fail("EINVAL");
  const place = top(process, target);
  const tree = openTree(machine, process, source, { recursive: call.recursive });
  if (isDirectory(tree.path) !== isDirectory(place)) fail("ENOTDIR");
  attachTree(tree, place.mount, place.dentry, machine);
}

function move(machine: Machine, process: Process, call: MountArguments, target: Path): void {
  if (call.source === "") fail("EINVAL");
  const source = lookup(process, call.source);
  const { mount } = source;
  if (source.dentry !== mount.root || isDirectory(source) !== isDirectory(target)) fail("EINVAL");
  const place = top(process, target);
  if (!isOurs(process, mount)) fail("EINVAL");
  if (!mount.parent || mount.fixed || mount.parent.group) fail("EINVAL");
  const bound = [...mount.subtree()].some((one) => one.unbindable);
  if (place.mount.group && bound) fail("EINVAL");
  for (let at: Mount | undefined = place.mount; at; at = at.parent) if (at === mount) fail("ELOOP");
  detachFrom(mount);
  attachTree(mount, place.mount, place.dentry, machine);
}

function changeType(machine: Machine, process: Process, call: MountArguments, path: Path): void {
  const { mount, dentry } = path;
  if (dentry !== mount.root || call.propagation.length > 1) fail("EINVAL");
  const [to] = call.propagation;
  if (!to || !isOurs(process, mount)) fail("EINVAL");
  for (const each of call.recursive ? mount.subtree() : [mount]) {
    changePropagation(each, to, machine);
  }
}

/** What MNT_ATIME_MASK covers. */
const ACCESS_TIMES: readonly MountAttribute[] = ["noatime", "nodiratime", "strictatime"];

/** The mount's attributes are those of this call, and no others. */
function setAttributes(mount: Mount, attributes: readonly MountAttribute[]): void {
  mount.attributes.clear();
  for (const attribute of attributes) mount.attributes.add(attribute);
}

/** A remount that says nothing of access times keeps what the mount has. */
function remountAttributes(mount: Mount, call: MountArguments): readonly MountAttribute[] {
  const { attributes } = call;
  if (ACCESS_TIMES.some((one) => attributes.includes(one))) return attributes;
  return [...attributes, ...ACCESS_TIMES.filter((one) => mount.attributes.has(one))];
}

/** What is open for writing keeps a file system, or one mount of it, from becoming read-only. */
function hasWriters(machine: Machine, isMeant: (mount: Mount) => boolean): boolean {
  const writes = ({ path, mode }: FileDescription): boolean =>
    mode.write && path.dentry.inode.kind === "file" && isMeant(path.mount);
  return machine.processes.all().some((process) => [...process.files.all()].some(writes));
}

function remount(machine: Machine, process: Process, call: MountArguments, path: Path): void {
  const { mount, dentry } = path;
  if (!isOurs(process, mount) || dentry !== mount.root) fail("EINVAL");
  const attributes = remountAttributes(mount, call);
  requireUnlocked(mount, attributes, "clears");
  const closes = call.attributes.includes("ro");
  if (call.bind) {
    const freezes = closes && !mount.attributes.has("ro");
    if (freezes && hasWriters(machine, (one) => one === mount)) fail("EBUSY");
    setAttributes(mount, attributes);
    return;
  }
  const { superblock } = mount;
  if (!capable(process.credentials, "CAP_SYS_ADMIN", superblock.userNamespace)) fail("EPERM");
  superblock.reconfigure(options(call));
  const freezes = closes && !superblock.readOnly;
  if (freezes && hasWriters(machine, (one) => one.superblock === superblock)) fail("EBUSY");
  superblock.readOnly = closes;
  setAttributes(mount, attributes);
}

const options = (call: MountArguments): string[] =>
  call.data.split(",").filter((option) => option !== "");

function mountNew(machine: Machine, process: Process, call: MountArguments, target: Path): void {
  if (call.type === "") fail("EINVAL");
  const { type, source, attributes } = call;
  const readOnly = attributes.includes("ro") ? ["ro"] : [];
  const mount = newMount(machine, process, {
    type,
    source: source === "" ? "none" : source,
    options: [...options(call), ...readOnly],
    attributes,
  });
  const place = top(process, target);
  // The same file system twice at one place is refused.
  const same = place.mount.superblock === mount.superblock && place.dentry === mount.root;
  if (same && place.dentry === place.mount.root) fail("EBUSY");
  if (isDirectory(mount.path) !== isDirectory(place)) fail("ENOTDIR");
  attachTree(mount, place.mount, place.dentry, machine);
}

const PATH_MAX_BYTES = 4096;

/**
 * mount(2). Of several flags one decides, in the kernel's order: remount, bind, propagation, move,
 * and else a new mount.
 */
export function mountByFlags(machine: Machine, process: Process, call: MountArguments): void {
  const encoded = new TextEncoder();
  for (const text of [call.type, call.source]) {
    if (encoded.encode(text).length >= PATH_MAX_BYTES) fail("EINVAL");
  }
  const target = lookup(process, call.target);
  requireAdministrator(process);
  if (call.remount) remount(machine, process, call, target);
  else if (call.bind) bind(machine, process, call, target);
  else if (call.propagation.length > 0) changeType(machine, process, call, target);
  else if (call.move) move(machine, process, call, target);
  else mountNew(machine, process, call, target);
}
