// Mounting an overlay: its options, and the layers that do not go together.
// Source: Linux, fs/overlayfs/params.c and super.c (6.18).

import { errnoOf, fail } from "./errno.ts";
import type { MountRequest } from "./filesystem-types.ts";
import type { Inode, NewInode } from "./inode.ts";
import { originalOf } from "./mapped-view.ts";
import type { Path } from "./mount.ts";
import { Overlay } from "./overlay.ts";
import { lookup } from "./path-lookup.ts";

/** FILESYSTEM_MAX_STACK_DEPTH. */
const MAX_STACK_DEPTH = 2;

const FLAGS =
  /^(index|redirect_dir|metacopy|nfs_export|xino|uuid|verity|fsync)=\w+$|^(userxattr|volatile)$/;

interface Layers {
  lowers: Path[];
  upper: Path | undefined;
  work: Path | undefined;
}

/** A layer's directory, as fsconfig(2) takes it: EINVAL for what cannot be one. */
function directory(request: MountRequest, path: string, writable: boolean): Path {
  const at = lookup(request.process, path);
  if (at.dentry.inode.kind !== "directory") fail("EINVAL", `${path} is not a directory`);
  if (writable && at.mount.superblock.type === "overlay")
    fail("EINVAL", "not supported as upperdir");
  if (writable && at.mount.readOnly) fail("EINVAL", "filesystem is read-only");
  return at;
}

/** A backslash before any character goes, in these two options. */
const unescaped = (path: string): string => path.replace(/\\(.)/g, "$1");

function layersOf(request: MountRequest): Layers {
  const layers: Layers = { lowers: [], upper: undefined, work: undefined };
  for (const option of request.options) {
    const equals = option.indexOf("=");
    const [key, value] = [option.slice(0, equals), option.slice(equals + 1)];
    if (key === "lowerdir+") layers.lowers.push(directory(request, value, false));
    else if (key === "lowerdir") {
      layers.lowers = value.split(":").map((path) => directory(request, path, false));
    } else if (key === "upperdir") layers.upper = directory(request, unescaped(value), true);
    else if (key === "workdir") layers.work = directory(request, unescaped(value), true);
    else if (!FLAGS.test(option)) fail("EINVAL", `fsconfig ${key || option}`);
  }
  return layers;
}

type Owner = Pick<NewInode, "uid" | "gid">;

/**
 * Makes `work` in the work directory, empty, and in it the mark of one that nobody flushes. False
 * where that fails: then nothing can be written. EINVAL where such a mark was left.
 */
function prepareWork(work: Inode, owner: Owner, isVolatile: boolean): boolean {
  const left = work.lookup("work");
  const marks = left?.lookup("incompat");
  const [mark] = marks?.names() ?? [];
  if (mark !== undefined) fail("EINVAL", `incompat feature ${mark}`);
  try {
    if (marks) left?.removeDirectory("incompat");
    if (left) {
      for (const name of left.names()) left.unlink(name);
      work.removeDirectory("work");
    }
    const own = { mode: 0, ...owner };
    const made = work.makeDirectory("work", own);
    if (!isVolatile) return true;
    made.makeDirectory("incompat", own).makeDirectory("volatile", own).create("dirty", "file", own);
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

/** ELOOP where a layer is another's root, or a lower lies inside another layer. */
function trapsOf({ lowers, upper, work }: Layers): Set<Inode> {
  const traps = new Set<Inode>();
  const add = (seen: Inode): void => {
    const inode = originalOf(seen);
    if (traps.has(inode)) fail("ELOOP", "conflicting layers");
    traps.add(inode);
  };
  if (upper) add(upper.dentry.inode);
  if (upper && work) {
    add(work.dentry.inode);
    const made = work.dentry.inode.lookup("work");
    if (made) add(made);
  }
  for (const lower of lowers) add(lower.dentry.inode);
  for (const lower of lowers) {
    for (let at = lower.dentry.parent; at; at = at.parent) {
      if (traps.has(originalOf(at.inode))) fail("ELOOP", "overlapping lowerdir path");
    }
  }
  return traps;
}

/**
 * EINVAL for layers that make no union, ELOOP for those that lie in one another. Read-only without
 * an upper directory, and where nothing can be made in the work directory.
 */
export function makeOverlay(request: MountRequest): Overlay {
  const layers = layersOf(request);
  const { lowers, upper, work } = layers;
  const all = [...lowers, ...(upper ? [upper] : [])];
  // One directory alone makes no union.
  if (lowers.length === 0 || all.length === 1 || (upper && !work)) fail("EINVAL", "create");
  if (all.some((path) => path.mount.unbindable)) fail("EINVAL", "create");
  if (all.some((path) => path.mount.superblock.stackDepth >= MAX_STACK_DEPTH)) {
    fail("EINVAL", "maximum fs stacking depth exceeded");
  }
  const { fsUid: uid, fsGid: gid } = request.process.credentials;
  const owner = { uid, gid };
  let readOnly = request.readOnly;
  if (upper && work) {
    const nested = upper.dentry.isBelow(work.dentry) || work.dentry.isBelow(upper.dentry);
    if (upper.mount !== work.mount || nested) fail("EINVAL", "create");
    const isVolatile = request.options.includes("volatile");
    if (!prepareWork(work.dentry.inode, owner, isVolatile)) readOnly = true;
  }
  const { machine, source, options } = request;
  const made = { upper, lowers, traps: trapsOf(layers), owner };
  return new Overlay(machine.newMinor(), source, readOnly, made, options);
}
