// A buffer that grows: 12 bytes that hold its base address, the bytes used, and its capacity.
// Growing moves it, so callers keep offsets into it and no addresses across `reserve`.

import { alloc, copy, getU32, setU32 } from "./memory";

const USED: u32 = 4;
const CAPACITY: u32 = 8;

export const GROWING_SIZE: u32 = 12;

/** Address past the used bytes at which `extra` bytes fit. */
export function reserve(buffer: u32, extra: u32): u32 {
  const used = getU32(buffer + USED);
  let capacity = getU32(buffer + CAPACITY);
  if (used + extra > capacity) {
    if (capacity === 0) capacity = 2048;
    // What is not used costs no memory, so rare copies are cheaper than tight sizes.
    while (capacity < used + extra) capacity *= 4;
    const moved = alloc(capacity);
    copy(moved, getU32(buffer), used);
    setU32(buffer, moved);
    setU32(buffer + CAPACITY, capacity);
  }
  return getU32(buffer) + used;
}

/** Counts `size` reserved bytes as used; returns the offset at which they start. */
export function commit(buffer: u32, size: u32): u32 {
  const at = getU32(buffer + USED);
  setU32(buffer + USED, at + size);
  return at;
}

export function base(buffer: u32): u32 {
  return getU32(buffer);
}

export function used(buffer: u32): u32 {
  return getU32(buffer + USED);
}

export function clear(buffer: u32): void {
  setU32(buffer + USED, 0);
}
