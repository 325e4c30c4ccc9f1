// pax extended headers (POSIX.1-2024, pax, "Extended Header"): records "SIZE KEY=VALUE\n", where
// SIZE counts the whole record in decimal. They override the fields of the members that follow:
// of one (typeflag x), or of all (g). An empty value takes an override back.
//
// Extended attributes come as SCHILY.xattr.NAME. Of these only what a file system can hold is
// kept, and nothing that steers overlayfs: a layer may not redirect the overlay above it.

import { clear, commit, reserve, used } from "./growing";
import {
  BAD_NUMBER,
  BAD_PAX_RECORD,
  BAD_SIZE,
  BAD_XATTR,
  FINE,
  NAME_TOO_LONG,
} from "./layer-fault";
import { XATTR_LIMIT } from "./layer-index";
import { alloc, copy, getU8, getU16, getU32, setF64, setU16, setU32 } from "./memory";
import { PATH_LIMIT } from "./tar-name";
import { readDecimal, readTime } from "./tar-number";
import { addSparseNumber, addSparseText } from "./tar-sparse";

export const HAS_PATH: u32 = 1;
export const HAS_LINK: u32 = 2;
export const HAS_SIZE: u32 = 4;
export const HAS_UID: u32 = 8;
export const HAS_GID: u32 = 16;
export const HAS_MTIME: u32 = 32;
export const HAS_REAL_SIZE: u32 = 64;
export const HAS_SPARSE_NAME: u32 = 128;
/** The sparse map is in the records (GNU.sparse 0.0 and 0.1). */
export const HAS_MAP: u32 = 256;

// A set of overrides.
export const P_FLAGS: u32 = 0;
export const P_PATH_SIZE: u32 = 4;
export const P_LINK_SIZE: u32 = 8;
export const P_SPARSE_NAME_SIZE: u32 = 12;
export const P_SIZE: u32 = 16;
export const P_SECONDS: u32 = 24;
export const P_NANOSECONDS: u32 = 32;
export const P_UID: u32 = 36;
export const P_GID: u32 = 40;
export const P_SPARSE_MAJOR: u32 = 44;
export const P_REAL_SIZE: u32 = 48;
export const P_SEGMENTS: u32 = 56;
const P_XATTRS: u32 = 68;
const P_XATTR_COUNT: u32 = 80;
export const P_PATH: u32 = 88;
export const P_LINK: u32 = P_PATH + PATH_LIMIT;
export const P_SPARSE_NAME: u32 = P_LINK + PATH_LIMIT;
const PAX_SIZE: u32 = P_SPARSE_NAME + PATH_LIMIT;

/** The most xattrs of one member; with more, listxattr(2) could not name them anyway. */
const XATTR_COUNT_LIMIT: u32 = 256;

export function paxNew(): u32 {
  return alloc(PAX_SIZE);
}

/** Makes `pax` what `defaults` says; a map and xattrs belong to one member, and go. */
export function paxReset(pax: u32, defaults: u32): void {
  const flags = getU32(defaults + P_FLAGS);
  if (flags !== 0) copy(pax, defaults, P_SEGMENTS);
  if ((flags & (HAS_PATH | HAS_LINK)) !== 0) copy(pax + P_PATH, defaults + P_PATH, 2 * PATH_LIMIT);
  setU32(pax + P_FLAGS, flags);
  setU32(pax + P_SPARSE_MAJOR, 0);
  clear(pax + P_SEGMENTS);
  clear(pax + P_XATTRS);
  setU32(pax + P_XATTR_COUNT, 0);
}

/** Whether the bytes from…to are `text`. Its characters lie in static data: nothing is allocated. */
function is(from: u32, to: u32, text: string): bool {
  return to - from === u32(text.length) && startsWith(from, to, text);
}

function startsWith(from: u32, to: u32, text: string): bool {
  const length = u32(text.length);
  if (to - from < length) return false;
  for (let i: u32 = 0; i < length; i++) {
    if (getU8(from + i) !== u32(text.charCodeAt(i))) return false;
  }
  return true;
}

/** Reads the records in `size` bytes at `p` into `pax`. Returns a fault, or 0. */
export function paxRead(pax: u32, p: u32, size: u32): u32 {
  const end = p + size;
  let at = p;
  while (at < end) {
    let space = at;
    while (space < end && getU8(space) !== 32) space++;
    const length = readDecimal(at, space);
    // NaN fails the first comparison, and a length that does not even cover itself the second.
    if (!(length <= f64(end - at))) return BAD_PAX_RECORD;
    const next = at + u32(length);
    if (next <= space + 2 || getU8(next - 1) !== 10) return BAD_PAX_RECORD;
    let equals = space + 1;
    while (equals < next - 1 && getU8(equals) !== 61) equals++;
    if (equals === next - 1 || equals === space + 1) return BAD_PAX_RECORD;
    const fault = applyRecord(pax, space + 1, equals, equals + 1, next - 1);
    if (fault !== FINE) return fault;
    at = next;
  }
  return FINE;
}

function applyRecord(pax: u32, key: u32, keyEnd: u32, from: u32, to: u32): u32 {
  const first = getU8(key);
  if (first === 71) return sparse(pax, key, keyEnd, from, to); // G
  if (first === 83) return xattr(pax, key, keyEnd, from, to); // S
  if (is(key, keyEnd, "path")) return text(pax, HAS_PATH, P_PATH, P_PATH_SIZE, from, to);
  if (is(key, keyEnd, "linkpath")) return text(pax, HAS_LINK, P_LINK, P_LINK_SIZE, from, to);
  if (is(key, keyEnd, "size")) return quantity(pax, HAS_SIZE, P_SIZE, from, to);
  if (is(key, keyEnd, "uid")) return owner(pax, HAS_UID, P_UID, from, to);
  if (is(key, keyEnd, "gid")) return owner(pax, HAS_GID, P_GID, from, to);
  if (is(key, keyEnd, "mtime")) {
    if (from === to) return drop(pax, HAS_MTIME);
    if (!readTime(from, to, pax + P_SECONDS)) return BAD_NUMBER;
    setU32(pax, getU32(pax) | HAS_MTIME);
  }
  return FINE;
}

function drop(pax: u32, flag: u32): u32 {
  setU32(pax, getU32(pax) & ~flag);
  return FINE;
}

function text(pax: u32, flag: u32, at: u32, sizeAt: u32, from: u32, to: u32): u32 {
  if (from === to) return drop(pax, flag);
  if (to - from > PATH_LIMIT) return NAME_TOO_LONG;
  copy(pax + at, from, to - from);
  setU32(pax + sizeAt, to - from);
  setU32(pax, getU32(pax) | flag);
  return FINE;
}

function quantity(pax: u32, flag: u32, at: u32, from: u32, to: u32): u32 {
  if (from === to) return drop(pax, flag);
  const value = readDecimal(from, to);
  if (!(value >= 0.0)) return BAD_SIZE;
  setF64(pax + at, value);
  setU32(pax, getU32(pax) | flag);
  return FINE;
}

function owner(pax: u32, flag: u32, at: u32, from: u32, to: u32): u32 {
  if (from === to) return drop(pax, flag);
  const value = readDecimal(from, to);
  if (!(value <= 4294967295.0)) return BAD_NUMBER;
  setU32(pax + at, u32(value));
  setU32(pax, getU32(pax) | flag);
  return FINE;
}

function sparse(pax: u32, key: u32, keyEnd: u32, from: u32, to: u32): u32 {
  if (!startsWith(key, keyEnd, "GNU.sparse.")) return FINE;
  const name = key + 11;
  if (is(name, keyEnd, "name")) {
    return text(pax, HAS_SPARSE_NAME, P_SPARSE_NAME, P_SPARSE_NAME_SIZE, from, to);
  }
  if (is(name, keyEnd, "size") || is(name, keyEnd, "realsize")) {
    return quantity(pax, HAS_REAL_SIZE, P_REAL_SIZE, from, to);
  }
  if (is(name, keyEnd, "major")) {
    const major = readDecimal(from, to);
    if (!(major <= 1.0)) return BAD_PAX_RECORD;
    setU32(pax + P_SPARSE_MAJOR, u32(major));
    return FINE;
  }
  if (is(name, keyEnd, "map")) {
    setU32(pax, getU32(pax) | HAS_MAP);
    clear(pax + P_SEGMENTS);
    return addSparseText(pax + P_SEGMENTS, from, to);
  }
  if (is(name, keyEnd, "offset") || is(name, keyEnd, "numbytes")) {
    setU32(pax, getU32(pax) | HAS_MAP);
    return addSparseNumber(pax + P_SEGMENTS, readDecimal(from, to));
  }
  return FINE;
}

/** Whether EROFS and the usual file systems can hold the attribute, and a layer may bring it. */
function isKept(from: u32, to: u32): bool {
  if (startsWith(from, to, "trusted.")) {
    return to - from > 8 && !startsWith(from, to, "trusted.overlay.");
  }
  if (startsWith(from, to, "user.")) return to - from > 5 && !startsWith(from, to, "user.overlay.");
  if (startsWith(from, to, "security.")) return to - from > 9;
  return is(from, to, "system.posix_acl_access") || is(from, to, "system.posix_acl_default");
}

function xattr(pax: u32, key: u32, keyEnd: u32, from: u32, to: u32): u32 {
  if (!startsWith(key, keyEnd, "SCHILY.xattr.")) return FINE;
  const name = key + 13;
  if (!isKept(name, keyEnd)) return FINE;
  const list = pax + P_XATTRS;
  const count = getU32(pax + P_XATTR_COUNT) + 1;
  // XATTR_NAME_MAX and XATTR_SIZE_MAX less one, which is what the format's u16 can say.
  if (keyEnd - name > 255 || to - from > 65535 || count > XATTR_COUNT_LIMIT) return BAD_XATTR;
  const size = 4 + (keyEnd - name) + (to - from);
  const p = reserve(list, size);
  setU16(p, keyEnd - name);
  setU16(p + 2, to - from);
  copy(p + 4, name, keyEnd - name);
  copy(p + 4 + keyEnd - name, from, to - from);
  commit(list, size);
  setU32(pax + P_XATTR_COUNT, count);
  return FINE;
}

/** Less than, equal to or greater than zero as the name of xattr `a` stands to that of `b`. */
function compareNames(a: u32, b: u32): i32 {
  const x = getU16(a);
  const y = getU16(b);
  for (let i: u32 = 0; i < x && i < y; i++) {
    const difference = i32(getU8(a + 4 + i)) - i32(getU8(b + 4 + i));
    if (difference !== 0) return difference;
  }
  return i32(x) - i32(y);
}

const order: u32 = alloc(4 * XATTR_COUNT_LIMIT + 4);

/**
 * Appends the member's xattrs to the index's heap, sorted by name; of two with one name the later
 * one counts. Returns their offset there, 0 without any, and 0xffffffff where they are too large.
 */
export function paxXattrs(pax: u32, heap: u32): u32 {
  let count: u32 = 0;
  let at = getU32(pax + P_XATTRS);
  const end = at + used(pax + P_XATTRS);
  let body: u32 = 0;
  while (at < end) {
    let place: u32 = count;
    while (place > 0 && compareNames(getU32(order + place * 4 - 4), at) > 0) place--;
    if (place > 0 && compareNames(getU32(order + place * 4 - 4), at) === 0) place--;
    else {
      copy(order + place * 4 + 4, order + place * 4, (count - place) * 4);
      count++;
    }
    setU32(order + place * 4, at);
    at += 4 + getU16(at) + getU16(at + 2);
  }
  if (count === 0) return 0;
  const start = commit(heap, 0);
  setU32(reserve(heap, 4), count);
  commit(heap, 4);
  for (let i: u32 = 0; i < count; i++) {
    const entry = getU32(order + i * 4);
    const size = 4 + getU16(entry) + getU16(entry + 2);
    copy(reserve(heap, size), entry, size);
    commit(heap, size);
    body += ((size + 3) >>> 2) << 2;
  }
  return body > XATTR_LIMIT ? 0xffffffff : start;
}
