// Sparse members: files of which a tar stores only the segments between holes. Four ways to say
// where the segments lie are in use:
//
//   typeflag S      in the header (4), then in blocks of 21 that follow it     (old GNU format)
//   GNU.sparse 0.0  pax records offset and numbytes, repeated
//   GNU.sparse 0.1  one pax record map: "offset,length,offset,length…"
//   GNU.sparse 1.0  decimal lines before the data, in blocks of their own: the number of segments,
//                   then offset and length of each
//
// All end in one list of numbers (f64), offset and length in turn.

import { base, clear, commit, reserve, used } from "./growing";
import { BAD_SPARSE_MAP, FINE } from "./layer-fault";
import { SEGMENT_LIMIT } from "./layer-index";
import { getF64, getU8, getU32, setF64, setU32 } from "./memory";
import { readDecimal, readField } from "./tar-number";

export function addSparseNumber(list: u32, value: f64): u32 {
  if (!(value >= 0.0) || used(list) >= SEGMENT_LIMIT * 16) return BAD_SPARSE_MAP;
  setF64(reserve(list, 8), value);
  commit(list, 8);
  return FINE;
}

/** Adds the numbers of GNU.sparse.map, separated by commas. */
export function addSparseText(list: u32, from: u32, to: u32): u32 {
  let start = from;
  for (let at = from; at <= to; at++) {
    if (at < to && getU8(at) !== 44) continue;
    const fault = addSparseNumber(list, readDecimal(start, at));
    if (fault !== FINE) return fault;
    start = at + 1;
  }
  return FINE;
}

/** Adds up to `count` pairs of 12-byte fields at `p`; the first empty one ends them. */
export function addSparseFields(list: u32, p: u32, count: u32): u32 {
  for (let at = p; at < p + count * 24; at += 24) {
    if (getU8(at) === 0 && getU8(at + 12) === 0) return FINE;
    let fault = addSparseNumber(list, readField(at, 12));
    if (fault === FINE) fault = addSparseNumber(list, readField(at + 12, 12));
    if (fault !== FINE) return fault;
  }
  return FINE;
}

/** Reading the map of GNU.sparse 1.0: numbers awaited (or UNKNOWN), and the digits so far. */
const M_AWAITED: u32 = 0;
const M_VALUE: u32 = 8;
const M_DIGITS: u32 = 16;
export const MAP_SIZE: u32 = 24;
const UNKNOWN: u32 = 0xffffffff;

export function mapStart(map: u32): void {
  setU32(map + M_AWAITED, UNKNOWN);
  setF64(map + M_VALUE, 0.0);
  setU32(map + M_DIGITS, 0);
}

export function mapIsWhole(map: u32): bool {
  return getU32(map + M_AWAITED) === 0;
}

/** Reads the next 512-byte block of the map at `p`. */
export function mapRead(map: u32, list: u32, p: u32): u32 {
  let awaited = getU32(map + M_AWAITED);
  for (let at = p; at < p + 512 && awaited !== 0; at++) {
    const c = getU8(at);
    const value = getF64(map + M_VALUE);
    if (c >= 48 && c <= 57 && value < 900719925474099.0) {
      setF64(map + M_VALUE, value * 10.0 + f64(c - 48));
      setU32(map + M_DIGITS, getU32(map + M_DIGITS) + 1);
      continue;
    }
    if (c !== 10 || getU32(map + M_DIGITS) === 0) return BAD_SPARSE_MAP;
    if (awaited === UNKNOWN) {
      if (value > f64(SEGMENT_LIMIT)) return BAD_SPARSE_MAP;
      awaited = u32(value) * 2;
    } else {
      if (addSparseNumber(list, value) !== FINE) return BAD_SPARSE_MAP;
      awaited--;
    }
    setF64(map + M_VALUE, 0.0);
    setU32(map + M_DIGITS, 0);
  }
  setU32(map + M_AWAITED, awaited);
  return FINE;
}

/**
 * Checks the list against the file's size and the bytes stored for it, and appends it to the
 * index's heap as a sparse map: ordered, without empty segments, touching ones joined. Returns
 * its offset there, or 0 where it is wrong.
 */
export function storeSparseMap(list: u32, heap: u32, size: f64, stored: f64): u32 {
  const numbers = used(list);
  if ((numbers & 15) !== 0) return 0;
  const p = reserve(heap, 16 + numbers);
  let to = p;
  let end: f64 = 0.0;
  let sum: f64 = 0.0;
  for (let at = base(list); at < base(list) + numbers; at += 16) {
    const offset = getF64(at);
    const length = getF64(at + 8);
    if (offset < end || offset + length > size) return 0;
    if (length === 0.0) continue;
    if (offset === end && to > p) setF64(to + 8, getF64(to + 8) + length);
    else {
      to += 16;
      setF64(to, offset);
      setF64(to + 8, length);
    }
    end = offset + length;
    sum += length;
  }
  clear(list);
  if (sum !== stored) return 0;
  setU32(p, (to - p) >>> 4);
  setU32(p + 4, 0);
  setF64(p + 8, stored);
  return commit(heap, to + 16 - p);
}
