// Walks paths through the tree as the kernel would with that tree as its root: symlinks lead on,
// and nothing leads out. While a layer is merged, the walk also makes the directories that the
// layer's entries need.

import * as F from "./layer-fault";
import { DIRECTORY, R_LINK, R_LINK_SIZE, SYMLINK } from "./layer-index";
import { layersHeap } from "./layer-stack";
import { alloc, copy, getU8, getU32, setU8, setU32 } from "./memory";
import {
  addVersion,
  attach,
  fail,
  findChild,
  INHERITED,
  isLive,
  isLiveDirectory,
  kindOf,
  makeChild,
  N_PARENT,
  N_REMOVED,
  N_VERSION,
  OPAQUE_HERE,
  remove,
  TREE_LAYER,
  TREE_ROOT,
  V_FLAGS,
  V_LAYER,
  V_LINKS,
  V_OBJECT,
  V_OLDER,
  V_RECORD,
  V_SOURCE,
} from "./tree";

/** How many symlinks one path may lead through (MAXSYMLINKS). */
const SYMLINK_LIMIT: u32 = 40;
const EXPANDED_LIMIT: u32 = 16384;
const expanded: u32 = alloc(2 * EXPANDED_LIMIT);

// How to walk a path.
export const FOLLOW_LAST: u32 = 1;
export const MAKE_DIRECTORIES: u32 = 2;
/** Take what the layer being merged has removed as if it were there. */
export const WITH_REMOVED: u32 = 4;
/** Take what any layer has removed as if it were there. */
export const WITH_DEAD: u32 = 8;

let ledThroughSymlink = false;

/** Whether the last walk went through a symlink. */
export function ledThroughLink(): bool {
  return ledThroughSymlink;
}

/** The object that the newest version of a node, live or dead, names; 0 where there was none. */
export function lastObject(node: u32): u32 {
  let v = getU32(node + N_VERSION);
  while (v !== 0 && getU32(v + V_OBJECT) === 0) v = getU32(v + V_OLDER);
  return v === 0 ? 0 : getU32(v + V_OBJECT);
}

function isPresent(t: u32, node: u32, how: u32): bool {
  if (node === 0) return false;
  if (isLive(node) || (how & WITH_DEAD) !== 0) return true;
  return (how & WITH_REMOVED) !== 0 && getU32(node + N_REMOVED) === getU32(t + TREE_LAYER) + 1;
}

/**
 * The node at the path of `size` bytes at `p`, through symlinks inside the root; 0 where there is
 * none. With MAKE_DIRECTORIES all components become directories that this layer touches, and 0
 * comes with a fault.
 */
export function walk(t: u32, p: u32, size: u32, how: u32): u32 {
  const make = (how & MAKE_DIRECTORIES) !== 0;
  const root = getU32(t + TREE_ROOT);
  let node = root;
  let at = p;
  let end = p + size;
  let symlinks: u32 = 0;
  ledThroughSymlink = false;
  if (make) touch(t, root);
  while (at < end) {
    const from = at;
    while (at < end && getU8(at) !== 47) at++;
    const width = at - from;
    while (at < end && getU8(at) === 47) at++;
    if (width === 0 || (width === 1 && getU8(from) === 46)) continue;
    if (width === 2 && getU8(from) === 46 && getU8(from + 1) === 46) {
      node = getU32(node + N_PARENT);
      continue;
    }
    let child = findChild(t, node, from, width);
    const object = isPresent(t, child, how) ? lastObject(child) : 0;
    const kind = object === 0 ? 0 : kindOf(object);
    if (kind === SYMLINK && (at < end || (how & FOLLOW_LAST) !== 0)) {
      symlinks++;
      const length = expand(t, object, at, end);
      if (symlinks > SYMLINK_LIMIT || length === 0) return make ? fail(t, F.SYMLINK_LOOP) : 0;
      ledThroughSymlink = true;
      at = expanded + expandedHalf;
      end = at + length;
      if (getU8(at) === 47) node = root;
      continue;
    }
    if (make) child = makeDirectory(t, node, from, width);
    else if (kind === 0 || (kind !== DIRECTORY && at < end)) child = 0;
    if (child === 0) return 0;
    node = child;
  }
  return node;
}

let expandedHalf: u32 = 0;

/** Writes a symlink's target and the rest at…end of the path; its length, or 0 where too long. */
function expand(t: u32, object: u32, at: u32, end: u32): u32 {
  const record = getU32(object + V_RECORD);
  const target = layersHeap(t, getU32(object + V_SOURCE)) + getU32(record + R_LINK);
  const size = getU32(record + R_LINK_SIZE);
  if (size + 1 + end - at > EXPANDED_LIMIT) return 0;
  expandedHalf = EXPANDED_LIMIT - expandedHalf;
  const to = expanded + expandedHalf;
  copy(to, target, size);
  setU8(to + size, 47);
  copy(to + size + 1, at, end - at);
  return size + 1 + end - at;
}

/** Makes sure that the child is a directory, and that this layer has it. 0 with a fault. */
function makeDirectory(t: u32, parent: u32, name: u32, width: u32): u32 {
  const child = makeChild(t, parent, name, width);
  if (child === 0) return 0;
  if (isLiveDirectory(child)) touch(t, child);
  else {
    if (isLive(child)) {
      const layer = getU32(getU32(child + N_VERSION) + V_LAYER);
      if (layer === getU32(t + TREE_LAYER)) return fail(t, F.PARENT_NOT_DIRECTORY);
      remove(t, child);
    }
    place(t, child, 0);
  }
  return child;
}

/** Makes the dead node what the record, or no record, says. */
export function place(t: u32, node: u32, r: u32): void {
  // What a lower layer had here is gone, so that nothing of it may shine through a new directory.
  const removed = getU32(node + N_REMOVED) === getU32(t + TREE_LAYER) + 1;
  attach(node);
  const v = addVersion(t, node, r, 0);
  setU32(v + V_LINKS, 1);
  if (removed && kindOf(v) === DIRECTORY) setU32(v + V_FLAGS, OPAQUE_HERE);
}

/** Gives the live directory a version of this layer, which keeps what the lower one says. */
export function touch(t: u32, node: u32): void {
  const old = getU32(node + N_VERSION);
  if (getU32(old + V_LAYER) === getU32(t + TREE_LAYER)) return;
  const v = addVersion(t, node, getU32(old + V_RECORD), INHERITED);
  setU32(v + V_SOURCE, getU32(old + V_SOURCE));
  setU32(v + V_LINKS, 1);
}
