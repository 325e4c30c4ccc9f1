// Merges layers, bottom first, into one tree, by the rules of the OCI image spec (layer.md,
// "Applying Changesets"):
//
// 1. Whiteouts and opaque marks act on lower layers alone, wherever they stand in the tar; so they
//    come first, and the layer's files after them.
// 2. A directory over a directory keeps the children, and brings its own mode, owner, time, xattrs.
// 3. Anything else replaces what was there, with all below it. So does the later one of two entries
//    with one path in one tar.
// 4. Directories that a tar does not list keep what lower layers said; new ones are 0755, 0:0.
// 5. A hard link is a further name of the same file, in this layer or a lower one.
// 6. An entry below a symlink lands where the symlink leads, never outside the root.

import * as F from "./layer-fault";
import {
  DIRECTORY,
  HARD_LINK,
  INDEX_HEADER,
  INDEX_HEAP,
  INDEX_TAR,
  indexCheck,
  OPAQUE,
  R_KIND,
  R_LINK,
  R_LINK_SIZE,
  R_PATH,
  R_PATH_SIZE,
  RECORD_SIZE,
  SYMLINK,
  WHITEOUT,
} from "./layer-index";
import { alloc, copy, getF64, getU8, getU32, setF64, setU8, setU32 } from "./memory";
import { lastComponent } from "./tar-name";
import {
  addVersion,
  attach,
  EFFECTIVE,
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
  removeChildren,
  TREE_FAULT,
  TREE_FIRST,
  TREE_LAST,
  TREE_LAYER,
  TREE_ROOT,
  TREE_SIZE,
  treeInit,
  V_FIRST_NAME,
  V_FLAGS,
  V_LAYER,
  V_LINKS,
  V_NEXT,
  V_NODE,
  V_OBJECT,
  V_OLDER,
  V_RECORD,
  V_SAME_AS,
  V_SOURCE,
  V_STAMP,
  WHITEOUT_HERE,
} from "./tree";

/** Layers of this tree, from 0. */
export const LAYERS: u32 = TREE_SIZE;
const LAYER_TABLE: u32 = TREE_SIZE + 4;
/** The record at which merging failed. */
const CULPRIT: u32 = TREE_SIZE + 8;
// The directory of the last entry: most entries lie in the same one as the entry before.
const LAST_PATH: u32 = TREE_SIZE + 12;
const LAST_SIZE: u32 = TREE_SIZE + 16;
const LAST_NODE: u32 = TREE_SIZE + 20;
/** Address of the image's state: erofs.ts. */
export const IMAGE: u32 = TREE_SIZE + 24;
const ALL_SIZE: u32 = TREE_SIZE + 28;

// A layer.
export const L_INDEX: u32 = 0;
export const L_HEAP: u32 = 4;
export const L_FIRST: u32 = 8; // versions, in the order of the tar
export const L_UNIFIED: u32 = 12; // where its tar starts in the image's block space
export const L_TAR: u32 = 16;
const LAYER_SIZE: u32 = 24;

/** The most layers: what a superblock can count, less the spill device. */
const LAYER_LIMIT: u32 = 4096;

/** How many symlinks one path may lead through (MAXSYMLINKS). */
const SYMLINK_LIMIT: u32 = 40;
const EXPANDED_LIMIT: u32 = 16384;
const expanded: u32 = alloc(2 * EXPANDED_LIMIT);

/** As a layer: none. */
export const NO_LAYER: u32 = 0xffffffff;

// How to walk a path.
export const FOLLOW_LAST: u32 = 1;
const MAKE_DIRECTORIES: u32 = 2;
/** Take what the layer being merged has removed as if it were there. */
const WITH_REMOVED: u32 = 4;
/** Take what any layer has removed as if it were there. */
export const WITH_DEAD: u32 = 8;

let ledThroughSymlink = false;

/** A new tree, with nothing but a root. */
export function layersNew(): u32 {
  const t = alloc(ALL_SIZE);
  treeInit(t);
  setU32(t + LAYER_TABLE, alloc(LAYER_LIMIT * LAYER_SIZE));
  // Below all layers lies an empty root.
  setU32(t + TREE_LAYER, NO_LAYER);
  const root = addVersion(t, getU32(t + TREE_ROOT), 0, 0);
  setU32(root + V_LINKS, 1);
  return t;
}

export function layerAt(t: u32, layer: u32): u32 {
  return getU32(t + LAYER_TABLE) + layer * LAYER_SIZE;
}

/** Address of the record at which the last merge failed, or 0. */
export function layersCulprit(t: u32): u32 {
  return getU32(t + CULPRIT);
}

/** Where the heap of a layer's index lies. */
export function layersHeap(t: u32, layer: u32): u32 {
  return getU32(layerAt(t, layer) + L_HEAP);
}

/** Merges the layer whose index are the `size` bytes at `p`, which must stay. A fault, or 0. */
export function layersAdd(t: u32, p: u32, size: u32): u32 {
  setU32(t + CULPRIT, 0);
  const layer = getU32(t + LAYERS);
  if (layer >= LAYER_LIMIT) return F.TOO_MANY_LAYERS;
  const fault = indexCheck(p, size);
  if (fault !== F.FINE) return fault;
  const l = layerAt(t, layer);
  const end = p + size - getU32(p + INDEX_HEAP);
  setU32(l + L_INDEX, p);
  setU32(l + L_HEAP, end);
  setF64(l + L_TAR, getF64(p + INDEX_TAR));
  // Block addresses within a device are u32, and all ones mean a hole.
  if (getF64(l + L_TAR) > 512.0 * 4294967294.0) return F.LAYER_TOO_LARGE;
  setU32(t + TREE_LAYER, layer);
  setU32(t + TREE_FIRST, 0);
  setU32(t + TREE_LAST, 0);
  setU32(t + LAST_NODE, 0);
  mergeMarks(t, p + INDEX_HEADER, end);
  mergeFiles(t, p + INDEX_HEADER, end);
  setU32(l + L_FIRST, getU32(t + TREE_FIRST));
  setU32(t + LAYERS, layer + 1);
  markEffective(getU32(t + TREE_FIRST), layer + 1);
  return getU32(t + TREE_FAULT);
}

function heap(t: u32): u32 {
  return layersHeap(t, getU32(t + TREE_LAYER));
}

function mergeMarks(t: u32, from: u32, to: u32): void {
  for (let r = from; r < to && getU32(t + TREE_FAULT) === 0; r += RECORD_SIZE) {
    const kind = getU8(r + R_KIND);
    if (kind !== WHITEOUT && kind !== OPAQUE) continue;
    const path = heap(t) + getU32(r + R_PATH);
    if (kind === WHITEOUT) whiteout(t, path, getU32(r + R_PATH_SIZE));
    else opaque(t, path, getU32(r + R_PATH_SIZE));
    if (getU32(t + TREE_FAULT) !== 0) setU32(t + CULPRIT, r);
  }
}

function whiteout(t: u32, path: u32, size: u32): void {
  const name = lastComponent(path, size);
  const parentSize: u32 = name === path ? 0 : name - path - 1;
  const parent = walk(t, path, parentSize, FOLLOW_LAST);
  if (parent === 0) return;
  const node = findChild(t, parent, name, path + size - name);
  if (node === 0 || !isLive(node)) return;
  walk(t, path, parentSize, FOLLOW_LAST | MAKE_DIRECTORIES);
  remove(t, node);
  const mark = addVersion(t, node, 0, WHITEOUT_HERE);
  setU32(mark + V_OBJECT, 0);
}

function opaque(t: u32, path: u32, size: u32): void {
  const node = walk(t, path, size, FOLLOW_LAST);
  if (node === 0 || !isLiveDirectory(node)) return;
  walk(t, path, size, FOLLOW_LAST | MAKE_DIRECTORIES);
  removeChildren(t, node);
  const v = getU32(node + N_VERSION);
  setU32(v + V_FLAGS, getU32(v + V_FLAGS) | OPAQUE_HERE);
}

function mergeFiles(t: u32, from: u32, to: u32): void {
  for (let r = from; r < to && getU32(t + TREE_FAULT) === 0; r += RECORD_SIZE) {
    const kind = getU8(r + R_KIND);
    if (kind === WHITEOUT || kind === OPAQUE) continue;
    mergeFile(t, r, kind);
    if (getU32(t + TREE_FAULT) !== 0) setU32(t + CULPRIT, r);
  }
}

function mergeFile(t: u32, r: u32, kind: u32): void {
  const path = heap(t) + getU32(r + R_PATH);
  const size = getU32(r + R_PATH_SIZE);
  if (size === 0) {
    setDirectory(t, getU32(t + TREE_ROOT), r);
    return;
  }
  const name = lastComponent(path, size);
  const parent = directoryOf(t, path, name === path ? 0 : name - path - 1);
  if (parent === 0) return;
  const node = makeChild(t, parent, name, path + size - name);
  if (node === 0) return;
  if (kind === HARD_LINK) placeLink(t, node, r);
  else if (kind === DIRECTORY && isLiveDirectory(node)) setDirectory(t, node, r);
  else {
    if (isLive(node)) remove(t, node);
    place(t, node, r);
  }
}

/** The directory of an entry, made where the tar does not list it. */
function directoryOf(t: u32, path: u32, size: u32): u32 {
  const last = getU32(t + LAST_NODE);
  if (last !== 0 && getU32(t + LAST_SIZE) === size && isLiveDirectory(last)) {
    const lastPath = getU32(t + LAST_PATH);
    let same: u32 = 0;
    while (same < size && getU8(lastPath + same) === getU8(path + same)) same++;
    if (same === size) return last;
  }
  const node = walk(t, path, size, FOLLOW_LAST | MAKE_DIRECTORIES);
  // A path through a symlink may lead elsewhere the next time.
  const direct = node !== 0 && !ledThroughSymlink;
  setU32(t + LAST_NODE, direct ? node : 0);
  setU32(t + LAST_PATH, path);
  setU32(t + LAST_SIZE, size);
  return node;
}

/** Makes the dead node what the record, or no record, says. */
function place(t: u32, node: u32, r: u32): void {
  // What a lower layer had here is gone, so that nothing of it may shine through a new directory.
  const removed = getU32(node + N_REMOVED) === getU32(t + TREE_LAYER) + 1;
  attach(node);
  const v = addVersion(t, node, r, 0);
  setU32(v + V_LINKS, 1);
  if (removed && kindOf(v) === DIRECTORY) setU32(v + V_FLAGS, OPAQUE_HERE);
}

/** Gives the live directory the record's metadata. */
function setDirectory(t: u32, node: u32, r: u32): void {
  touch(t, node);
  const v = getU32(node + N_VERSION);
  setU32(v + V_RECORD, r);
  setU32(v + V_SOURCE, getU32(t + TREE_LAYER));
  setU32(v + V_FLAGS, getU32(v + V_FLAGS) & ~INHERITED);
}

/** Gives the live directory a version of this layer, which keeps what the lower one says. */
function touch(t: u32, node: u32): void {
  const old = getU32(node + N_VERSION);
  if (getU32(old + V_LAYER) === getU32(t + TREE_LAYER)) return;
  const v = addVersion(t, node, getU32(old + V_RECORD), INHERITED);
  setU32(v + V_SOURCE, getU32(old + V_SOURCE));
  setU32(v + V_LINKS, 1);
}

function placeLink(t: u32, node: u32, r: u32): void {
  const target = findTarget(t, heap(t) + getU32(r + R_LINK), getU32(r + R_LINK_SIZE));
  if (target === 0) {
    fail(t, F.LINK_MISSING);
    return;
  }
  if (target === node && isLive(node)) return;
  const object = lastObject(target);
  if (object === 0 || kindOf(object) === DIRECTORY) {
    fail(t, object === 0 ? F.LINK_MISSING : F.LINK_TO_DIRECTORY);
    return;
  }
  // The new name may replace a directory, but not the one that its target lies in.
  const wasLive = isLive(target);
  if (isLive(node)) remove(t, node);
  if (wasLive && !isLive(target)) {
    fail(t, F.LINK_MISSING);
    return;
  }
  attach(node);
  const v = addVersion(t, node, r, 0);
  setU32(v + V_OBJECT, object);
  setU32(object + V_LINKS, getU32(object + V_LINKS) + 1);
}

/** The node of a hard link's target; a lower layer's file counts though this layer removes it. */
function findTarget(t: u32, path: u32, size: u32): u32 {
  const live = walk(t, path, size, 0);
  return live !== 0 ? live : walk(t, path, size, WITH_REMOVED);
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

/** Notes which versions are the layer's last word, and the first name of each of its files. */
function markEffective(first: u32, stamp: u32): void {
  for (let v = first; v !== 0; v = getU32(v + V_NEXT)) {
    const node = getU32(v + V_NODE);
    const object = getU32(v + V_OBJECT);
    if (getU32(node + N_VERSION) !== v || (object !== 0 && !isLive(node))) continue;
    setU32(v + V_FLAGS, getU32(v + V_FLAGS) | EFFECTIVE);
    if (object === 0) continue;
    if (getU32(object + V_STAMP) === stamp) setU32(v + V_SAME_AS, getU32(object + V_FIRST_NAME));
    else {
      setU32(object + V_STAMP, stamp);
      setU32(object + V_FIRST_NAME, v);
    }
  }
}
