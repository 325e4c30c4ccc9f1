// The index of a layer: what the headers of its tar say, so that merging reads no tar. The host
// keeps it beside the tar and hands it in again. All numbers are little-endian.
//
//   header, 64 bytes:  magic "NLIX" · version · records · size of the heap (u32 each) ·
//                      size of the tar (f64) · checksum of all that follows the header (u32) · 0…
//   records, 64 bytes each, in the order of the tar
//   heap:              what varies in size, named by its offset; offset 0 means "none"
//
//   record             0 path (u32 offset, u32 size)     8 link target (u32, u32), or major, minor
//                     16 xattrs (u32)                   20 sparse map (u32)
//                     24 size of the file (f64)         32 where its bytes start in the tar (f64)
//                     40 mtime, seconds (f64)           48 nanoseconds (u32)
//                     52 uid (u32)   56 gid (u32)       60 mode (u16)   62 kind (u8)   63 flags (u8)
//   xattrs             u32 count, then for each: u16 size of the name, u16 size of the value, name,
//                      value; sorted by name
//   sparse map         u32 count, u32 0, f64 bytes in the tar, then for each segment: f64 offset in
//                      the file, f64 length; in order, not touching, their bytes back to back in
//                      the tar
//
// Paths are normalised (tar-name.ts), those of hard link targets too; symlink targets are as the
// tar has them. A whiteout's path is the one it hides, an opaque mark's that of its directory.

import { DAMAGED_INDEX, FINE, NOT_AN_INDEX } from "./layer-fault";
import { getF64, getU8, getU16, getU32 } from "./memory";
import { NAME_LIMIT, PATH_LIMIT } from "./tar-name";

export const INDEX_MAGIC: u32 = 0x58494c4e;
export const INDEX_VERSION: u32 = 1;
export const INDEX_HEADER: u32 = 64;
export const INDEX_RECORDS: u32 = 8;
export const INDEX_HEAP: u32 = 12;
export const INDEX_TAR: u32 = 16;
export const INDEX_CHECKSUM: u32 = 24;

export const RECORD_SIZE: u32 = 64;
export const R_PATH: u32 = 0;
export const R_PATH_SIZE: u32 = 4;
export const R_LINK: u32 = 8;
export const R_LINK_SIZE: u32 = 12;
export const R_MAJOR: u32 = 8;
export const R_MINOR: u32 = 12;
export const R_XATTRS: u32 = 16;
export const R_SPARSE: u32 = 20;
export const R_BYTES: u32 = 24;
export const R_OFFSET: u32 = 32;
export const R_SECONDS: u32 = 40;
export const R_NANOSECONDS: u32 = 48;
export const R_UID: u32 = 52;
export const R_GID: u32 = 56;
export const R_MODE: u32 = 60;
export const R_KIND: u32 = 62;
export const R_FLAGS: u32 = 63;

export const REGULAR: u32 = 1;
export const DIRECTORY: u32 = 2;
export const SYMLINK: u32 = 3;
export const HARD_LINK: u32 = 4;
export const CHARACTER: u32 = 5;
export const BLOCK: u32 = 6;
export const FIFO: u32 = 7;
export const WHITEOUT: u32 = 8;
export const OPAQUE: u32 = 9;

/** The bytes between the member's end and the next block of the tar are not all zero. */
export const DIRTY_PADDING: u32 = 1;

/** The most records of one layer. */
export const RECORD_LIMIT: u32 = 1 << 22;
/** The most bytes of a layer's heap. */
export const HEAP_LIMIT: u32 = 1 << 29;
/** The largest i_xattr_icount's body, without its header of 12 bytes (fs/erofs, xattr.c). */
export const XATTR_LIMIT: u32 = 262136;
export const SEGMENT_LIMIT: u32 = 1 << 18;

const EXACT: f64 = 9007199254740992.0;

/**
 * A sum over `size` bytes, a multiple of 4, that a torn write or a flipped bit changes. `before` is
 * the sum of what stands before them, 0 at the start.
 */
export function indexChecksum(p: u32, size: u32, before: u32): u32 {
  let a: u32 = (before ^ 0x9e3779b9) >>> 0;
  let b: u32 = before;
  for (let at = p; at < p + size; at += 4) {
    a = (((a << 7) | (a >>> 25)) ^ getU32(at)) >>> 0;
    b = (b + a) >>> 0;
  }
  return (a ^ ((b << 1) | (b >>> 31))) >>> 0;
}

let heapAt: u32 = 0;
let heapSize: u32 = 0;

function inHeap(offset: u32, size: u32): bool {
  return offset > 0 && offset <= heapSize && size <= heapSize - offset;
}

function isCount(x: f64): bool {
  return x >= 0.0 && x < EXACT && x === Math.floor(x);
}

/** Whether the bytes are a path as `normalize` leaves it; `width` 0 is the root. */
function isNormal(p: u32, size: u32): bool {
  if (size > PATH_LIMIT) return false;
  if (size === 0) return true;
  let width: u32 = 0;
  let dots: u32 = 0;
  for (let at = p; at <= p + size; at++) {
    const c = at === p + size ? 47 : getU8(at);
    if (c === 47) {
      if (width === 0 || width > NAME_LIMIT || (dots === width && width <= 2)) return false;
      width = 0;
      dots = 0;
      continue;
    }
    if (c === 0) return false;
    width++;
    if (c === 46) dots++;
  }
  return true;
}

/** Whether the heap has a well-formed list of xattrs at `offset`. */
function areXattrs(offset: u32): bool {
  if (!inHeap(offset, 4)) return false;
  const count = getU32(heapAt + offset);
  let at = offset + 4;
  let body: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    if (!inHeap(at, 4)) return false;
    const size = getU16(heapAt + at) + getU16(heapAt + at + 2);
    if (getU16(heapAt + at) === 0 || !inHeap(at + 4, size)) return false;
    at += 4 + size;
    body += ((7 + size) >>> 2) << 2;
    if (body > XATTR_LIMIT) return false;
  }
  return count > 0;
}

function isSparseMap(offset: u32, size: f64, start: f64, tar: f64): bool {
  if (!inHeap(offset, 16)) return false;
  const p = heapAt + offset;
  const count = getU32(p);
  const stored = getF64(p + 8);
  if (count > SEGMENT_LIMIT || !inHeap(offset + 16, count * 16)) return false;
  if (!isCount(stored) || start + stored > tar) return false;
  let end: f64 = -1.0;
  let sum: f64 = 0.0;
  for (let at = p + 16; at < p + 16 + count * 16; at += 16) {
    const from = getF64(at);
    const length = getF64(at + 8);
    if (!isCount(from) || !isCount(length) || length === 0.0 || from <= end) return false;
    end = from + length;
    sum += length;
    if (end > size) return false;
  }
  return sum === stored;
}

function isRecord(r: u32, tar: f64): bool {
  const kind = getU8(r + R_KIND);
  if (kind < REGULAR || kind > OPAQUE) return false;
  const pathSize = getU32(r + R_PATH_SIZE);
  if (!inHeap(getU32(r + R_PATH), pathSize)) return false;
  if (!isNormal(heapAt + getU32(r + R_PATH), pathSize)) return false;
  if (pathSize === 0 && kind !== DIRECTORY && kind !== OPAQUE) return false;
  if (getU16(r + R_MODE) > 0xfff || getU32(r + R_NANOSECONDS) > 999999999) return false;
  const seconds = getF64(r + R_SECONDS);
  if (!isCount(seconds < 0.0 ? 0.0 - seconds : seconds)) return false;
  const size = getF64(r + R_BYTES);
  const start = getF64(r + R_OFFSET);
  if (!isCount(size) || !isCount(start)) return false;
  if (kind === SYMLINK || kind === HARD_LINK) {
    const linkSize = getU32(r + R_LINK_SIZE);
    if (linkSize > PATH_LIMIT || linkSize === 0) return false;
    if (!inHeap(getU32(r + R_LINK), linkSize)) return false;
    if (kind === HARD_LINK && !isNormal(heapAt + getU32(r + R_LINK), linkSize)) return false;
  }
  if (getU32(r + R_XATTRS) !== 0 && !areXattrs(getU32(r + R_XATTRS))) return false;
  const sparse = getU32(r + R_SPARSE);
  if (kind !== REGULAR) return sparse === 0 && size === 0.0;
  if (sparse !== 0) return isSparseMap(sparse, size, start, tar);
  return start + size <= tar;
}

/** Whether `size` bytes at `p` are a whole and sound index; a fault, or 0. */
export function indexCheck(p: u32, size: u32): u32 {
  if (size < INDEX_HEADER || getU32(p) !== INDEX_MAGIC) return NOT_AN_INDEX;
  if (getU32(p + 4) !== INDEX_VERSION) return NOT_AN_INDEX;
  const count = getU32(p + INDEX_RECORDS);
  heapSize = getU32(p + INDEX_HEAP);
  const tar = getF64(p + INDEX_TAR);
  if (count > RECORD_LIMIT || heapSize > HEAP_LIMIT || !isCount(tar)) return DAMAGED_INDEX;
  const body = count * RECORD_SIZE + heapSize;
  if (size !== INDEX_HEADER + body || (size & 3) !== 0) return DAMAGED_INDEX;
  let sum = indexChecksum(p + INDEX_HEADER, count * RECORD_SIZE, 0);
  sum = indexChecksum(p + INDEX_HEADER + count * RECORD_SIZE, heapSize, sum);
  if (sum !== getU32(p + INDEX_CHECKSUM)) return DAMAGED_INDEX;
  heapAt = p + INDEX_HEADER + count * RECORD_SIZE;
  for (let r = p + INDEX_HEADER; r < heapAt; r += RECORD_SIZE) {
    if (!isRecord(r, tar)) return DAMAGED_INDEX;
  }
  return FINE;
}
