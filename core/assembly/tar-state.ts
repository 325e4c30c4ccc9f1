// The state of a reader of tars (tar.ts, tar-member.ts): offsets into one block of memory, and what
// both files do with it.

import { GROWING_SIZE } from "./growing";
import { INDEX_HEADER } from "./layer-index";
import { getF64, getU32, setF64, setU32 } from "./memory";

export const BLOCK_SIZE: u32 = 512;

// What the next bytes are.
export const HEADER: u32 = 0;
export const MAP: u32 = 1; // blocks of a sparse map
export const BODY: u32 = 2;
export const PADDING: u32 = 3;
export const EXTENDED: u32 = 4; // the body of an x, g, L or K member
export const ENDED: u32 = 5;
export const FAILED: u32 = 6;

// The reader.
export const T_MODE: u32 = 0;
export const T_FILLED: u32 = 4;
/** Bytes left of a body or an extended header. */
export const T_LEFT: u32 = 8;
export const T_POSITION: u32 = 16;
export const T_MEMBER: u32 = 24;
export const T_PADDING: u32 = 32;
/** The record whose padding comes next, counted from 1; 0 for none. */
export const T_RECORD: u32 = 36;
export const T_TYPE: u32 = 40;
export const T_ZEROES: u32 = 44;
/** Whether extended headers wait for their member. */
export const T_WAITING: u32 = 48;
export const T_FAULT: u32 = 52;
export const T_RECORDS: u32 = 56;
export const T_HEAP: u32 = T_RECORDS + GROWING_SIZE;
export const T_EXTENDED: u32 = T_HEAP + GROWING_SIZE;
export const T_PAX: u32 = T_EXTENDED + GROWING_SIZE;
export const T_GLOBAL: u32 = T_PAX + 4;
/** Sizes of the names of L and K members, and the names. */
export const T_LONG_NAME_SIZE: u32 = T_GLOBAL + 4;
export const T_LONG_LINK_SIZE: u32 = T_LONG_NAME_SIZE + 4;
export const T_LONG_NAME: u32 = T_LONG_LINK_SIZE + 4;
export const T_LONG_LINK: u32 = T_LONG_NAME + 4096;
export const T_BLOCK: u32 = T_LONG_LINK + 4096;
/** The header of the finished index. */
export const T_INDEX: u32 = T_BLOCK + BLOCK_SIZE;
/** The raw name of the member at hand, for messages. */
export const T_NAME: u32 = T_INDEX + INDEX_HEADER;
export const T_NAME_SIZE: u32 = T_NAME + 4;
/** Its raw link target. */
export const T_LINK: u32 = T_NAME_SIZE + 4;
export const T_LINK_SIZE: u32 = T_LINK + 4;
/** Room for a name from the header: prefix, slash, name. */
export const T_JOINED: u32 = T_LINK_SIZE + 4;
/** The member at hand: tar-member.ts. */
export const T_MEMBER_STATE: u32 = ((T_JOINED + 256 + 7) >>> 3) << 3;
export const READER_SIZE: u32 = T_MEMBER_STATE + 128;

/** Notes that `size` bytes of a body or of an extended header went by. */
export function passBody(t: u32, size: f64): void {
  const left = getF64(t + T_LEFT) - size;
  setF64(t + T_LEFT, left);
  if (left === 0.0) setU32(t + T_MODE, getU32(t + T_PADDING) > 0 ? PADDING : HEADER);
}

/** Expects `size` bytes of `mode`, and then their padding. */
export function expectBytes(t: u32, mode: u32, size: f64): void {
  const tail = u32(size - Math.floor(size / 512.0) * 512.0);
  setU32(t + T_PADDING, tail === 0 ? 0 : BLOCK_SIZE - tail);
  setF64(t + T_LEFT, size);
  setU32(t + T_MODE, size > 0.0 ? mode : HEADER);
}

/** Expects the body of the member at hand. */
export function expectBody(t: u32, size: f64): void {
  expectBytes(t, BODY, size);
}

/** Where the next byte of the tar stands. */
export function tarPosition(t: u32): f64 {
  return getF64(t + T_POSITION);
}
