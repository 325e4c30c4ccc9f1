// Tables of records of one size, reached by handles. A record never moves, a dropped one is used
// again, and a handle that outlived its record is told from its successor: it has 20 bits of index
// (from 1) and above them 11 bits of generation. 0 is no handle.
//
// Before each record stand 8 bytes: its handle, 0 while it is free, and the next free handle.

import { alloc, fill, getU32, setU32 } from "./memory";

const INDEX_BITS: u32 = 20;
const INDEX_MASK: u32 = (1 << 20) - 1;
const GENERATION_MASK: u32 = (1 << 11) - 1;
const CHUNK_BITS: u32 = 8;
const CHUNK_MASK: u32 = 255;
const CHUNKS: u32 = 4096;

// Offsets in a table; the addresses of its chunks follow.
const STRIDE: u32 = 0;
const USED: u32 = 4;
const FREE: u32 = 8;
const LIVE: u32 = 12;
const DIRECTORY: u32 = 16;

/** A table of records of `size` bytes, a multiple of 8. */
export function slotsNew(size: u32): u32 {
  const table = alloc(DIRECTORY + CHUNKS * 4);
  setU32(table + STRIDE, size + 8);
  return table;
}

/** Where the record of index `index` begins, its 8 bytes of header first. */
function place(table: u32, index: u32): u32 {
  const chunk = getU32(table + DIRECTORY + (index >>> CHUNK_BITS) * 4);
  return chunk + (index & CHUNK_MASK) * getU32(table + STRIDE);
}

/** The part of a handle that is small, and unique among live records. */
export function slotsIndex(handle: u32): u32 {
  return handle & INDEX_MASK;
}

/** The handle of a new record, all zero; 0 where the table holds a million already. */
export function slotsAdd(table: u32): u32 {
  let handle = getU32(table + FREE);
  if (handle !== 0) {
    const free = place(table, handle & INDEX_MASK);
    setU32(table + FREE, getU32(free + 4));
    fill(free + 8, 0, getU32(table + STRIDE) - 8);
  } else {
    handle = getU32(table + USED) + 1;
    if (handle > INDEX_MASK) return 0;
    const entry = table + DIRECTORY + (handle >>> CHUNK_BITS) * 4;
    if (getU32(entry) === 0) setU32(entry, alloc(getU32(table + STRIDE) << CHUNK_BITS));
    setU32(table + USED, handle);
  }
  setU32(place(table, handle & INDEX_MASK), handle);
  setU32(table + LIVE, getU32(table + LIVE) + 1);
  return handle;
}

/** Address of the record of `handle`, or 0 where it is no live record. */
export function slotsAt(table: u32, handle: u32): u32 {
  const index = handle & INDEX_MASK;
  if (index === 0 || index > getU32(table + USED)) return 0;
  const at = place(table, index);
  return getU32(at) === handle ? at + 8 : 0;
}

/** Ends a live record. */
export function slotsDrop(table: u32, handle: u32): void {
  const index = handle & INDEX_MASK;
  const at = place(table, index);
  const generation = ((handle >>> INDEX_BITS) + 1) & GENERATION_MASK;
  setU32(at, 0);
  setU32(at + 4, getU32(table + FREE));
  setU32(table + FREE, (index | (generation << INDEX_BITS)) >>> 0);
  setU32(table + LIVE, getU32(table + LIVE) - 1);
}

/** The live handle with the next higher index, from 0 the first; 0 at the end. */
export function slotsNext(table: u32, handle: u32): u32 {
  const used = getU32(table + USED);
  for (let index = (handle & INDEX_MASK) + 1; index <= used; index++) {
    const found = getU32(place(table, index));
    if (found !== 0) return found;
  }
  return 0;
}

export function slotsLive(table: u32): u32 {
  return getU32(table + LIVE);
}
