// One member of a tar: its header, and the extended headers before it, made a record of the index.

import { clear, commit, reserve } from "./growing";
import * as F from "./layer-fault";
import {
  BLOCK,
  CHARACTER,
  DIRECTORY,
  FIFO,
  HARD_LINK,
  OPAQUE,
  R_BYTES,
  R_GID,
  R_KIND,
  R_LINK,
  R_LINK_SIZE,
  R_MAJOR,
  R_MINOR,
  R_MODE,
  R_NANOSECONDS,
  R_OFFSET,
  R_PATH,
  R_PATH_SIZE,
  R_SECONDS,
  R_SPARSE,
  R_UID,
  R_XATTRS,
  RECORD_SIZE,
  REGULAR,
  SYMLINK,
  WHITEOUT,
} from "./layer-index";
import { alloc, copy, fill, getF64, getU8, getU32, setF64, setU8, setU16, setU32 } from "./memory";
import {
  hasMetaMark,
  isMark,
  isMetaMark,
  isNoName,
  isOpaqueMark,
  lastComponent,
  nameFault,
  normalize,
  PATH_LIMIT,
} from "./tar-name";
import { EXACT, readField } from "./tar-number";
import {
  HAS_GID,
  HAS_LINK,
  HAS_MAP,
  HAS_MTIME,
  HAS_PATH,
  HAS_REAL_SIZE,
  HAS_SIZE,
  HAS_SPARSE_NAME,
  HAS_UID,
  P_FLAGS,
  P_GID,
  P_LINK,
  P_LINK_SIZE,
  P_NANOSECONDS,
  P_PATH,
  P_PATH_SIZE,
  P_REAL_SIZE,
  P_SECONDS,
  P_SEGMENTS,
  P_SIZE,
  P_SPARSE_MAJOR,
  P_SPARSE_NAME,
  P_SPARSE_NAME_SIZE,
  P_UID,
  paxXattrs,
} from "./tar-pax";
import {
  addSparseFields,
  MAP_SIZE,
  mapIsWhole,
  mapRead,
  mapStart,
  storeSparseMap,
} from "./tar-sparse";
import {
  expectBody,
  T_HEAP,
  T_JOINED,
  T_LINK,
  T_LINK_SIZE,
  T_LONG_LINK,
  T_LONG_LINK_SIZE,
  T_LONG_NAME,
  T_LONG_NAME_SIZE,
  T_MEMBER_STATE,
  T_NAME,
  T_NAME_SIZE,
  T_PAX,
  T_RECORD,
  T_RECORDS,
  tarPosition,
} from "./tar-state";

/** What the index leaves out: volume labels, marks of other programs, device 0:0. */
const NOTHING: u32 = 0;

// How a member's sparse map comes.
const DENSE: u32 = 0;
const KNOWN: u32 = 1;
const IN_BLOCKS: u32 = 2; // typeflag S, where more blocks of it follow
const IN_BODY: u32 = 3; // GNU.sparse 1.0

// The member at hand, while its sparse map is not yet whole.
const M_KIND: u32 = T_MEMBER_STATE;
const M_SPARSE: u32 = M_KIND + 4;
const M_STORED: u32 = M_KIND + 8; // bytes of its body still to come
const M_SIZE: u32 = M_KIND + 16; // bytes of the file
const M_MAP: u32 = M_KIND + 24;
const M_HEADER: u32 = M_MAP + MAP_SIZE; // a record without names

const path: u32 = alloc(PATH_LIMIT + 1);

/** Length of the text in a field of `size` bytes at `p`, which a NUL may end. */
function textLength(p: u32, size: u32): u32 {
  let length: u32 = 0;
  while (length < size && getU8(p + length) !== 0) length++;
  return length;
}

/** Whether the magic is that of POSIX, "ustar" and a NUL; GNU has a blank there. */
function isUstar(p: u32): bool {
  return getU32(p + 257) === 0x61747375 && getU8(p + 261) === 114 && getU8(p + 262) === 0;
}

/** Finds the member's name: of an L member, a pax record, or the header with its prefix. */
function findName(t: u32, p: u32): void {
  const pax = getU32(t + T_PAX);
  const flags = getU32(pax + P_FLAGS);
  const longSize = getU32(t + T_LONG_NAME_SIZE);
  if (longSize > 0) setName(t, t + T_LONG_NAME, longSize);
  else if ((flags & HAS_SPARSE_NAME) !== 0) {
    setName(t, pax + P_SPARSE_NAME, getU32(pax + P_SPARSE_NAME_SIZE));
  } else if ((flags & HAS_PATH) !== 0) setName(t, pax + P_PATH, getU32(pax + P_PATH_SIZE));
  else setName(t, t + T_JOINED, joinName(p, t + T_JOINED));
}

/** Writes the header's prefix, a slash and its name to `to`; their size. */
function joinName(p: u32, to: u32): u32 {
  const size = textLength(p, 100);
  if (!isUstar(p) || getU8(p + 345) === 0) {
    copy(to, p, size);
    return size;
  }
  // star keeps times in the last bytes of the prefix, and ends its header with "tar\0".
  const prefix = textLength(p + 345, getU32(p + 508) === 0x00726174 ? 131 : 155);
  copy(to, p + 345, prefix);
  setU8(to + prefix, 47);
  copy(to + prefix + 1, p, size);
  return prefix + 1 + size;
}

function setName(t: u32, p: u32, size: u32): void {
  setU32(t + T_NAME, p);
  setU32(t + T_NAME_SIZE, size);
}

function findLink(t: u32, p: u32): void {
  const pax = getU32(t + T_PAX);
  if (getU32(t + T_LONG_LINK_SIZE) > 0) {
    setLink(t, t + T_LONG_LINK, getU32(t + T_LONG_LINK_SIZE));
  } else if ((getU32(pax + P_FLAGS) & HAS_LINK) !== 0) {
    setLink(t, pax + P_LINK, getU32(pax + P_LINK_SIZE));
  } else setLink(t, p + 157, textLength(p + 157, 100));
}

function setLink(t: u32, p: u32, size: u32): void {
  setU32(t + T_LINK, p);
  setU32(t + T_LINK_SIZE, size);
}

/** The kind of a typeflag; NOTHING for one that the index leaves out, 255 for an unknown one. */
function kindOf(type: u32): u32 {
  if (type === 0 || type === 48 || type === 55 || type === 83) return REGULAR; // NUL 0 7 S
  if (type === 49) return HARD_LINK;
  if (type === 50) return SYMLINK;
  if (type === 51) return CHARACTER;
  if (type === 52) return BLOCK;
  if (type === 53 || type === 68) return DIRECTORY; // 5, and D with a list of names as its body
  if (type === 54) return FIFO;
  // Volume label, old long names, Solaris ACLs.
  return type === 86 || type === 78 || type === 65 ? NOTHING : 255;
}

/** Reads the header at `p`. Returns a fault, or 0. */
export function memberBegin(t: u32, p: u32, type: u32): u32 {
  findName(t, p);
  let kind = kindOf(type);
  if (kind === 255) return F.UNKNOWN_TYPE;
  const pax = getU32(t + T_PAX);
  const size =
    (getU32(pax + P_FLAGS) & HAS_SIZE) !== 0 ? getF64(pax + P_SIZE) : readField(p + 124, 12);
  if (!(size >= 0.0)) return F.BAD_SIZE;
  // These have no body, whatever their size field says; old writers leave the target's size.
  const bodiless = kind >= DIRECTORY && type !== 68;
  setF64(t + M_STORED, bodiless ? 0.0 : size);
  setF64(t + M_SIZE, size);
  const name = getU32(t + T_NAME);
  const nameSize = getU32(t + T_NAME_SIZE);
  // Tars older than typeflag 5 mark a directory by the slash at its end.
  if (kind === REGULAR && nameSize > 0 && getU8(name + nameSize - 1) === 47) kind = DIRECTORY;
  setU32(t + M_KIND, kind);
  if (kind === SYMLINK || kind === HARD_LINK) findLink(t, p);
  const fault = readFields(t, p, kind);
  return fault === F.FINE && kind === REGULAR ? beginSparse(t, p, type) : fault;
}

/** Fills the record's numbers from the header, and what pax says instead. */
function readFields(t: u32, p: u32, kind: u32): u32 {
  const pax = getU32(t + T_PAX);
  const flags = getU32(pax + P_FLAGS);
  const r = t + M_HEADER;
  fill(r, 0, RECORD_SIZE);
  const mode = readField(p + 100, 8);
  const uid = (flags & HAS_UID) !== 0 ? f64(getU32(pax + P_UID)) : readField(p + 108, 8);
  const gid = (flags & HAS_GID) !== 0 ? f64(getU32(pax + P_GID)) : readField(p + 116, 8);
  const seconds = (flags & HAS_MTIME) !== 0 ? getF64(pax + P_SECONDS) : readField(p + 136, 12);
  if (!(mode >= 0.0 && mode <= 4294967295.0) || !(seconds > -EXACT)) return F.BAD_NUMBER;
  if (!(uid >= 0.0 && uid <= 4294967295.0)) return F.BAD_NUMBER;
  if (!(gid >= 0.0 && gid <= 4294967295.0)) return F.BAD_NUMBER;
  setU16(r + R_MODE, u32(mode) & 0xfff);
  setU32(r + R_UID, u32(uid));
  setU32(r + R_GID, u32(gid));
  setF64(r + R_SECONDS, seconds);
  setU32(r + R_NANOSECONDS, (flags & HAS_MTIME) !== 0 ? getU32(pax + P_NANOSECONDS) : 0);
  if (kind !== CHARACTER && kind !== BLOCK) return F.FINE;
  // v7 knew devices, and nowhere to put their numbers.
  const hasNumbers = getU32(p + 257) === 0x61747375;
  const major = hasNumbers ? readField(p + 329, 8) : 0.0;
  const minor = hasNumbers ? readField(p + 337, 8) : 0.0;
  // The kernel's dev_t: 12 bits of major, 20 of minor (linux/kdev_t.h).
  if (!(major >= 0.0 && major <= 4095.0)) return F.BAD_NUMBER;
  if (!(minor >= 0.0 && minor <= 1048575.0)) return F.BAD_NUMBER;
  setU32(r + R_MAJOR, u32(major));
  setU32(r + R_MINOR, u32(minor));
  return F.FINE;
}

function beginSparse(t: u32, p: u32, type: u32): u32 {
  const pax = getU32(t + T_PAX);
  const list = pax + P_SEGMENTS;
  const flags = getU32(pax + P_FLAGS);
  setU32(t + M_SPARSE, DENSE);
  if (type === 83) {
    clear(list);
    const size = readField(p + 483, 12);
    if (!(size >= 0.0)) return F.BAD_SIZE;
    setF64(t + M_SIZE, size);
    setU32(t + M_SPARSE, getU8(p + 482) === 0 ? KNOWN : IN_BLOCKS);
    return addSparseFields(list, p + 386, 4);
  }
  if (getU32(pax + P_SPARSE_MAJOR) === 1) {
    if ((flags & HAS_REAL_SIZE) === 0) return F.BAD_SPARSE_MAP;
    clear(list);
    mapStart(t + M_MAP);
    setU32(t + M_SPARSE, IN_BODY);
  } else if ((flags & HAS_MAP) !== 0) {
    if ((flags & HAS_REAL_SIZE) === 0) return F.BAD_SPARSE_MAP;
    setU32(t + M_SPARSE, KNOWN);
  } else return F.FINE;
  setF64(t + M_SIZE, getF64(pax + P_REAL_SIZE));
  return F.FINE;
}

export function memberMapIsWhole(t: u32): bool {
  return getU32(t + M_KIND) !== REGULAR || getU32(t + M_SPARSE) <= KNOWN;
}

/** Reads one block of the sparse map. */
export function memberReadMap(t: u32, p: u32): u32 {
  const list = getU32(t + T_PAX) + P_SEGMENTS;
  if (getU32(t + M_SPARSE) === IN_BLOCKS) {
    if (getU8(p + 504) === 0) setU32(t + M_SPARSE, KNOWN);
    return addSparseFields(list, p, 21);
  }
  const stored = getF64(t + M_STORED) - 512.0;
  if (stored < 0.0) return F.BAD_SPARSE_MAP;
  setF64(t + M_STORED, stored);
  if (mapRead(t + M_MAP, list, p) !== F.FINE) return F.BAD_SPARSE_MAP;
  if (mapIsWhole(t + M_MAP)) setU32(t + M_SPARSE, KNOWN);
  return F.FINE;
}

/** Writes the record, and expects the body. Returns a fault, or 0. */
export function memberFinish(t: u32): u32 {
  const size = normalize(getU32(t + T_NAME), getU32(t + T_NAME_SIZE), path);
  if (nameFault() !== F.FINE) return nameFault();
  const kind = getU32(t + M_KIND);
  const stored = getF64(t + M_STORED);
  const name = lastComponent(path, size);
  const fault = isMark(name, path + size - name)
    ? finishMark(t, kind, name, path + size - name)
    : hasMetaMark(path, size)
      ? F.FINE
      : finishFile(t, kind, size);
  expectBody(t, stored);
  return fault;
}

/** Records a whiteout or an opaque mark. */
function finishMark(t: u32, kind: u32, name: u32, size: u32): u32 {
  const parent: u32 = name === path ? 0 : name - path - 1;
  if (kind === NOTHING || hasMetaMark(path, parent)) return F.FINE;
  if (isMetaMark(name, size)) {
    if (isOpaqueMark(name, size)) append(t, OPAQUE, parent);
    return F.FINE;
  }
  if (isNoName(name + 4, size - 4)) return F.BAD_WHITEOUT;
  copy(name, name + 4, size - 4);
  append(t, WHITEOUT, name - path + size - 4);
  return F.FINE;
}

function finishFile(t: u32, kind: u32, size: u32): u32 {
  const r = t + M_HEADER;
  if (kind === NOTHING) return F.FINE;
  // An overlay would take it for a whiteout.
  if (kind === CHARACTER && getU32(r + R_MAJOR) + getU32(r + R_MINOR) === 0) return F.FINE;
  if (size === 0 && kind !== DIRECTORY) return F.ROOT_NOT_DIRECTORY;
  const pax = getU32(t + T_PAX);
  const heap = t + T_HEAP;
  if (kind === REGULAR) {
    setF64(r + R_BYTES, getF64(t + M_SIZE));
    setF64(r + R_OFFSET, tarPosition(t));
    if (getU32(t + M_SPARSE) !== DENSE) {
      const map = storeSparseMap(pax + P_SEGMENTS, heap, getF64(t + M_SIZE), getF64(t + M_STORED));
      if (map === 0) return F.BAD_SPARSE_MAP;
      setU32(r + R_SPARSE, map);
    }
  }
  if (kind === SYMLINK || kind === HARD_LINK) {
    const fault = readLink(t, kind, r);
    if (fault !== F.FINE) return fault;
  }
  if (kind !== HARD_LINK) {
    const xattrs = paxXattrs(pax, heap);
    if (xattrs === 0xffffffff) return F.BAD_XATTR;
    setU32(r + R_XATTRS, xattrs);
  }
  append(t, kind, size);
  return F.FINE;
}

/** Stores the target: of a symlink as it is, of a hard link as a path below the root. */
function readLink(t: u32, kind: u32, r: u32): u32 {
  const from = getU32(t + T_LINK);
  let size = getU32(t + T_LINK_SIZE);
  if (size === 0) return F.EMPTY_LINK;
  if (size > PATH_LIMIT) return F.NAME_TOO_LONG;
  const heap = t + T_HEAP;
  const to = reserve(heap, PATH_LIMIT);
  if (kind === SYMLINK) {
    for (let i: u32 = 0; i < size; i++) {
      if (getU8(from + i) === 0) return F.NAME_WITH_NUL;
    }
    copy(to, from, size);
  } else {
    size = normalize(from, size, to);
    if (nameFault() === F.LEAVES_ROOT) return F.LINK_LEAVES_ROOT;
    if (nameFault() !== F.FINE) return nameFault();
    if (size === 0) return F.LINK_TO_DIRECTORY;
  }
  setU32(r + R_LINK, commit(heap, size));
  setU32(r + R_LINK_SIZE, size);
  return F.FINE;
}

/** Appends the record of `kind` whose path are the first `size` bytes of `path`. */
function append(t: u32, kind: u32, size: u32): void {
  const r = t + M_HEADER;
  const heap = t + T_HEAP;
  copy(reserve(heap, size), path, size);
  setU32(r + R_PATH, commit(heap, size));
  setU32(r + R_PATH_SIZE, size);
  setU8(r + R_KIND, kind);
  const records = t + T_RECORDS;
  copy(reserve(records, RECORD_SIZE), r, RECORD_SIZE);
  const at = commit(records, RECORD_SIZE);
  if (kind === REGULAR) setU32(t + T_RECORD, u32(at / RECORD_SIZE) + 1);
}
