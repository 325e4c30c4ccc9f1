// Reads the headers of a tar while it streams by, and makes the layer's index (layer-index.ts).
//
// A tar is blocks of 512 bytes: a header, then the member's bytes padded with zeros to a block,
// and so on; two zero blocks end it, and what follows them means nothing. Headers come in several
// dialects, which mix freely:
//
//   v7      name, mode, owner, size, mtime, checksum, type, link target
//   ustar   "ustar\0": also a prefix to the name, and device numbers
//   star    ustar with "tar\0" at the end, and a shorter prefix
//   GNU     "ustar  ": names in members of their own before the member (L, K), sparse files (S)
//   pax     records in members of their own before the member (x, g): tar-pax.ts
//
// The host feeds what it has and asks, after each feed, how many bytes it may pass over: file
// bodies never enter the core. Any split of the stream gives the same index.

import { base, clear, commit, reserve, used } from "./growing";
import * as F from "./layer-fault";
import {
  DIRTY_PADDING,
  HEAP_LIMIT,
  INDEX_CHECKSUM,
  INDEX_HEADER,
  INDEX_HEAP,
  INDEX_MAGIC,
  INDEX_RECORDS,
  INDEX_TAR,
  INDEX_VERSION,
  indexChecksum,
  R_FLAGS,
  RECORD_LIMIT,
  RECORD_SIZE,
} from "./layer-index";
import { alloc, copy, getF64, getU8, getU32, setF64, setU8, setU32, sumBytes } from "./memory";
import { memberBegin, memberFinish, memberMapIsWhole, memberReadMap } from "./tar-member";
import { readField } from "./tar-number";
import { paxNew, paxRead, paxReset } from "./tar-pax";
import {
  BLOCK_SIZE,
  BODY,
  ENDED,
  EXTENDED,
  expectBytes,
  FAILED,
  HEADER,
  MAP,
  PADDING,
  passBody,
  READER_SIZE,
  T_BLOCK,
  T_EXTENDED,
  T_FAULT,
  T_FILLED,
  T_GLOBAL,
  T_HEAP,
  T_INDEX,
  T_LEFT,
  T_LONG_LINK,
  T_LONG_LINK_SIZE,
  T_LONG_NAME,
  T_LONG_NAME_SIZE,
  T_MEMBER,
  T_MODE,
  T_NAME,
  T_NAME_SIZE,
  T_PADDING,
  T_PAX,
  T_POSITION,
  T_RECORD,
  T_RECORDS,
  T_TYPE,
  T_WAITING,
  T_ZEROES,
} from "./tar-state";

/** The longest extended header, in bytes. */
const EXTENDED_LIMIT: f64 = 1048576.0;
const EVERYTHING: f64 = 9007199254740992.0;

/** A new reader. */
export function tarNew(): u32 {
  const t = alloc(READER_SIZE);
  setU32(t + T_PAX, paxNew());
  setU32(t + T_GLOBAL, paxNew());
  reserve(t + T_HEAP, 8);
  setF64(base(t + T_HEAP), 0.0);
  commit(t + T_HEAP, 8);
  return t;
}

/** How many of the bytes that come next the host need not feed, but report with `tarPass`. */
export function tarSkip(t: u32): f64 {
  const mode = getU32(t + T_MODE);
  if (mode === BODY) return getF64(t + T_LEFT);
  return mode === ENDED ? EVERYTHING : 0.0;
}

/** Says that `size` bytes went by, at most `tarSkip` of them. */
export function tarPass(t: u32, size: f64): void {
  setF64(t + T_POSITION, getF64(t + T_POSITION) + size);
  if (getU32(t + T_MODE) === BODY) passBody(t, size);
}

/** Where the member at hand starts: the offset in the tar of its own header. */
export function tarMemberOffset(t: u32): f64 {
  return getF64(t + T_MEMBER);
}
/** The bytes of the name of the member at hand, for messages. */
export function tarMemberName(t: u32): u32 {
  return getU32(t + T_NAME);
}
export function tarMemberNameSize(t: u32): u32 {
  return getU32(t + T_NAME_SIZE);
}

/** Reads the next `size` bytes of the tar, at `p`. Returns a fault, which stays, or 0. */
export function tarFeed(t: u32, p: u32, size: u32): u32 {
  const end = p + size;
  let at = p;
  while (at < end) {
    const mode = getU32(t + T_MODE);
    if (mode === FAILED) break;
    const taken = mode <= MAP ? takeBlock(t, at, end) : takeBytes(t, mode, at, end - at);
    at += taken;
  }
  return getU32(t + T_FAULT);
}

function fail(t: u32, fault: u32): void {
  if (fault === F.FINE) return;
  setU32(t + T_FAULT, fault);
  setU32(t + T_MODE, FAILED);
}

/** Takes a whole block, or what there is of it. */
function takeBlock(t: u32, at: u32, end: u32): u32 {
  const filled = getU32(t + T_FILLED);
  const missing: u32 = BLOCK_SIZE - filled;
  const taken: u32 = end - at < missing ? end - at : missing;
  let block = at;
  if (taken < BLOCK_SIZE) {
    block = t + T_BLOCK;
    copy(block + filled, at, taken);
  }
  if (taken < missing) {
    setU32(t + T_FILLED, filled + taken);
    return taken;
  }
  setU32(t + T_FILLED, 0);
  const start = getF64(t + T_POSITION);
  setF64(t + T_POSITION, start + 512.0);
  if (getU32(t + T_MODE) === MAP) fail(t, takeMap(t, block));
  else {
    setF64(t + T_MEMBER, start);
    fail(t, takeHeader(t, block));
  }
  return taken;
}

function takeBytes(t: u32, mode: u32, at: u32, size: u32): u32 {
  const left = mode === PADDING ? f64(getU32(t + T_PADDING)) : getF64(t + T_LEFT);
  const taken: u32 = mode === ENDED || left > f64(size) ? size : u32(left);
  setF64(t + T_POSITION, getF64(t + T_POSITION) + f64(taken));
  if (mode === PADDING) passPadding(t, at, taken);
  else if (mode === BODY) passBody(t, f64(taken));
  else if (mode === EXTENDED) {
    copy(reserve(t + T_EXTENDED, taken), at, taken);
    commit(t + T_EXTENDED, taken);
    passBody(t, f64(taken));
    if (getF64(t + T_LEFT) === 0.0) fail(t, takeExtended(t));
  }
  return taken;
}

function passPadding(t: u32, p: u32, size: u32): void {
  const words = p + ((size >>> 2) << 2);
  let bits: u32 = 0;
  for (let at = p; at < words; at += 4) bits |= getU32(at);
  for (let at = words; at < p + size; at++) bits |= getU8(at);
  const record = getU32(t + T_RECORD);
  if (bits !== 0 && record > 0) {
    setU8(base(t + T_RECORDS) + (record - 1) * RECORD_SIZE + R_FLAGS, DIRTY_PADDING);
  }
  const left: u32 = getU32(t + T_PADDING) - size;
  setU32(t + T_PADDING, left);
  if (left === 0) setU32(t + T_MODE, HEADER);
}

/** Whether the checksum is the sum of the header's bytes with blanks in the checksum's place. */
function isSummed(p: u32, sum: u32): bool {
  const field = sumOf(p + 148, 8, 0);
  const stated = readField(p + 148, 8);
  if (stated === f64(sum - field + 256)) return true;
  // Some old writers sum signed bytes.
  return stated === f64(sum) - f64(field) + 256.0 - 256.0 * f64(highBytes(p));
}

function sumOf(p: u32, size: u32, start: u32): u32 {
  let sum = start;
  for (let at = p; at < p + size; at++) sum += getU8(at);
  return sum;
}

function highBytes(p: u32): u32 {
  let count: u32 = 0;
  for (let at: u32 = 0; at < BLOCK_SIZE; at++) {
    if ((at < 148 || at >= 156) && getU8(p + at) > 127) count++;
  }
  return count;
}

function takeHeader(t: u32, p: u32): u32 {
  setU32(t + T_RECORD, 0);
  setU32(t + T_NAME_SIZE, 0);
  const sum = sumBytes(p, BLOCK_SIZE);
  if (sum === 0) {
    if (getU32(t + T_WAITING) !== 0) return F.ORPHAN_HEADER;
    setU32(t + T_ZEROES, getU32(t + T_ZEROES) + 1);
    if (getU32(t + T_ZEROES) === 2) setU32(t + T_MODE, ENDED);
    return F.FINE;
  }
  if (getU32(t + T_ZEROES) !== 0) return F.LONE_ZERO_BLOCK;
  if (!isSummed(p, sum)) return F.BAD_CHECKSUM;
  const type = getU8(p + 156);
  // x, X (Solaris), g, L, K
  if (type === 120 || type === 88 || type === 103 || type === 76 || type === 75) {
    return beginExtended(t, type, readField(p + 124, 12));
  }
  if (used(t + T_RECORDS) >= RECORD_LIMIT * RECORD_SIZE) return F.TOO_MANY_ENTRIES;
  if (used(t + T_HEAP) > HEAP_LIMIT - 8 * 1048576) return F.TOO_MANY_ENTRIES;
  const fault = memberBegin(t, p, type);
  return fault === F.FINE ? finishMember(t) : fault;
}

/** Records the member, once its sparse map is whole. */
function finishMember(t: u32): u32 {
  if (!memberMapIsWhole(t)) {
    setU32(t + T_MODE, MAP);
    return F.FINE;
  }
  const fault = memberFinish(t);
  setU32(t + T_WAITING, 0);
  setU32(t + T_LONG_NAME_SIZE, 0);
  setU32(t + T_LONG_LINK_SIZE, 0);
  paxReset(getU32(t + T_PAX), getU32(t + T_GLOBAL));
  return fault;
}

function takeMap(t: u32, p: u32): u32 {
  const fault = memberReadMap(t, p);
  return fault === F.FINE ? finishMember(t) : fault;
}

function beginExtended(t: u32, type: u32, size: f64): u32 {
  if (!(size >= 0.0)) return F.BAD_SIZE;
  if (size > (type === 76 || type === 75 ? 4096.0 : EXTENDED_LIMIT)) return F.HEADER_TOO_LONG;
  setU32(t + T_TYPE, type);
  clear(t + T_EXTENDED);
  if (type !== 103) setU32(t + T_WAITING, 1);
  expectBytes(t, EXTENDED, size);
  return F.FINE;
}

function takeExtended(t: u32): u32 {
  const type = getU32(t + T_TYPE);
  const p = base(t + T_EXTENDED);
  const size = used(t + T_EXTENDED);
  if (type === 76) return longName(p, size, t + T_LONG_NAME, t + T_LONG_NAME_SIZE);
  if (type === 75) return longName(p, size, t + T_LONG_LINK, t + T_LONG_LINK_SIZE);
  if (type === 103) {
    // What is said for all members says it from now on; one member's own words start anew.
    const fault = paxRead(getU32(t + T_GLOBAL), p, size);
    // A map or attributes for all members make no sense, and would pile up.
    paxReset(getU32(t + T_GLOBAL), getU32(t + T_GLOBAL));
    if (getU32(t + T_WAITING) === 0) paxReset(getU32(t + T_PAX), getU32(t + T_GLOBAL));
    return fault;
  }
  paxReset(getU32(t + T_PAX), getU32(t + T_GLOBAL));
  return paxRead(getU32(t + T_PAX), p, size);
}

function longName(p: u32, size: u32, to: u32, toSize: u32): u32 {
  let length: u32 = 0;
  while (length < size && getU8(p + length) !== 0) length++;
  copy(to, p, length);
  setU32(toSize, length);
  return F.FINE;
}

/** Says that the tar is over. Returns a fault, or 0 and makes the index. */
export function tarFinish(t: u32): u32 {
  const mode = getU32(t + T_MODE);
  if (mode === FAILED) return getU32(t + T_FAULT);
  if (mode !== ENDED && (mode !== HEADER || getU32(t + T_FILLED) !== 0)) fail(t, F.TRUNCATED);
  else if (getU32(t + T_WAITING) !== 0) fail(t, F.ORPHAN_HEADER);
  else makeIndex(t);
  return getU32(t + T_FAULT);
}

function makeIndex(t: u32): void {
  const heap = t + T_HEAP;
  while ((used(heap) & 7) !== 0) {
    setU8(reserve(heap, 1), 0);
    commit(heap, 1);
  }
  const records = used(t + T_RECORDS);
  const p = t + T_INDEX;
  setU32(p, INDEX_MAGIC);
  setU32(p + 4, INDEX_VERSION);
  setU32(p + INDEX_RECORDS, u32(records / RECORD_SIZE));
  setU32(p + INDEX_HEAP, used(heap));
  setF64(p + INDEX_TAR, getF64(t + T_POSITION));
  const sum = indexChecksum(base(t + T_RECORDS), records, 0);
  setU32(p + INDEX_CHECKSUM, indexChecksum(base(heap), used(heap), sum));
}

/** Where part 0 (header), 1 (records) or 2 (heap) of the finished index lies. */
export function tarIndexPart(t: u32, part: u32): u32 {
  if (part === 0) return t + T_INDEX;
  return base(t + (part === 1 ? T_RECORDS : T_HEAP));
}
export function tarIndexPartSize(t: u32, part: u32): u32 {
  if (part === 0) return INDEX_HEADER;
  return used(t + (part === 1 ? T_RECORDS : T_HEAP));
}
