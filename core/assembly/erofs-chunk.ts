// Files whose bytes do not lie in one piece in their tar, or cannot be shown from there.
//
// EROFS cuts such a file into chunks of one size, a power of two of blocks, and keeps for each the
// device and the block it starts at, or that it is a hole. A chunk can be shown from the tar if it
// lies within one segment, starts at a block of the tar, and has zeros behind the file's end (a
// mapped page shows them). Any other chunk is copied to the *spill*, one more file that the host
// writes by the list of copies made here, and mounts as the last device; its holes stay holes.

import { commit, reserve } from "./growing";
import { DIRTY_PADDING, R_BYTES, R_FLAGS, R_OFFSET, R_SPARSE } from "./layer-index";
import { LAYERS, layersHeap } from "./layer-stack";
import { alloc, getF64, getU8, getU32, setF64, setU16, setU32 } from "./memory";
import { V_RECORD, V_SOURCE } from "./tree";

const BLOCK_BYTES: f64 = 512.0;
const HOLE: u32 = 0xffffffff;
/** The format can say chunks of up to 512 << 31 bytes. */
const BITS_LIMIT: u32 = 31;
/** Past so many chunks, larger ones are copied to the spill where they are not whole. */
const CHUNKS_LIMIT: f64 = 65536.0;

/** A copy into the spill: layer (u32), 0 (u32), offset in its tar, size, offset in the spill (f64). */
export const COPY_SIZE: u32 = 32;

// The segments of the file at hand: a sparse map, or one for a file without holes.
const whole: u32 = alloc(16);
let segments: u32 = 0;
let segmentsEnd: u32 = 0;
let fileSize: f64 = 0.0;
let tarOffset: f64 = 0.0;
let dirty = false;

function load(t: u32, object: u32): void {
  const record = getU32(object + V_RECORD);
  const sparse = getU32(record + R_SPARSE);
  fileSize = getF64(record + R_BYTES);
  tarOffset = getF64(record + R_OFFSET);
  dirty = (getU8(record + R_FLAGS) & DIRTY_PADDING) !== 0;
  if (sparse === 0) {
    setF64(whole, 0.0);
    setF64(whole + 8, fileSize);
    segments = whole;
    segmentsEnd = whole + 16;
  } else {
    const map = layersHeap(t, getU32(object + V_SOURCE)) + sparse;
    segments = map + 16;
    segmentsEnd = segments + getU32(map) * 16;
  }
}

function chunkBytes(bits: u32): f64 {
  return BLOCK_BYTES * f64((1 << bits) >>> 0);
}

function countOf(bits: u32): f64 {
  return Math.ceil(fileSize / chunkBytes(bits));
}

/** Chunks as large as the holes allow, or larger where there would be too many. */
function bitsOf(): u32 {
  let bits: u32 = 0;
  while (bits < BITS_LIMIT && chunkBytes(bits) < fileSize) bits++;
  for (let at = segments; at < segmentsEnd; at += 16) {
    const from = getF64(at);
    const to = from + getF64(at + 8);
    bits = alignedBits(from, bits);
    if (to < fileSize) bits = alignedBits(to, bits);
  }
  while (bits < BITS_LIMIT && countOf(bits) > CHUNKS_LIMIT) bits++;
  return bits;
}

function alignedBits(x: f64, most: u32): u32 {
  let bits = most;
  while (bits > 0 && x !== Math.floor(x / chunkBytes(bits)) * chunkBytes(bits)) bits--;
  return bits;
}

/** The chunk format of the object: the logarithm of the blocks in a chunk. */
export function chunkBits(t: u32, object: u32): u32 {
  load(t, object);
  return bitsOf();
}

/** How many chunks the object has. */
export function chunkCount(t: u32, object: u32): u32 {
  load(t, object);
  return u32(countOf(bitsOf()));
}

/** Whether the file has a chunk that must be copied. */
export function needsSpill(t: u32, object: u32): bool {
  return writeChunks(t, object, 0, 0, 0.0) > 0.0;
}

/**
 * Writes the object's chunk indexes to `to`, and its copies, from offset `spilled` on, to the
 * growing buffer `copies`; with `to` 0, neither. Returns the bytes of the spill that it takes.
 */
export function writeChunks(t: u32, object: u32, to: u32, copies: u32, spilled: f64): f64 {
  load(t, object);
  const size = chunkBytes(bitsOf());
  const layer = getU32(object + V_SOURCE);
  let taken: f64 = 0.0;
  let index = to;
  let segment = segments;
  let stored: f64 = 0.0; // bytes in the tar before `segment`
  for (let start: f64 = 0.0; start < fileSize; start += size) {
    const end = start + size < fileSize ? start + size : fileSize;
    while (segment < segmentsEnd && getF64(segment) + getF64(segment + 8) <= start) {
      stored += getF64(segment + 8);
      segment += 16;
    }
    if (to === 0) {
      // Holes take nothing of the spill, however many chunks they are.
      if (segment >= segmentsEnd) break;
      if (getF64(segment) >= end) {
        start = Math.floor(getF64(segment) / size) * size - size;
        continue;
      }
    }
    let device: u32 = 0;
    let block: f64 = f64(HOLE);
    if (segment < segmentsEnd && getF64(segment) < end) {
      block = directBlock(segment, stored, start, end);
      device = layer + 1;
      if (block < 0.0) {
        block = (spilled + taken) / BLOCK_BYTES;
        device = getU32(t + LAYERS) + 1;
        if (to !== 0) addCopies(copies, layer, segment, stored, start, end, spilled + taken);
        taken += Math.ceil((end - start) / BLOCK_BYTES) * BLOCK_BYTES;
      }
    }
    if (to !== 0) {
      setU16(index + 2, device);
      setU32(index + 4, u32(block));
      index += 8;
    }
  }
  return taken;
}

/** The tar's block at which start…end can be shown, or -1. */
function directBlock(segment: u32, stored: f64, start: f64, end: f64): f64 {
  const from = getF64(segment);
  if (from > start || from + getF64(segment + 8) < end) return -1.0;
  const block = (tarOffset + stored + start - from) / BLOCK_BYTES;
  if (block !== Math.floor(block)) return -1.0;
  const isAligned = end === Math.floor(end / BLOCK_BYTES) * BLOCK_BYTES;
  return dirty && end === fileSize && !isAligned ? -1.0 : block;
}

/** Adds the copies that fill start…end of the file at offset `at` of the spill. */
function addCopies(
  copies: u32,
  layer: u32,
  first: u32,
  storedBefore: f64,
  start: f64,
  end: f64,
  at: f64,
): void {
  let stored = storedBefore;
  for (let segment = first; segment < segmentsEnd && getF64(segment) < end; segment += 16) {
    const segmentStart = getF64(segment);
    const segmentEnd = segmentStart + getF64(segment + 8);
    const from = segmentStart > start ? segmentStart : start;
    const to = segmentEnd < end ? segmentEnd : end;
    const row = reserve(copies, COPY_SIZE);
    setU32(row, layer);
    setU32(row + 4, 0);
    setF64(row + 8, tarOffset + stored + from - segmentStart);
    setF64(row + 16, to - from);
    setF64(row + 24, at + from - start);
    commit(copies, COPY_SIZE);
    stored += getF64(segment + 8);
  }
}
