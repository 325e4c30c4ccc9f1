// The EROFS image of merged layers (Documentation/filesystems/erofs.rst, fs/erofs/erofs_fs.h).
//
// It holds everything but the bytes of files: those stay where they are, in the layers' tars,
// which the mount names as further devices, bottom layer first. Blocks are of 512 bytes, as a
// tar's are.
//
//       0  nothing                          inode area  inode · xattrs · inline tail or chunks,
//    1024  superblock                                   each at a multiple of 32
//    1152  a slot for each device           payload     blocks of large directories and targets
//
// All devices share one block address space. The image itself has its first 2^23 blocks, more
// than it can ever need; then come the tars, and last the spill (erofs-chunk.ts), if any. A tar
// that no longer fits in 2^32 blocks stays out of it, and its files carry their device's number.
//
// Directories come depth-first, each followed by what it holds besides directories, so that
// listing one reads neighbouring blocks. The bytes depend on nothing but the layers.

import { sha256Hex, sha256New, sha256Update } from "./digest";
import { COPY_SIZE, needsSpill, writeChunks } from "./erofs-chunk";
import { directorySize, nextDirectory, writeDirectory } from "./erofs-directory";
import {
  CHUNK_BASED,
  dataSize,
  epochStart,
  epochVote,
  epochWrite,
  FLAT_INLINE,
  headSize,
  layoutOf,
  payloadBlocks,
  tailSize,
  writeInode,
  writeTarget,
} from "./erofs-inode";
import { base, GROWING_SIZE, used } from "./growing";
import { FINE, IMAGE_TOO_LARGE } from "./layer-fault";
import { DIRECTORY, SYMLINK } from "./layer-index";
import { IMAGE, L_TAR, L_UNIFIED, LAYERS, layerAt } from "./layer-stack";
import { alloc, copy, getF64, getU8, getU32, setF64, setU8, setU16, setU32 } from "./memory";
import {
  kindOf,
  N_FIRST,
  N_NEXT,
  objectOf,
  TREE_ROOT,
  V_FIRST_NODE,
  V_INODE,
  V_PAYLOAD,
} from "./tree";

const SUPERBLOCK: u32 = 1024;
const DEVICES: u32 = 1152;
const DEVICE_SIZE: u32 = 128;
const BLOCK_BYTES: u32 = 512;
const FIRST_UNIFIED: f64 = 8388608.0;
const UNIFIED_END: f64 = 4294967296.0;
/** The largest image: what a Wasm memory can hold beside its tree. */
const IMAGE_LIMIT: u32 = 1 << 30;

const MAGIC: u32 = 0xe0f5e1e2;
const COMPAT_CHECKSUM: u32 = 1;
const COMPAT_MTIME: u32 = 2;
const INCOMPAT_CHUNKS: u32 = 4;
const INCOMPAT_DEVICES: u32 = 8;

// The image.
const I_ADDRESS: u32 = 0;
const I_SIZE: u32 = 4;
const I_COPIES: u32 = 8; // growing
const I_CURSOR: u32 = I_COPIES + GROWING_SIZE; // first free byte of the inode area
const I_BLOCKS: u32 = I_CURSOR + 4; // payload blocks so far
const I_INODES: u32 = I_BLOCKS + 4;
const I_CHUNKS: u32 = I_INODES + 4; // whether there is a chunk-based inode
const I_SPILL: u32 = I_CHUNKS + 4; // whether there is a spill
const I_SPILLED: u32 = I_SPILL + 4; // its bytes so far (f64)
const I_PAYLOAD: u32 = I_SPILLED + 8; // offset of the payload blocks
const STATE_SIZE: u32 = I_PAYLOAD + 4;

// What a pass over all inodes does.
const SURVEY: u32 = 0;
const PLACE: u32 = 1;
const WRITE: u32 = 2;

/**
 * Makes the image of the finished tree. At `ids` stand the 64 hex digits of each layer's diff ID,
 * bottom first. Returns a fault, or 0.
 */
export function erofsBuild(t: u32, ids: u32): u32 {
  const image = alloc(STATE_SIZE);
  setU32(t + IMAGE, image);
  epochStart();
  const end = placeTars(t);
  pass(t, image, SURVEY);
  const devices = getU32(t + LAYERS) + getU32(image + I_SPILL);
  setU32(image + I_CURSOR, DEVICES + devices * DEVICE_SIZE);
  pass(t, image, PLACE);
  if (getU32(image + I_CURSOR) > IMAGE_LIMIT) return IMAGE_TOO_LARGE;
  if (getU32(image + I_BLOCKS) > u32(IMAGE_LIMIT / BLOCK_BYTES)) return IMAGE_TOO_LARGE;
  const payload = roundUp(getU32(image + I_CURSOR), BLOCK_BYTES);
  const size = roundUp(payload + getU32(image + I_BLOCKS) * BLOCK_BYTES, 4096);
  setU32(image + I_PAYLOAD, payload);
  setU32(image + I_ADDRESS, alloc(size));
  setU32(image + I_SIZE, size);
  setU32(image + I_INODES, 0);
  pass(t, image, WRITE);
  writeDevices(t, image, ids, end);
  writeSuperblock(t, image, ids, devices);
  return FINE;
}

function roundUp(x: u32, to: u32): u32 {
  return u32((x + to - 1) / to) * to;
}

/** Gives each tar its place in the unified block space; returns the first block after them. */
function placeTars(t: u32): f64 {
  let next = FIRST_UNIFIED;
  for (let layer: u32 = 0; layer < getU32(t + LAYERS); layer++) {
    const l = layerAt(t, layer);
    const blocks = Math.ceil(getF64(l + L_TAR) / 512.0);
    const fits = next + blocks < UNIFIED_END;
    setU32(l + L_UNIFIED, fits ? u32(next) : 0);
    if (fits) next += blocks;
  }
  return next;
}

/** Goes over all inodes, in the order in which they lie in the image. */
function pass(t: u32, image: u32, what: u32): void {
  const root = getU32(t + TREE_ROOT);
  for (let node = root; node !== 0; node = nextDirectory(node, root)) {
    visit(t, image, node, what);
    for (let child = getU32(node + N_FIRST); child !== 0; child = getU32(child + N_NEXT)) {
      if (kindOf(objectOf(child)) !== DIRECTORY) visit(t, image, child, what);
    }
  }
}

function visit(t: u32, image: u32, node: u32, what: u32): void {
  const object = objectOf(node);
  // Of several names of a file, the inode goes with one.
  if (getU32(object + V_FIRST_NODE) !== node) return;
  if (what === SURVEY) {
    survey(t, image, object);
    return;
  }
  const size = kindOf(object) === DIRECTORY ? f64(directorySize(node)) : dataSize(object);
  if (what === PLACE) place(t, image, object, size);
  else write(t, image, node, object, size);
}

function survey(t: u32, image: u32, object: u32): void {
  epochVote(object);
  if (layoutOf(t, object, kindOf(object) === DIRECTORY ? 0.0 : dataSize(object)) !== CHUNK_BASED) {
    return;
  }
  setU32(image + I_CHUNKS, 1);
  if (getU32(image + I_SPILL) === 0 && needsSpill(t, object)) setU32(image + I_SPILL, 1);
}

/** Finds the inode's place: an inline tail may not cross into the next block. */
function place(t: u32, image: u32, object: u32, size: f64): void {
  // Past the limit nothing counts any more, and no sum may overflow.
  if (getU32(image + I_CURSOR) > IMAGE_LIMIT) return;
  const head = headSize(t, object, size);
  const tail = tailSize(t, object, size, head);
  let at = roundUp(getU32(image + I_CURSOR), 32);
  if (layoutOf(t, object, size) === FLAT_INLINE) {
    while (((at + head) % BLOCK_BYTES) + tail > BLOCK_BYTES) at += 32;
  }
  setU32(object + V_INODE, at);
  setU32(object + V_PAYLOAD, getU32(image + I_BLOCKS));
  setU32(image + I_CURSOR, at + head + tail);
  setU32(image + I_BLOCKS, getU32(image + I_BLOCKS) + payloadBlocks(t, object, size));
}

function write(t: u32, image: u32, node: u32, object: u32, size: f64): void {
  const inodes = getU32(image + I_INODES) + 1;
  setU32(image + I_INODES, inodes);
  const start = getU32(image + I_ADDRESS);
  const payload = getU32(image + I_PAYLOAD);
  const p = start + getU32(object + V_INODE);
  writeInode(t, object, size, p, inodes, u32(payload / BLOCK_BYTES));
  const after = p + headSize(t, object, size);
  const blocks = start + payload + getU32(object + V_PAYLOAD) * BLOCK_BYTES;
  const kind = kindOf(object);
  if (kind === DIRECTORY) {
    writeDirectory(node, blocks, payloadBlocks(t, object, size), after);
  } else if (kind === SYMLINK) {
    writeTarget(t, object, blocks, payloadBlocks(t, object, size), after);
  } else if (layoutOf(t, object, size) === CHUNK_BASED) {
    const spilled = getF64(image + I_SPILLED);
    // The image starts at a multiple of 16, so an address is aligned as its offset is.
    const indexes = roundUp(after, 8);
    const taken = writeChunks(t, object, indexes, image + I_COPIES, spilled);
    setF64(image + I_SPILLED, spilled + taken);
  }
}

function writeDevices(t: u32, image: u32, ids: u32, end: f64): void {
  const count = getU32(t + LAYERS);
  let slot = getU32(image + I_ADDRESS) + DEVICES;
  for (let layer: u32 = 0; layer < count; layer++) {
    const l = layerAt(t, layer);
    copy(slot, ids + layer * 64, 64);
    setU32(slot + 64, u32(Math.ceil(getF64(l + L_TAR) / 512.0)));
    setU32(slot + 68, getU32(l + L_UNIFIED));
    slot += DEVICE_SIZE;
  }
  if (getU32(image + I_SPILL) === 0) return;
  const blocks = getF64(image + I_SPILLED) / 512.0;
  setU32(slot, 0x6c697073); // spil
  setU32(slot + 4, 0x6c); // l
  setU32(slot + 64, u32(blocks));
  setU32(slot + 68, end + blocks < UNIFIED_END ? u32(end) : 0);
}

function writeSuperblock(t: u32, image: u32, ids: u32, devices: u32): void {
  const p = getU32(image + I_ADDRESS) + SUPERBLOCK;
  const root = getU32(objectOf(getU32(t + TREE_ROOT)) + V_INODE);
  setU32(p, MAGIC);
  setU32(p + 8, COMPAT_CHECKSUM | COMPAT_MTIME);
  setU8(p + 12, 9); // blocks of 2^9 bytes
  setU16(p + 14, root >>> 5);
  setU32(p + 16, getU32(image + I_INODES));
  epochWrite(p + 24);
  setU32(p + 36, u32(getU32(image + I_SIZE) / BLOCK_BYTES));
  writeUuid(p + 48, ids, getU32(t + LAYERS) * 64);
  const chunks = getU32(image + I_CHUNKS) === 0 ? 0 : INCOMPAT_CHUNKS;
  setU32(p + 80, (devices === 0 ? 0 : INCOMPAT_DEVICES) | chunks);
  setU16(p + 86, devices);
  setU16(p + 88, devices === 0 ? 0 : u32(DEVICES / DEVICE_SIZE));
  setU32(p + 4, crc32c(p, BLOCK_BYTES));
}

/** A name for the image that its layers alone decide (RFC 9562, version 8). */
function writeUuid(p: u32, ids: u32, size: u32): void {
  const hex = alloc(64);
  const hasher = sha256New();
  sha256Update(hasher, ids, size);
  sha256Hex(hasher, hex);
  for (let i: u32 = 0; i < 16; i++) setU8(p + i, digit(hex + i * 2) * 16 + digit(hex + i * 2 + 1));
  setU8(p + 6, (getU8(p + 6) & 15) | 0x80);
  setU8(p + 8, (getU8(p + 8) & 0x3f) | 0x80);
}

function digit(p: u32): u32 {
  const c = getU8(p);
  return c < 58 ? c - 48 : c - 87;
}

/** CRC-32C as EROFS takes it: all ones at the start, and no inversion at the end. */
function crc32c(p: u32, size: u32): u32 {
  let crc: u32 = 0xffffffff;
  for (let at = p; at < p + size; at++) {
    crc = (crc ^ getU8(at)) >>> 0;
    for (let bit: u32 = 0; bit < 8; bit++) {
      crc = ((crc & 1) !== 0 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1) >>> 0;
    }
  }
  return crc;
}

/** Address of the image that `erofsBuild` made. */
export function erofsImage(t: u32): u32 {
  return getU32(getU32(t + IMAGE) + I_ADDRESS);
}
export function erofsImageSize(t: u32): u32 {
  return getU32(getU32(t + IMAGE) + I_SIZE);
}

/** Address of the copies that make the spill: see COPY_SIZE. None: no spill, no device for it. */
export function erofsCopies(t: u32): u32 {
  return base(getU32(t + IMAGE) + I_COPIES);
}
export function erofsCopiesCount(t: u32): u32 {
  return u32(used(getU32(t + IMAGE) + I_COPIES) / COPY_SIZE);
}

/** Size in bytes of the spill. */
export function erofsSpillSize(t: u32): f64 {
  return getF64(getU32(t + IMAGE) + I_SPILLED);
}
