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
  WHITEOUT,
} from "./layer-index";
import {
  FOLLOW_LAST,
  lastObject,
  ledThroughLink,
  MAKE_DIRECTORIES,
  place,
  touch,
  WITH_REMOVED,
  walk,
} from "./layer-path";
import {
  CULPRIT,
  L_FIRST,
  L_HEAP,
  L_INDEX,
  L_TAR,
  LAST_NODE,
  LAST_PATH,
  LAST_SIZE,
  LAYER_LIMIT,
  LAYERS,
  layerAt,
  layersHeap,
  NO_LAYER,
  stackNew,
} from "./layer-stack";
import { getF64, getU8, getU32, setF64, setU32 } from "./memory";
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
  N_VERSION,
  OPAQUE_HERE,
  remove,
  removeChildren,
  TREE_FAULT,
  TREE_FIRST,
  TREE_LAST,
  TREE_LAYER,
  TREE_ROOT,
  treeInit,
  V_FIRST_NAME,
  V_FLAGS,
  V_LINKS,
  V_NEXT,
  V_NODE,
  V_OBJECT,
  V_RECORD,
  V_SAME_AS,
  V_SOURCE,
  V_STAMP,
  WHITEOUT_HERE,
} from "./tree";

/** A new tree, with nothing but a root. */
export function layersNew(): u32 {
  const t = stackNew();
  treeInit(t);
  // Below all layers lies an empty root.
  setU32(t + TREE_LAYER, NO_LAYER);
  const root = addVersion(t, getU32(t + TREE_ROOT), 0, 0);
  setU32(root + V_LINKS, 1);
  return t;
}

/** Address of the record at which the last merge failed, or 0. */
export function layersCulprit(t: u32): u32 {
  return getU32(t + CULPRIT);
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
  const direct = node !== 0 && !ledThroughLink();
  setU32(t + LAST_NODE, direct ? node : 0);
  setU32(t + LAST_PATH, path);
  setU32(t + LAST_SIZE, size);
  return node;
}

/** Gives the live directory the record's metadata. */
function setDirectory(t: u32, node: u32, r: u32): void {
  touch(t, node);
  const v = getU32(node + N_VERSION);
  setU32(v + V_RECORD, r);
  setU32(v + V_SOURCE, getU32(t + TREE_LAYER));
  setU32(v + V_FLAGS, getU32(v + V_FLAGS) & ~INHERITED);
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

/**
 * Whether a whiteout at the node does anything: not in an opaque directory, where overlayfs would
 * even list it.
 */
function canHide(node: u32): bool {
  const parent = getU32(node + N_PARENT);
  if (!isLiveDirectory(parent)) return false;
  return (getU32(getU32(parent + N_VERSION) + V_FLAGS) & OPAQUE_HERE) === 0;
}

/** Notes which versions are the layer's last word, and the first name of each of its files. */
function markEffective(first: u32, stamp: u32): void {
  for (let v = first; v !== 0; v = getU32(v + V_NEXT)) {
    const node = getU32(v + V_NODE);
    const object = getU32(v + V_OBJECT);
    if (getU32(node + N_VERSION) !== v) continue;
    if (object === 0 ? !canHide(node) : !isLive(node)) continue;
    setU32(v + V_FLAGS, getU32(v + V_FLAGS) | EFFECTIVE);
    if (object === 0) continue;
    if (getU32(object + V_STAMP) === stamp) setU32(v + V_SAME_AS, getU32(object + V_FIRST_NAME));
    else {
      setU32(object + V_STAMP, stamp);
      setU32(object + V_FIRST_NAME, v);
    }
  }
}
