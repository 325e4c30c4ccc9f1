// cpuset.cpus and cpuset.mems: lists of CPUs and memory nodes, such as "0-3,7".
//
// Version 1: a node begins with none, must have some before tasks may enter, and cannot have what
// its parent has not. Version 2: any list is taken, and what holds is its intersection with what
// holds above; where that is empty, all that holds above.
// (Linux, cgroup-v1/cpusets.rst, cgroup-v2.rst; the list format: lib/bitmap-str.c, without the
// stride, "N" and "all" that nobody writes here.)

import {
  answerList,
  CPUSET,
  controllersOf,
  isV2,
  NODE_CPUS,
  NODE_FIRST,
  NODE_MEMS,
  NODE_NEXT,
  NODE_POPULATION,
  nodeAt,
  parentOf,
  reserveList,
  SYSTEM_CPUS,
  SYSTEM_MEMS,
  systemAt,
} from "./cgroup";
import { EACCES, EBUSY, EINVAL, ENOENT, ENOSPC, ERANGE } from "./errno";
import { alloc, copy, fill, getU8, getU32, setU8, setU32 } from "./memory";

/** A bitmap's bytes: 1024 CPUs. */
const BYTES: u32 = 128;
const MAX: u32 = 1024;

const parsed: u32 = alloc(BYTES);
const online: u32 = alloc(BYTES);
const effective: u32 = alloc(BYTES);
const meet: u32 = alloc(BYTES);
const text: u32 = alloc(8192);

function isEmpty(map: u32): bool {
  for (let i: u32 = 0; i < BYTES; i += 4) {
    if (getU32(map + i) !== 0) return false;
  }
  return true;
}

function isSubset(map: u32, outer: u32): bool {
  for (let i: u32 = 0; i < BYTES; i += 4) {
    if ((getU32(map + i) & ~getU32(outer + i)) !== 0) return false;
  }
  return true;
}

function hasBit(map: u32, n: u32): bool {
  return ((getU8(map + (n >>> 3)) >>> (n & 7)) & 1) === 1;
}

function setBits(map: u32, first: u32, last: u32): void {
  for (let n = first; n <= last; n++) {
    const at = map + (n >>> 3);
    setU8(at, getU8(at) | (1 << (n & 7)));
  }
}

function isDigit(c: u32): bool {
  return c >= 48 && c <= 57;
}

let cursor: u32 = 0;

/** The number at `cursor`, which must be a digit; 1024 stands for all that is too much. */
function readNumber(end: u32): u32 {
  let n: u32 = 0;
  while (cursor < end && isDigit(getU8(cursor))) {
    n = n * 10 + getU8(cursor) - 48;
    if (n > MAX) n = MAX;
    cursor++;
  }
  return n;
}

/** Reads a list into `parsed`. EINVAL: not a list. ERANGE: a number of `limit` or more. */
function parseList(p: u32, length: u32, limit: u32): u32 {
  fill(parsed, 0, BYTES);
  const end = p + length;
  cursor = p;
  while (cursor < end) {
    const c = getU8(cursor);
    if (c === 44 || c === 32 || c === 10 || c === 9) {
      cursor++;
      continue;
    }
    if (!isDigit(c)) return EINVAL;
    const first = readNumber(end);
    let last = first;
    if (cursor < end && getU8(cursor) === 45) {
      cursor++;
      if (cursor === end || !isDigit(getU8(cursor))) return EINVAL;
      last = readNumber(end);
    }
    if (cursor < end) {
      const after = getU8(cursor);
      if (after !== 44 && after !== 32 && after !== 10 && after !== 9) return EINVAL;
    }
    if (last < first) return EINVAL;
    if (last >= limit) return ERANGE;
    setBits(parsed, first, last);
  }
  return 0;
}

function writeNumber(to: u32, n: u32): u32 {
  let p = to;
  for (let unit: u32 = 1000; unit > 1; unit = u32(unit / 10)) {
    if (n >= unit) setU8(p++, 48 + (u32(n / unit) % 10));
  }
  setU8(p++, 48 + (n % 10));
  return p;
}

/** Answers with the bitmap as the kernel prints it. */
function answerText(map: u32): void {
  let p = text;
  let n: u32 = 0;
  while (n < MAX) {
    if (!hasBit(map, n)) {
      n++;
      continue;
    }
    let last = n;
    while (last + 1 < MAX && hasBit(map, last + 1)) last++;
    if (p !== text) setU8(p++, 44);
    p = writeNumber(p, n);
    if (last > n) {
      setU8(p++, 45);
      p = writeNumber(p, last);
    }
    n = last + 1;
  }
  answerList(text, p - text);
}

function fieldOf(memory: u32): u32 {
  return memory === 0 ? NODE_CPUS : NODE_MEMS;
}

/** Fills `map` with what the machine has. */
function fillOnline(system: u32, memory: u32, map: u32): void {
  fill(map, 0, BYTES);
  setBits(map, 0, getU32(system + (memory === 0 ? SYSTEM_CPUS : SYSTEM_MEMS)) - 1);
}

/** One node's step on the way down: `effective` becomes what holds in it. */
function descend(node: u32, memory: u32, v2: bool): void {
  const own = getU32(node + fieldOf(memory));
  if (!v2) {
    if (own === 0) fill(effective, 0, BYTES);
    else copy(effective, own, BYTES);
    return;
  }
  if (own === 0) return;
  for (let i: u32 = 0; i < BYTES; i += 4) {
    setU32(meet + i, (getU32(effective + i) & getU32(own + i)) >>> 0);
  }
  if (!isEmpty(meet)) copy(effective, meet, BYTES);
}

/** Fills `effective` with what holds in `node`. */
function computeEffective(system: u32, node: u32, memory: u32): void {
  fillOnline(system, memory, effective);
  const v2 = isV2(system, node);
  let depth: u32 = 0;
  for (let at = node; parentOf(system, at) !== 0; at = parentOf(system, at)) depth++;
  const path = reserveList(depth);
  let level = depth;
  for (let at = node; parentOf(system, at) !== 0; at = parentOf(system, at)) {
    level--;
    setU32(path + level * 4, at);
  }
  for (let i: u32 = 0; i < depth; i++) descend(getU32(path + i * 4), memory, v2);
}

/** Whether tasks may enter: in version 1 only where there is a CPU and memory for them. */
export function cpusetAdmits(system: u32, node: u32): bool {
  if (isV2(system, node) || (controllersOf(system, node) & CPUSET) === 0) return true;
  if (parentOf(system, node) === 0) return true;
  const cpus = getU32(node + NODE_CPUS);
  const mems = getU32(node + NODE_MEMS);
  return cpus !== 0 && mems !== 0 && !isEmpty(cpus) && !isEmpty(mems);
}

/** Version 1: children keep within their parent. The fault of `parsed` for `node`, or 0. */
function familyFault(system: u32, node: u32, memory: u32): u32 {
  const field = fieldOf(memory);
  for (let c = getU32(node + NODE_FIRST); c !== 0; c = getU32(nodeAt(system, c) + NODE_NEXT)) {
    const childs = getU32(nodeAt(system, c) + field);
    if (childs !== 0 && !isSubset(childs, parsed)) return EBUSY;
  }
  computeEffective(system, parentOf(system, node), memory);
  return isSubset(parsed, effective) ? 0 : EACCES;
}

/**
 * Writes cpuset.cpus, or with `memory` 1 cpuset.mems. ENOENT: no such file here. EINVAL: no list,
 * or memory nodes that the machine has not. ERANGE: CPUs that it has not, nodes beyond 1023. EBUSY:
 * a child has more. EACCES: the parent has less. ENOSPC: nothing for the tasks inside.
 */
export function cpusetSet(s: u32, handle: u32, memory: u32, p: u32, length: u32): u32 {
  const system = systemAt(s);
  const node = nodeAt(system, handle);
  if (node === 0 || (controllersOf(system, node) & CPUSET) === 0) return ENOENT;
  const v2 = isV2(system, node);
  if (parentOf(system, node) === 0) return v2 ? ENOENT : EACCES;
  // The kernel parses CPUs against those that are possible, but nodes against its own maximum.
  const fault = parseList(p, length, memory === 0 ? getU32(system + SYSTEM_CPUS) : MAX);
  if (fault !== 0) return fault;
  fillOnline(system, memory, online);
  if (!isSubset(parsed, online)) return EINVAL;
  const clash = v2 ? 0 : familyFault(system, node, memory);
  if (clash !== 0) return clash;
  const field = fieldOf(memory);
  let own = getU32(node + field);
  if (isEmpty(parsed) && own !== 0 && !isEmpty(own)) {
    if (getU32(node + NODE_POPULATION) !== 0) return ENOSPC;
  }
  if (own === 0) {
    own = alloc(BYTES);
    setU32(node + field, own);
  }
  copy(own, parsed, BYTES);
  return 0;
}

/** Result: address and length of the list, the node's own one or, with `whole` 1, what holds. */
export function cpusetList(s: u32, handle: u32, memory: u32, whole: u32): u32 {
  const system = systemAt(s);
  const node = nodeAt(system, handle);
  if (node === 0) return ENOENT;
  const own = getU32(node + fieldOf(memory));
  if (whole === 1 || parentOf(system, node) === 0) {
    computeEffective(system, node, memory);
    answerText(effective);
  } else if ((controllersOf(system, node) & CPUSET) === 0) {
    return ENOENT;
  } else if (own === 0) {
    answerList(text, 0);
  } else {
    answerText(own);
  }
  return 0;
}
