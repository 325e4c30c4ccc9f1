// The order of a directory's children: their names as unsigned bytes, which is how EROFS searches
// them. Sorting relinks the list of children itself.

import { getU8, getU32, setU32 } from "./memory";
import { N_FIRST, N_NEXT, N_PARENT, N_PREVIOUS, nodeName, nodeNameSize } from "./tree";

/** Whether the name of node `a` stands before that of `b`. */
function isBefore(a: u32, b: u32): bool {
  const x = nodeName(a);
  const y = nodeName(b);
  const xSize = nodeNameSize(a);
  const ySize = nodeNameSize(b);
  let size = xSize;
  if (ySize < size) size = ySize;
  for (let i: u32 = 0; i < size; i++) {
    const p = getU8(x + i);
    const q = getU8(y + i);
    if (p !== q) return p < q;
  }
  return xSize < ySize;
}

let tail: u32 = 0;
let head: u32 = 0;

function append(node: u32): void {
  if (tail === 0) head = node;
  else setU32(tail + N_NEXT, node);
  tail = node;
}

/** Merges up to `width` nodes at `a` with up to `width` at `b`; returns the node after them. */
function mergeRuns(first: u32, second: u32, width: u32): u32 {
  let a = first;
  let b = second;
  let left: u32 = width;
  let right: u32 = width;
  while (left > 0 || (right > 0 && b !== 0)) {
    if (left > 0 && (right === 0 || b === 0 || isBefore(a, b))) {
      append(a);
      a = getU32(a + N_NEXT);
      left--;
    } else {
      append(b);
      b = getU32(b + N_NEXT);
      right--;
    }
  }
  return b;
}

/** Sorts the children of a directory, by a merge sort from runs of one. */
export function sortChildren(directory: u32): void {
  head = getU32(directory + N_FIRST);
  if (head === 0) return;
  let merges: u32 = 2;
  for (let width: u32 = 1; merges > 1; width *= 2) {
    let a = head;
    head = 0;
    tail = 0;
    merges = 0;
    while (a !== 0) {
      merges++;
      let b = a;
      let left: u32 = 0;
      while (left < width && b !== 0) {
        b = getU32(b + N_NEXT);
        left++;
      }
      // A short first run has no second one.
      if (left < width || b === 0) {
        append(a);
        while (getU32(tail + N_NEXT) !== 0) tail = getU32(tail + N_NEXT);
        break;
      }
      a = mergeRuns(a, b, width);
    }
    setU32(tail + N_NEXT, 0);
  }
  setU32(directory + N_FIRST, head);
  let previous: u32 = 0;
  for (let node = head; node !== 0; node = getU32(node + N_NEXT)) {
    setU32(node + N_PREVIOUS, previous);
    previous = node;
  }
}

/** The node after this one, each directory before what it holds; 0 after the last. */
export function nextInOrder(node: u32, root: u32): u32 {
  const child = getU32(node + N_FIRST);
  if (child !== 0) return child;
  let at = node;
  while (at !== root) {
    const next = getU32(at + N_NEXT);
    if (next !== 0) return next;
    at = getU32(at + N_PARENT);
  }
  return 0;
}
