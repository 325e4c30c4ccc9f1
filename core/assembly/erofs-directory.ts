// Directories of the image: blocks, each an array of 12-byte entries followed by their names.
//
// All names of a directory, "." and ".." among them, stand in the order of their bytes, since the
// kernel searches them by halving: first the blocks by their first names, then inside one. (So
// "-x" comes before ".".) A block holds as many entries as fit; unused space is zero.

import { copy, getU8, getU32, setU8, setU16, setU32 } from "./memory";
import {
  kindOf,
  N_FIRST,
  N_NEXT,
  N_PARENT,
  nodeName,
  nodeNameSize,
  objectOf,
  V_INODE,
} from "./tree";

const BLOCK: u32 = 512;
const ENTRY: u32 = 12;

// The entry at hand: a child, or, of the two dot entries, the next one.
let child: u32 = 0;
let dots: u32 = 0;
let isDot = false;

/** Whether a name stands before "." (`count` 1) or ".." (2). */
function isBeforeDots(node: u32, count: u32): bool {
  const name = nodeName(node);
  const first = getU8(name);
  if (first !== 46) return first < 46;
  // No child is called "." or "..", so there is a second byte, and after ".." a third.
  return count === 2 && getU8(name + 1) < 46;
}

function settle(): void {
  isDot = dots < 2 && (child === 0 || !isBeforeDots(child, dots + 1));
}

function start(directory: u32): void {
  child = getU32(directory + N_FIRST);
  dots = 0;
  settle();
}

function isOver(): bool {
  return child === 0 && !isDot;
}

function advance(): void {
  if (isDot) dots++;
  else child = getU32(child + N_NEXT);
  settle();
}

function nameSize(): u32 {
  return isDot ? dots + 1 : nodeNameSize(child);
}

/** Passes over the entries that fit in one block; returns the bytes they use. */
function passBlock(): u32 {
  let size: u32 = 0;
  while (!isOver() && size + ENTRY + nameSize() <= BLOCK) {
    size += ENTRY + nameSize();
    advance();
  }
  return size;
}

/** Size of the directory in bytes: whole blocks, and what the last one uses. */
export function directorySize(directory: u32): u32 {
  start(directory);
  let size: u32 = 0;
  while (true) {
    const usedBytes = passBlock();
    if (isOver()) return size + usedBytes;
    size += BLOCK;
  }
}

/** The type in an entry of an object (include/linux/fs_types.h, FT_*), by its kind. */
function typeOf(object: u32): u32 {
  const kind = kindOf(object);
  if (kind <= 2) return kind; // REGULAR, DIRECTORY
  return kind === 3 ? 7 : kind - 2; // SYMLINK; CHARACTER, BLOCK, FIFO
}

/**
 * Writes the directory's entries: block n to `blocks + 512 n`, but what remains past
 * `blockCount` blocks to `tail`.
 */
export function writeDirectory(directory: u32, blocks: u32, blockCount: u32, tail: u32): void {
  start(directory);
  for (let n: u32 = 0; !isOver(); n++) {
    const to = n < blockCount ? blocks + n * BLOCK : tail;
    const firstChild = child;
    const firstDots = dots;
    let count: u32 = 0;
    let size: u32 = 0;
    while (!isOver() && size + ENTRY + nameSize() <= BLOCK) {
      size += ENTRY + nameSize();
      count++;
      advance();
    }
    child = firstChild;
    dots = firstDots;
    settle();
    let name: u32 = count * ENTRY;
    for (let i: u32 = 0; i < count; i++) {
      name += writeEntry(directory, to, to + i * ENTRY, name);
      advance();
    }
  }
}

/** Writes the entry at hand, and its name at offset `name` of the block; the name's size. */
function writeEntry(directory: u32, block: u32, entry: u32, name: u32): u32 {
  const target = isDot ? (dots === 0 ? directory : getU32(directory + N_PARENT)) : child;
  const object = objectOf(target);
  setU32(entry, getU32(object + V_INODE) >>> 5);
  setU16(entry + 8, name);
  setU8(entry + 10, typeOf(object));
  const size = nameSize();
  if (isDot) {
    setU8(block + name, 46);
    if (size === 2) setU8(block + name + 1, 46);
  } else copy(block + name, nodeName(child), size);
  return size;
}

/** The directory after this one, each before those inside it; 0 after the last. */
export function nextDirectory(directory: u32, root: u32): u32 {
  const inside = firstDirectory(getU32(directory + N_FIRST));
  if (inside !== 0) return inside;
  let at = directory;
  while (at !== root) {
    const next = firstDirectory(getU32(at + N_NEXT));
    if (next !== 0) return next;
    at = getU32(at + N_PARENT);
  }
  return 0;
}

function firstDirectory(from: u32): u32 {
  let node = from;
  while (node !== 0 && kindOf(objectOf(node)) !== 2) node = getU32(node + N_NEXT);
  return node;
}
