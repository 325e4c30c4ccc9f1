// What hosts ask of merged layers. Answers are rows in memory that the host decodes:
//
//    0 size of the row (u32, a multiple of 8)    4 kind (u8)   5 flags (u8)   6 mode (u16)
//    8 uid (u32)                                12 gid (u32)
//   16 mtime, seconds (f64)                     24 nanoseconds (u32)
//   28 names of the file (u32)                  32 size of the file (f64)
//   40 where its bytes start in the tar (f64)   48 layer of the record and the bytes (u32)
//   52 device's major, 56 minor (u32)           60 identity: equal for names of one file (u32)
//   64 size of the path (u32)                   68 size of the link target (u32)
//   72 address of the xattrs, or 0 (u32)        76 address of the sparse map, or 0 (u32)
//   80 layer that gives this path (u32)         84 0
//   88 path, link target, zeros
//
// Kinds, xattrs and sparse maps are as in layer-index.ts. Layers count from 0; 0xffffffff is none.
// A row of kind HARD_LINK has the path of the file's first name as its target.

import {
  DIRECTORY,
  HARD_LINK,
  R_BYTES,
  R_GID,
  R_LINK,
  R_LINK_SIZE,
  R_MAJOR,
  R_MINOR,
  R_MODE,
  R_NANOSECONDS,
  R_OFFSET,
  R_SECONDS,
  R_SPARSE,
  R_UID,
  R_XATTRS,
  REGULAR,
  SYMLINK,
  WHITEOUT,
} from "./layer-index";
import { FOLLOW_LAST, WITH_DEAD, walk } from "./layer-path";
import { L_FIRST, LAYERS, layerAt, layersHeap, NO_LAYER } from "./layer-stack";
import { copy, fill, getF64, getU16, getU32, setF64, setU8, setU16, setU32 } from "./memory";
import {
  EFFECTIVE,
  INHERITED,
  isLive,
  isLiveDirectory,
  kindOf,
  N_FIRST,
  N_NEXT,
  N_PARENT,
  N_PATH_SIZE,
  N_VERSION,
  nodeName,
  nodeNameSize,
  OPAQUE_HERE,
  objectOf,
  TREE_ROOT,
  V_FIRST_NODE,
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
} from "./tree";
import { nextInOrder, sortChildren } from "./tree-order";

const ROW_FIXED: u32 = 88;
/** No row is longer: its fields, a path, a target. */
const ROW_LIMIT: u32 = ROW_FIXED + 2 * 4096;

// Flags of a row.
const ROW_OPAQUE: u32 = 1;
/** A directory that no entry describes: something lies in it. */
const ROW_IMPLICIT: u32 = 2;
/** In a layer's own entries: the tar has no entry for the directory, a lower layer's counts. */
const ROW_INHERITED: u32 = 4;

const IMPLICIT_MODE: u32 = 0x1ed; // 0755

let cursor: u32 = 0;

/** Where the walk that gave the last batch goes on; 0 at its end. */
export function layersCursor(): u32 {
  return cursor;
}

/** To be called once all layers are merged, and before any question. */
export function layersFinish(t: u32): void {
  const root = getU32(t + TREE_ROOT);
  for (let node = root; node !== 0; node = nextInOrder(node, root)) {
    sortChildren(node);
    const object = objectOf(node);
    if (getU32(object + V_FIRST_NODE) === 0) setU32(object + V_FIRST_NODE, node);
    if (kindOf(object) !== DIRECTORY) continue;
    setU32(object + V_LINKS, 2);
    if (node === root) continue;
    const parent = objectOf(getU32(node + N_PARENT));
    setU32(parent + V_LINKS, getU32(parent + V_LINKS) + 1);
  }
}

/** Bytes of the file that the tar holds. */
export function storedBytes(t: u32, object: u32): f64 {
  const record = getU32(object + V_RECORD);
  const sparse = getU32(record + R_SPARSE);
  if (sparse === 0) return getF64(record + R_BYTES);
  return getF64(layersHeap(t, getU32(object + V_SOURCE)) + sparse + 8);
}

function writePath(node: u32, to: u32): u32 {
  const size = getU32(node + N_PATH_SIZE);
  let end = to + size;
  let at = node;
  while (end > to) {
    end -= nodeNameSize(at);
    copy(end, nodeName(at), nodeNameSize(at));
    if (end > to) setU8(--end, 47);
    at = getU32(at + N_PARENT);
  }
  return size;
}

/** Writes the row of `node` as `version` has it; `first` is another node with the same file. */
function writeRow(t: u32, to: u32, node: u32, version: u32, first: u32): u32 {
  fill(to, 0, ROW_FIXED);
  const object = getU32(version + V_OBJECT);
  const pathSize = writePath(node, to + ROW_FIXED);
  let linkSize: u32 = 0;
  let kind = WHITEOUT;
  let flags: u32 = 0;
  if (object !== 0) {
    kind = kindOf(object);
    flags = writeMetadata(t, to, object);
    if (first !== 0) {
      kind = HARD_LINK;
      linkSize = writePath(first, to + ROW_FIXED + pathSize);
    } else if (kind === SYMLINK) {
      const record = getU32(object + V_RECORD);
      linkSize = getU32(record + R_LINK_SIZE);
      const target = layersHeap(t, getU32(object + V_SOURCE)) + getU32(record + R_LINK);
      copy(to + ROW_FIXED + pathSize, target, linkSize);
    }
  }
  const bits = getU32(version + V_FLAGS);
  if ((bits & OPAQUE_HERE) !== 0) flags |= ROW_OPAQUE;
  if ((bits & INHERITED) !== 0) flags |= ROW_INHERITED;
  const size = ((ROW_FIXED + pathSize + linkSize + 7) >>> 3) << 3;
  setU32(to, size);
  setU8(to + 4, kind);
  setU8(to + 5, flags);
  setU32(to + 60, object);
  setU32(to + 64, pathSize);
  setU32(to + 68, linkSize);
  setU32(to + 80, getU32(version + V_LAYER));
  return size;
}

/** Writes what the object's record says; returns flags. */
function writeMetadata(t: u32, to: u32, object: u32): u32 {
  const record = getU32(object + V_RECORD);
  const source = getU32(object + V_SOURCE);
  setU32(to + 28, getU32(object + V_LINKS));
  setU32(to + 48, source);
  if (record === 0) {
    setU16(to + 6, IMPLICIT_MODE);
    return ROW_IMPLICIT;
  }
  setU16(to + 6, getU16(record + R_MODE));
  setU32(to + 8, getU32(record + R_UID));
  setU32(to + 12, getU32(record + R_GID));
  setF64(to + 16, getF64(record + R_SECONDS));
  setU32(to + 24, getU32(record + R_NANOSECONDS));
  setF64(to + 32, getF64(record + R_BYTES));
  setF64(to + 40, getF64(record + R_OFFSET));
  const kind = kindOf(object);
  if (kind > HARD_LINK) {
    setU32(to + 52, getU32(record + R_MAJOR));
    setU32(to + 56, getU32(record + R_MINOR));
  }
  const heap = layersHeap(t, source);
  const xattrs = getU32(record + R_XATTRS);
  const sparse = getU32(record + R_SPARSE);
  if (xattrs !== 0) setU32(to + 72, heap + xattrs);
  if (sparse !== 0) setU32(to + 76, heap + sparse);
  return 0;
}

/** The row of a live node as the merged tree has it. */
export function layersRow(t: u32, node: u32, to: u32): u32 {
  const version = getU32(node + N_VERSION);
  const first = getU32(objectOf(node) + V_FIRST_NODE);
  return writeRow(t, to, node, version, first === node ? 0 : first);
}

/**
 * The live node at the path of `size` bytes at `p`, or 0. `follow` 1 follows a symlink at its end;
 * those before are always followed, inside the root.
 */
export function layersFind(t: u32, p: u32, size: u32, follow: u32): u32 {
  return walk(t, p, size, follow === 0 ? 0 : FOLLOW_LAST);
}

/** Rows of the whole merged tree, directories before what they hold; from `from`, 0 at first. */
export function layersWalk(t: u32, from: u32, to: u32, capacity: u32): u32 {
  const root = getU32(t + TREE_ROOT);
  let node = from === 0 ? root : from;
  let size: u32 = 0;
  while (node !== 0 && size + ROW_LIMIT <= capacity) {
    size += layersRow(t, node, to + size);
    node = nextInOrder(node, root);
  }
  cursor = node;
  return size;
}

/** Rows of a directory's children; from `from`, 0 at first. */
export function layersList(t: u32, directory: u32, from: u32, to: u32, capacity: u32): u32 {
  let node = from === 0 ? (isLiveDirectory(directory) ? getU32(directory + N_FIRST) : 0) : from;
  let size: u32 = 0;
  while (node !== 0 && size + ROW_LIMIT <= capacity) {
    size += layersRow(t, node, to + size);
    node = getU32(node + N_NEXT);
  }
  cursor = node;
  return size;
}

/** Rows of what one layer says, in an order fit for unpacking it; from `from`, 0 at first. */
export function layersOwn(t: u32, layer: u32, from: u32, to: u32, capacity: u32): u32 {
  let v = from === 0 ? getU32(layerAt(t, layer) + L_FIRST) : from;
  let size: u32 = 0;
  while (v !== 0 && size + ROW_LIMIT <= capacity) {
    if ((getU32(v + V_FLAGS) & EFFECTIVE) !== 0) {
      const same = getU32(v + V_SAME_AS);
      const first = same === 0 ? 0 : getU32(same + V_NODE);
      size += writeRow(t, to + size, getU32(v + V_NODE), v, first);
    }
    v = getU32(v + V_NEXT);
  }
  cursor = v;
  return size;
}

/**
 * What each layer said of a path, newest first, as 16 bytes: layer (u32), kind (u8), whether it is
 * what the path shows (u8), 0 (u16), bytes in the tar (f64). Returns how many fit in `capacity`.
 */
export function layersHistory(t: u32, p: u32, size: u32, to: u32, capacity: u32): u32 {
  const node = walk(t, p, size, WITH_DEAD);
  if (node === 0) return 0;
  let count: u32 = 0;
  for (let v = getU32(node + N_VERSION); v !== 0; v = getU32(v + V_OLDER)) {
    if ((getU32(v + V_FLAGS) & INHERITED) !== 0 || (count + 1) * 16 > capacity) continue;
    if (getU32(v + V_LAYER) === NO_LAYER) continue;
    const object = getU32(v + V_OBJECT);
    const kind = object === 0 ? WHITEOUT : object === v ? kindOf(object) : HARD_LINK;
    const row = to + count * 16;
    setU32(row, getU32(v + V_LAYER));
    setU32(row + 4, kind);
    if (isLive(node) && v === getU32(node + N_VERSION)) setU8(row + 5, 1);
    setF64(row + 8, kind === REGULAR ? storedBytes(t, object) : 0.0);
    count++;
  }
  return count;
}

/** For each layer, 16 bytes: those of its files in its tar, and of these what is still seen. */
export function layersSizes(t: u32, to: u32): u32 {
  const count = getU32(t + LAYERS);
  for (let layer: u32 = 0; layer < count; layer++) {
    let all: f64 = 0.0;
    let seen: f64 = 0.0;
    for (let v = getU32(layerAt(t, layer) + L_FIRST); v !== 0; v = getU32(v + V_NEXT)) {
      if (getU32(v + V_OBJECT) !== v || kindOf(v) !== REGULAR) continue;
      const bytes = storedBytes(t, v);
      all += bytes;
      if (getU32(v + V_LINKS) > 0) seen += bytes;
    }
    setF64(to + layer * 16, all);
    setF64(to + layer * 16 + 8, seen);
  }
  return count;
}
