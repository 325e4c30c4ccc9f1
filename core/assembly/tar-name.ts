// Names in layers: normalised to components between single slashes, relative to the root, and
// never above it; and the two kinds of name that are marks and no files ("whiteouts", OCI image
// spec, layer.md):
//
//   DIR/.wh.NAME       hides NAME of all lower layers
//   DIR/.wh..wh..opq   hides everything that lower layers have in DIR
//   .wh..wh.*          any other is bookkeeping that AUFS left behind

import { LEAVES_ROOT, NAME_TOO_LONG, NAME_WITH_NUL } from "./layer-fault";
import { getU8, getU32, setU8 } from "./memory";

/** The longest path, in bytes: what one system call takes (PATH_MAX less its NUL). */
export const PATH_LIMIT: u32 = 4095;
/** The longest component, in bytes (NAME_MAX). */
export const NAME_LIMIT: u32 = 255;

let fault: u32 = 0;

/** Why the last `normalize` failed, or 0. */
export function nameFault(): u32 {
  return fault;
}

/** Drops the last component of `length` bytes at `to`; the root has none. */
function parentLength(to: u32, length: u32): u32 {
  let at = length;
  while (at > 0 && getU8(to + at - 1) !== 47) at--;
  return at > 0 ? at - 1 : 0;
}

function isDots(p: u32, length: u32): bool {
  return getU8(p) === 46 && (length === 1 || (length === 2 && getU8(p + 1) === 46));
}

/**
 * Writes the normalised form of `length` bytes at `from` to `to`, where PATH_LIMIT bytes fit, and
 * returns its length: 0 is the root, and 0 with `nameFault()` a refusal.
 */
export function normalize(from: u32, length: u32, to: u32): u32 {
  fault = 0;
  if (length > PATH_LIMIT) return refuse(NAME_TOO_LONG);
  const end = from + length;
  let size: u32 = 0;
  let at = from;
  while (at < end) {
    const start = size;
    if (size > 0) setU8(to + size++, 47);
    const component = size;
    let c: u32 = 0;
    while (at < end) {
      c = getU8(at++);
      if (c === 47) break;
      if (c === 0) return refuse(NAME_WITH_NUL);
      setU8(to + size++, c);
    }
    const width = size - component;
    if (width > NAME_LIMIT) return refuse(NAME_TOO_LONG);
    if (width === 0) size = start;
    else if (width <= 2 && isDots(to + component, width)) {
      if (width === 2 && start === 0) return refuse(LEAVES_ROOT);
      size = width === 1 ? start : parentLength(to, start);
    }
  }
  return size;
}

function refuse(why: u32): u32 {
  fault = why;
  return 0;
}

/** Where the last component of the path of `length` bytes at `p` starts. */
export function lastComponent(p: u32, length: u32): u32 {
  let at = p + length;
  while (at > p && getU8(at - 1) !== 47) at--;
  return at;
}

/** Whether `length` bytes at `p` start with ".wh.". */
export function isMark(p: u32, length: u32): bool {
  return length >= 4 && getU32(p) === 0x2e68772e;
}

/** Whether `length` bytes at `p` start with ".wh..wh.". */
export function isMetaMark(p: u32, length: u32): bool {
  return length >= 8 && getU32(p) === 0x2e68772e && getU32(p + 4) === 0x2e68772e;
}

/** Whether the `length` bytes at `p` are ".wh..wh..opq". */
export function isOpaqueMark(p: u32, length: u32): bool {
  return length === 12 && isMetaMark(p, length) && getU32(p + 8) === 0x71706f2e;
}

/** Whether what a whiteout hides is no name: empty, "." or "..". */
export function isNoName(p: u32, length: u32): bool {
  return length === 0 || (length <= 2 && isDots(p, length));
}

/** Whether any component of the path starts with ".wh..wh.". */
export function hasMetaMark(p: u32, length: u32): bool {
  const end = p + length;
  let start = true;
  for (let at = p; at + 8 <= end; at++) {
    if (start && isMetaMark(at, end - at)) return true;
    start = getU8(at) === 47;
  }
  return false;
}
