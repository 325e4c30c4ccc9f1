// The tree that layers are merged into: its nodes, their names, and what each layer said of them.
//
// A *node* is a path. It is made once and stays: a path that a layer removes is dead, and another
// layer may bring it back. Each layer's word about a path is a *version*, newest first; a hard
// link's version points to the version that holds the file, its *object*. All lists run through
// the structures themselves, so nothing here recurses, whatever depth a hostile tar has.

import { NAMES_COLLIDE, TOO_DEEP, TOO_MANY_ENTRIES } from "./layer-fault";
import { DIRECTORY, R_KIND } from "./layer-index";
import { alloc, copy, getU8, getU32, setU32 } from "./memory";
import { PATH_LIMIT } from "./tar-name";

// A node.
const N_NAME: u32 = 0;
const N_NAME_SIZE: u32 = 4;
export const N_PARENT: u32 = 8;
const N_BUCKET: u32 = 12; // the next one with the same hash
const N_HASH: u32 = 16;
export const N_FIRST: u32 = 20; // live children, a list in both directions
export const N_PREVIOUS: u32 = 24;
export const N_NEXT: u32 = 28;
/** The newest version, of a dead node too; 0 where no layer named the path itself. */
export const N_VERSION: u32 = 32;
const N_LIVE: u32 = 36;
/** The layer, counted from 1, that last removed what was here. */
export const N_REMOVED: u32 = 40;
/** Size in bytes of the path from the root. */
export const N_PATH_SIZE: u32 = 44;
const NODE_SIZE: u32 = 48;

// A version.
/** Address of the record, or 0 for a directory that exists because something lies in it. */
export const V_RECORD: u32 = 0;
/** The layer, counted from 0, that says so. */
export const V_LAYER: u32 = 4;
export const V_OLDER: u32 = 8;
/** The version that holds the file: this one, or a hard link's; 0 for a whiteout. */
export const V_OBJECT: u32 = 12;
export const V_NODE: u32 = 16;
/** Live names of the object. */
export const V_LINKS: u32 = 20;
export const V_FLAGS: u32 = 24;
/** The layer whose record it is, where a directory keeps what a lower layer said. */
export const V_SOURCE: u32 = 28;
export const V_NEXT: u32 = 32; // in the order of the layer's tar
/** Of an object: the layer that last asked for its first name, from 1, and that version. */
export const V_STAMP: u32 = 36;
export const V_FIRST_NAME: u32 = 40;
/** Of an object: its first node in the merged tree's order. */
export const V_FIRST_NODE: u32 = 44;
/** Of an object in the image: byte offset of its inode, and of its block-aligned data. */
export const V_INODE: u32 = 48;
export const V_PAYLOAD: u32 = 52;
/** In its layer, the version with the first name of the same object; 0 for the first name. */
export const V_SAME_AS: u32 = 56;
const VERSION_SIZE: u32 = 64;

/** A directory that keeps a lower layer's metadata: this layer only has something inside it. */
export const INHERITED: u32 = 1;
/** A directory that shows nothing of what lower layers have at its path. */
export const OPAQUE_HERE: u32 = 2;
/** Still the layer's word when the layer ended. */
export const EFFECTIVE: u32 = 4;
export const WHITEOUT_HERE: u32 = 8;

// The tree.
export const TREE_ROOT: u32 = 0;
const TREE_BUCKETS: u32 = 4;
const TREE_MASK: u32 = 8;
const TREE_NODES: u32 = 12;
const TREE_ARENA: u32 = 16;
const TREE_ARENA_END: u32 = 20;
export const TREE_LAYER: u32 = 24; // the one being merged, from 0
export const TREE_FAULT: u32 = 28;
export const TREE_FIRST: u32 = 32; // versions of the layer being merged
export const TREE_LAST: u32 = 36;
/** The tree's own state is followed by that of layers.ts. */
export const TREE_SIZE: u32 = 40;

/** The most paths of an image. */
const NODE_LIMIT: u32 = 1 << 22;
/** Longer chains of equal hashes come from nobody but an attacker. */
const CHAIN_LIMIT: u32 = 256;
const ARENA_STEP: u32 = 1 << 16;
const BUCKETS: u32 = 4096;

export function treeInit(t: u32): void {
  setU32(t + TREE_BUCKETS, alloc(BUCKETS * 4));
  setU32(t + TREE_MASK, BUCKETS - 1);
  const root = take(t, NODE_SIZE);
  setU32(root + N_PARENT, root);
  setU32(root + N_LIVE, 1);
  setU32(t + TREE_ROOT, root);
}

function take(t: u32, size: u32): u32 {
  let p = getU32(t + TREE_ARENA);
  if (p + size > getU32(t + TREE_ARENA_END)) {
    p = alloc(ARENA_STEP);
    setU32(t + TREE_ARENA_END, p + ARENA_STEP);
  }
  setU32(t + TREE_ARENA, p + size);
  return p;
}

export function fail(t: u32, fault: u32): u32 {
  if (getU32(t + TREE_FAULT) === 0) setU32(t + TREE_FAULT, fault);
  return 0;
}

export function nodeName(node: u32): u32 {
  return getU32(node + N_NAME);
}
export function nodeNameSize(node: u32): u32 {
  return getU32(node + N_NAME_SIZE);
}
export function isLive(node: u32): bool {
  return getU32(node + N_LIVE) !== 0;
}

/** The object at a live node. */
export function objectOf(node: u32): u32 {
  return getU32(getU32(node + N_VERSION) + V_OBJECT);
}

/** The kind of an object; a directory without a record is one too. */
export function kindOf(object: u32): u32 {
  const record = getU32(object + V_RECORD);
  return record === 0 ? DIRECTORY : getU8(record + R_KIND);
}

export function isLiveDirectory(node: u32): bool {
  return isLive(node) && kindOf(objectOf(node)) === DIRECTORY;
}

/** Bob Jenkins' one-at-a-time hash of the name, begun with the parent's address. */
function hashOf(parent: u32, p: u32, size: u32): u32 {
  let h = parent;
  for (let i: u32 = 0; i < size; i++) {
    h = (h + getU8(p + i)) >>> 0;
    h = (h + (h << 10)) >>> 0;
    h = (h ^ (h >>> 6)) >>> 0;
  }
  h = (h + (h << 3)) >>> 0;
  h = (h ^ (h >>> 11)) >>> 0;
  return (h + (h << 15)) >>> 0;
}

function hasName(node: u32, p: u32, size: u32): bool {
  if (getU32(node + N_NAME_SIZE) !== size) return false;
  const name = getU32(node + N_NAME);
  for (let i: u32 = 0; i < size; i++) {
    if (getU8(name + i) !== getU8(p + i)) return false;
  }
  return true;
}

/** The child of that name, live or dead, or 0. */
export function findChild(t: u32, parent: u32, p: u32, size: u32): u32 {
  const hash = hashOf(parent, p, size);
  const bucket = getU32(t + TREE_BUCKETS) + ((hash & getU32(t + TREE_MASK)) >>> 0) * 4;
  for (let node = getU32(bucket); node !== 0; node = getU32(node + N_BUCKET)) {
    if (getU32(node + N_HASH) !== hash || getU32(node + N_PARENT) !== parent) continue;
    if (hasName(node, p, size)) return node;
  }
  return 0;
}

function growBuckets(t: u32): void {
  const old = getU32(t + TREE_BUCKETS);
  const oldCount = getU32(t + TREE_MASK) + 1;
  const mask = oldCount * 4 - 1;
  const buckets = alloc(oldCount * 16);
  for (let i: u32 = 0; i < oldCount; i++) {
    let node = getU32(old + i * 4);
    while (node !== 0) {
      const next = getU32(node + N_BUCKET);
      const bucket = buckets + ((getU32(node + N_HASH) & mask) >>> 0) * 4;
      setU32(node + N_BUCKET, getU32(bucket));
      setU32(bucket, node);
      node = next;
    }
  }
  setU32(t + TREE_BUCKETS, buckets);
  setU32(t + TREE_MASK, mask);
}

/** The child of that name, made dead where there is none. 0 with a fault past a limit. */
export function makeChild(t: u32, parent: u32, p: u32, size: u32): u32 {
  const hash = hashOf(parent, p, size);
  const bucket = getU32(t + TREE_BUCKETS) + ((hash & getU32(t + TREE_MASK)) >>> 0) * 4;
  let chain: u32 = 0;
  for (let node = getU32(bucket); node !== 0; node = getU32(node + N_BUCKET)) {
    chain++;
    if (getU32(node + N_HASH) !== hash || getU32(node + N_PARENT) !== parent) continue;
    if (hasName(node, p, size)) return node;
  }
  const pathSize = getU32(parent + N_PATH_SIZE) + size + (parent === getU32(t + TREE_ROOT) ? 0 : 1);
  const count = getU32(t + TREE_NODES);
  if (chain > CHAIN_LIMIT) return fail(t, NAMES_COLLIDE);
  if (pathSize > PATH_LIMIT) return fail(t, TOO_DEEP);
  if (count >= NODE_LIMIT) return fail(t, TOO_MANY_ENTRIES);
  const node = take(t, NODE_SIZE);
  // The name may lie in a buffer that is written again.
  const name = take(t, ((size + 3) >>> 2) << 2);
  copy(name, p, size);
  setU32(node + N_NAME, name);
  setU32(node + N_NAME_SIZE, size);
  setU32(node + N_PARENT, parent);
  setU32(node + N_HASH, hash);
  setU32(node + N_PATH_SIZE, pathSize);
  setU32(node + N_BUCKET, getU32(bucket));
  setU32(bucket, node);
  setU32(t + TREE_NODES, count + 1);
  if (count > getU32(t + TREE_MASK)) growBuckets(t);
  return node;
}

/** Adds a version of the layer being merged on top of the node's. */
export function addVersion(t: u32, node: u32, record: u32, flags: u32): u32 {
  const v = take(t, VERSION_SIZE);
  const layer = getU32(t + TREE_LAYER);
  setU32(v + V_RECORD, record);
  setU32(v + V_LAYER, layer);
  setU32(v + V_SOURCE, layer);
  setU32(v + V_OLDER, getU32(node + N_VERSION));
  setU32(v + V_OBJECT, v);
  setU32(v + V_NODE, node);
  setU32(v + V_FLAGS, flags);
  setU32(node + N_VERSION, v);
  const last = getU32(t + TREE_LAST);
  setU32(last === 0 ? t + TREE_FIRST : last + V_NEXT, v);
  setU32(t + TREE_LAST, v);
  return v;
}

/** Makes a dead node live: a child of its parent again. */
export function attach(node: u32): void {
  const parent = getU32(node + N_PARENT);
  const first = getU32(parent + N_FIRST);
  setU32(node + N_PREVIOUS, 0);
  setU32(node + N_NEXT, first);
  if (first !== 0) setU32(first + N_PREVIOUS, node);
  setU32(parent + N_FIRST, node);
  setU32(node + N_FIRST, 0);
  setU32(node + N_LIVE, 1);
}

function detach(node: u32): void {
  const previous = getU32(node + N_PREVIOUS);
  const next = getU32(node + N_NEXT);
  if (previous !== 0) setU32(previous + N_NEXT, next);
  else setU32(getU32(node + N_PARENT) + N_FIRST, next);
  if (next !== 0) setU32(next + N_PREVIOUS, previous);
}

function die(t: u32, node: u32): void {
  const object = objectOf(node);
  setU32(object + V_LINKS, getU32(object + V_LINKS) - 1);
  setU32(node + N_LIVE, 0);
  setU32(node + N_REMOVED, getU32(t + TREE_LAYER) + 1);
}

/** Removes the live node and everything below it. */
export function remove(t: u32, node: u32): void {
  detach(node);
  removeChildren(t, node);
  die(t, node);
}

/** Removes everything below the node. */
export function removeChildren(t: u32, top: u32): void {
  let node = getU32(top + N_FIRST);
  setU32(top + N_FIRST, 0);
  while (node !== 0) {
    const child = getU32(node + N_FIRST);
    if (child !== 0) {
      // Down first; the way back up finds the node without children.
      setU32(node + N_FIRST, 0);
      node = child;
      continue;
    }
    die(t, node);
    const next = getU32(node + N_NEXT);
    if (next !== 0) node = next;
    else {
      const parent = getU32(node + N_PARENT);
      node = parent === top ? 0 : parent;
    }
  }
}
