// Inodes of the image: 32 bytes ("compact") where the numbers are small and the time is the
// image's own, else 64; then the extended attributes; then the chunk indexes of a file, or the
// last bytes of a directory or symlink target ("inline"), so that one read brings all of it.

import { chunkBits, chunkCount } from "./erofs-chunk";
import {
  BLOCK,
  CHARACTER,
  DIRECTORY,
  DIRTY_PADDING,
  FIFO,
  R_BYTES,
  R_FLAGS,
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
} from "./layer-index";
import { L_UNIFIED, layerAt, layersHeap } from "./layer-stack";
import { copy, getF64, getU8, getU16, getU32, setU8, setU16, setU32 } from "./memory";
import { kindOf, V_LINKS, V_PAYLOAD, V_RECORD, V_SOURCE } from "./tree";

const BLOCK_BYTES: u32 = 512;
/** Longer tails have no place where they surely fit in one block behind their inode. */
const TAIL_LIMIT: u32 = 480;
const NO_BLOCK: u32 = 0xffffffff;

export const FLAT_PLAIN: u32 = 0;
export const FLAT_INLINE: u32 = 2;
export const CHUNK_BASED: u32 = 4;

/** Writes the whole number `x` as a signed 64-bit integer. */
function setI64(p: u32, x: f64): void {
  const high = Math.floor(x / 4294967296.0);
  setU32(p, u32(x - high * 4294967296.0));
  setU32(p + 4, u32(high < 0.0 ? high + 4294967296.0 : high));
}

function seconds(object: u32): f64 {
  const record = getU32(object + V_RECORD);
  return record === 0 ? 0.0 : getF64(record + R_SECONDS);
}
function nanoseconds(object: u32): u32 {
  const record = getU32(object + V_RECORD);
  return record === 0 ? 0 : getU32(record + R_NANOSECONDS);
}

// The time of compact inodes.
let epochSeconds: f64 = 0.0;
let epochNanoseconds: u32 = 0;
let votes: u32 = 0;

/** Starts the vote for the image's time. */
export function epochStart(): void {
  epochSeconds = 0.0;
  epochNanoseconds = 0;
  votes = 0;
}

/** Counts an object's time: what more than half of them have wins (Boyer and Moore's vote). */
export function epochVote(object: u32): void {
  const same = seconds(object) === epochSeconds && nanoseconds(object) === epochNanoseconds;
  if (votes > 0) {
    votes = same ? votes + 1 : votes - 1;
    return;
  }
  epochSeconds = seconds(object);
  epochNanoseconds = nanoseconds(object);
  votes = 1;
}

/** Writes the image's time as a superblock has it. */
export function epochWrite(p: u32): void {
  setI64(p, epochSeconds);
  setU32(p + 8, epochNanoseconds);
}

/** The layout of the object's data, whose size in bytes is `size`. */
export function layoutOf(t: u32, object: u32, size: f64): u32 {
  const kind = kindOf(object);
  if (kind === DIRECTORY || kind === SYMLINK) {
    const tail = u32(size) % BLOCK_BYTES;
    return tail > 0 && tail <= TAIL_LIMIT ? FLAT_INLINE : FLAT_PLAIN;
  }
  if (kind !== REGULAR || size === 0.0) return FLAT_PLAIN;
  const record = getU32(object + V_RECORD);
  const odd = getU32(record + R_SPARSE) !== 0 || (getU8(record + R_FLAGS) & DIRTY_PADDING) !== 0;
  const unified = getU32(layerAt(t, getU32(object + V_SOURCE)) + L_UNIFIED);
  return odd || unified === 0 ? CHUNK_BASED : FLAT_PLAIN;
}

/** Size in bytes of the object's data, where it is no directory. */
export function dataSize(object: u32): f64 {
  const record = getU32(object + V_RECORD);
  const kind = kindOf(object);
  if (kind === REGULAR) return getF64(record + R_BYTES);
  return kind === SYMLINK ? f64(getU32(record + R_LINK_SIZE)) : 0.0;
}

function isCompact(object: u32, size: f64): bool {
  if (seconds(object) !== epochSeconds || nanoseconds(object) !== epochNanoseconds) return false;
  if (getU32(object + V_LINKS) > 65535 || size > 4294967295.0) return false;
  const record = getU32(object + V_RECORD);
  return record === 0 || (getU32(record + R_UID) < 65536 && getU32(record + R_GID) < 65536);
}

/** Size in bytes of the inode and its xattrs. */
export function headSize(t: u32, object: u32, size: f64): u32 {
  return (isCompact(object, size) ? 32 : 64) + xattrSize(t, object);
}

/** Size of what follows the head: an inline tail, or chunk indexes with their alignment. */
export function tailSize(t: u32, object: u32, size: f64, head: u32): u32 {
  const layout = layoutOf(t, object, size);
  if (layout === FLAT_INLINE) return u32(size) % BLOCK_BYTES;
  return layout === CHUNK_BASED ? ((8 - (head & 7)) & 7) + 8 * chunkCount(t, object) : 0;
}

/** How many whole blocks of the image hold the data of a directory or symlink. */
export function payloadBlocks(t: u32, object: u32, size: f64): u32 {
  const kind = kindOf(object);
  if (kind !== DIRECTORY && kind !== SYMLINK) return 0;
  const bytes = u32(size);
  const full = u32(bytes / BLOCK_BYTES);
  const padded = bytes % BLOCK_BYTES > 0 && layoutOf(t, object, size) === FLAT_PLAIN;
  return padded ? full + 1 : full;
}

function xattrsOf(t: u32, object: u32): u32 {
  const record = getU32(object + V_RECORD);
  const xattrs = record === 0 ? 0 : getU32(record + R_XATTRS);
  return xattrs === 0 ? 0 : layersHeap(t, getU32(object + V_SOURCE)) + xattrs;
}

/** The format's number for the prefix of an xattr's name; which ones come: tar-pax.ts. */
function prefixIndex(name: u32, size: u32): u32 {
  const first = getU8(name);
  if (first === 117) return 1; // user.
  if (first === 116) return 4; // trusted.
  if (getU8(name + 1) === 101) return 6; // security.
  return size === 23 ? 2 : 3; // system.posix_acl_access, system.posix_acl_default
}

function prefixSize(index: u32, size: u32): u32 {
  if (index === 1) return 5;
  if (index === 4) return 8;
  return index === 6 ? 9 : size;
}

function xattrSize(t: u32, object: u32): u32 {
  const list = xattrsOf(t, object);
  return list === 0 ? 0 : writeXattrs(list, 0);
}

/** Writes the xattrs behind an inode, or with `to` 0 only measures them; their size in bytes. */
function writeXattrs(list: u32, to: u32): u32 {
  const count = getU32(list);
  let at = list + 4;
  let size: u32 = 12;
  for (let i: u32 = 0; i < count; i++) {
    const nameSize = getU16(at);
    const valueSize = getU16(at + 2);
    const index = prefixIndex(at + 4, nameSize);
    const prefix = prefixSize(index, nameSize);
    if (to !== 0) {
      const entry = to + size;
      setU8(entry, nameSize - prefix);
      setU8(entry + 1, index);
      setU16(entry + 2, valueSize);
      copy(entry + 4, at + 4 + prefix, nameSize - prefix + valueSize);
    }
    size += ((4 + nameSize - prefix + valueSize + 3) >>> 2) << 2;
    at += 4 + nameSize + valueSize;
  }
  return size;
}

function typeBits(kind: u32): u32 {
  if (kind === REGULAR) return 0x8000;
  if (kind === DIRECTORY) return 0x4000;
  if (kind === SYMLINK) return 0xa000;
  if (kind === CHARACTER) return 0x2000;
  return kind === BLOCK ? 0x6000 : 0x1000;
}

function modeOf(object: u32, kind: u32): u32 {
  const record = getU32(object + V_RECORD);
  if (record === 0) return 0x41ed; // a directory, 0755
  // Linux knows no other mode of a symlink.
  return typeBits(kind) | (kind === SYMLINK ? 0x1ff : getU16(record + R_MODE));
}

/** What the inode says of where its data is; `payload` is the image's first block of payloads. */
function placeOf(t: u32, object: u32, size: f64, kind: u32, payload: u32): u32 {
  const record = getU32(object + V_RECORD);
  if (kind === DIRECTORY || kind === SYMLINK) {
    return payloadBlocks(t, object, size) > 0 ? payload + getU32(object + V_PAYLOAD) : NO_BLOCK;
  }
  if (kind === CHARACTER || kind === BLOCK) {
    const minor = getU32(record + R_MINOR);
    const low = (minor & 0xff) | (getU32(record + R_MAJOR) << 8) | ((minor & 0xfff00) << 12);
    return low >>> 0;
  }
  if (kind === FIFO) return 0;
  if (size === 0.0) return NO_BLOCK;
  if (layoutOf(t, object, size) === CHUNK_BASED) return 0x20 | chunkBits(t, object);
  const unified = getU32(layerAt(t, getU32(object + V_SOURCE)) + L_UNIFIED);
  return unified + u32(getF64(record + R_OFFSET) / 512.0);
}

/** Writes the inode and its xattrs at `p`. */
export function writeInode(
  t: u32,
  object: u32,
  size: f64,
  p: u32,
  number: u32,
  payload: u32,
): void {
  const kind = kindOf(object);
  const compact = isCompact(object, size);
  const record = getU32(object + V_RECORD);
  const uid = record === 0 ? 0 : getU32(record + R_UID);
  const gid = record === 0 ? 0 : getU32(record + R_GID);
  const list = xattrsOf(t, object);
  setU16(p, (layoutOf(t, object, size) << 1) | (compact ? 0 : 1));
  if (list !== 0) setU16(p + 2, 1 + ((writeXattrs(list, p + (compact ? 32 : 64)) - 12) >>> 2));
  setU16(p + 4, modeOf(object, kind));
  setU32(p + 16, placeOf(t, object, size, kind, payload));
  setU32(p + 20, number);
  if (compact) {
    setU16(p + 6, getU32(object + V_LINKS));
    setU32(p + 8, u32(size));
    setU16(p + 24, uid);
    setU16(p + 26, gid);
    return;
  }
  setI64(p + 8, size);
  setU32(p + 24, uid);
  setU32(p + 28, gid);
  setI64(p + 32, seconds(object));
  setU32(p + 40, nanoseconds(object));
  setU32(p + 44, getU32(object + V_LINKS));
}

/** Writes a symlink's target: whole blocks to `blocks`, what remains to `tail`. */
export function writeTarget(t: u32, object: u32, blocks: u32, blockCount: u32, tail: u32): void {
  const record = getU32(object + V_RECORD);
  const target = layersHeap(t, getU32(object + V_SOURCE)) + getU32(record + R_LINK);
  const size = getU32(record + R_LINK_SIZE);
  let inBlocks: u32 = blockCount * BLOCK_BYTES;
  if (size < inBlocks) inBlocks = size;
  copy(blocks, target, inBlocks);
  copy(tail, target + inBlocks, size - inBlocks);
}
