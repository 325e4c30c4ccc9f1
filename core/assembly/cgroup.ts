// Control groups: hierarchies, and their trees of nodes.
//
// A hierarchy is a tree of nodes with controllers attached to it. A controller is attached to one
// hierarchy at most. In version 1 a hierarchy is mounted for a few controllers (or for none, then
// only its name tells it apart). There is one hierarchy of version 2; all controllers that no
// version 1 hierarchy has and that know version 2 belong to it, and there a node passes controllers
// on to its children one by one (`subtree_control`). Both kinds side by side is called hybrid.
// (Linux, Documentation/admin-guide/cgroup-v1/cgroups.rst and cgroup-v2.rst.)
//
// Functions return 0 or an errno, as the system call on cgroupfs would; what they find stands in
// the fields at `cgroupResult()`. Limits are in cgroup-limits.ts, CPU lists in cpuset.ts, and which
// tasks are where in css-set.ts.

import { EBUSY, EEXIST, EINVAL, ENAMETOOLONG, ENOENT, ENOSPC } from "./errno";
import { alloc, copy, getU8, getU32, setU32 } from "./memory";
import { slotsAdd, slotsAt, slotsDrop, slotsNew, slotsNext } from "./slots";

// Controllers are bits, in the kernel's order (include/linux/cgroup_subsys.h).
export const CPUSET: u32 = 1;
export const CPU: u32 = 2;
export const IO: u32 = 8;
export const MEMORY: u32 = 16;
export const FREEZER: u32 = 64;
const PERF_EVENT: u32 = 256;
const HUGETLB: u32 = 1024;
export const PIDS: u32 = 2048;
const RDMA: u32 = 4096;
const MISC: u32 = 8192;
export const ALL: u32 = 16383;
/** What version 2 hands out by subtree_control. */
const V2: u32 = CPUSET | CPU | IO | MEMORY | HUGETLB | PIDS | RDMA | MISC;
/** What may also weigh threads of one process against each other. */
export const THREADED: u32 = CPUSET | CPU | PERF_EVENT | PIDS;

export const MAX_HIERARCHIES: u32 = 64;
/** kernfs has no limit of 255 for a name (seen in 6.18); what is left is that of a path. */
const NAME_MAX: u32 = 4095;

// Fields of a system: one machine's cgroups.
export const HIERARCHIES: u32 = 0;
export const NODES: u32 = 4;
export const SYSTEM_CPUS: u32 = 8;
export const SYSTEM_MEMS: u32 = 12;
/** Counts hierarchies made and removed, so that css-set.ts notices. */
export const SYSTEM_EPOCH: u32 = 16;
/** What css-set.ts keeps for the system. */
export const SYSTEM_SETS: u32 = 20;
/** The controllers that the machine's kernel was built with. */
export const SYSTEM_CONTROLLERS: u32 = 24;

// Fields of a hierarchy.
export const HIERARCHY_VERSION: u32 = 0;
export const HIERARCHY_CONTROLLERS: u32 = 4;
export const HIERARCHY_ROOT: u32 = 8;

// Fields of a node. Handles, but where said otherwise.
export const NODE_HIERARCHY: u32 = 0;
const NODE_PARENT: u32 = 4;
export const NODE_FIRST: u32 = 8;
export const NODE_NEXT: u32 = 12;
const NODE_PREVIOUS: u32 = 16;
/** Number of tasks in the node itself. */
export const NODE_TASKS: u32 = 20;
/** Number of tasks in the node and below. */
export const NODE_POPULATION: u32 = 24;
/** Controllers that version 2 children have. */
export const NODE_SUBTREE_CONTROL: u32 = 28;
const NODE_NAME: u32 = 32;
const NODE_NAME_LENGTH: u32 = 36;
const NODE_NAME_HASH: u32 = 40;
/** Link to the first css_set. */
export const NODE_LINKS: u32 = 44;
/** Addresses of the bitmaps of cpuset.cpus and cpuset.mems. */
export const NODE_CPUS: u32 = 48;
export const NODE_MEMS: u32 = 52;
/** Limits, f64 by kind. */
export const NODE_LIMITS: u32 = 56;
export const LIMIT_KINDS: u32 = 11;
const NODE_SIZE: u32 = 144;

const systems: u32 = slotsNew(32);
const result: u32 = alloc(48);
let list: u32 = 0;
let listCapacity: u32 = 0;

/** Address of what the last call found: u32 fields, or one f64. */
export function cgroupResult(): u32 {
  return result;
}

/** Room for `count` u32 of an answer; what was in it before is gone. */
export function reserveList(count: u32): u32 {
  if (count > listCapacity) {
    listCapacity = count * 2;
    list = alloc(listCapacity * 4);
  }
  return list;
}

/** Gives `count` handles at `p` as the answer. */
export function answerList(p: u32, count: u32): void {
  setU32(result, p);
  setU32(result + 4, count);
}

/**
 * A machine with `cpus` CPUs and `mems` memory nodes, and a kernel with these controllers; 0 for
 * what no machine has.
 */
export function cgroupSystemNew(cpus: u32, mems: u32, controllers: u32): u32 {
  if (cpus < 1 || cpus > 1024 || mems < 1 || mems > 1024) return 0;
  if ((controllers & ~ALL) !== 0) return 0;
  const handle = slotsAdd(systems);
  if (handle === 0) return 0;
  const system = slotsAt(systems, handle);
  setU32(system + HIERARCHIES, slotsNew(16));
  setU32(system + NODES, slotsNew(NODE_SIZE));
  setU32(system + SYSTEM_CPUS, cpus);
  setU32(system + SYSTEM_MEMS, mems);
  setU32(system + SYSTEM_CONTROLLERS, controllers);
  return handle;
}

/** Address of a system, or 0. */
export function systemAt(handle: u32): u32 {
  return slotsAt(systems, handle);
}

export function hierarchyAt(system: u32, handle: u32): u32 {
  return system === 0 ? 0 : slotsAt(getU32(system + HIERARCHIES), handle);
}

export function nodeAt(system: u32, handle: u32): u32 {
  return system === 0 ? 0 : slotsAt(getU32(system + NODES), handle);
}

/** The next live hierarchy, from 0 the first. */
export function nextHierarchy(system: u32, handle: u32): u32 {
  return slotsNext(getU32(system + HIERARCHIES), handle);
}

export function isV2(system: u32, node: u32): bool {
  const hierarchy = hierarchyAt(system, getU32(node + NODE_HIERARCHY));
  return getU32(hierarchy + HIERARCHY_VERSION) === 2;
}

/** The node that is live by construction; callers hold a node of the same system. */
export function parentOf(system: u32, node: u32): u32 {
  return nodeAt(system, getU32(node + NODE_PARENT));
}

/** The controllers that have files in this node. */
export function controllersOf(system: u32, node: u32): u32 {
  const hierarchy = hierarchyAt(system, getU32(node + NODE_HIERARCHY));
  if (getU32(hierarchy + HIERARCHY_VERSION) === 1) return getU32(hierarchy + HIERARCHY_CONTROLLERS);
  const parent = parentOf(system, node);
  if (parent !== 0) return getU32(parent + NODE_SUBTREE_CONTROL);
  return (getU32(system + SYSTEM_CONTROLLERS) & V2 & ~attachedTo(system, 1)) >>> 0;
}

/** The controllers of all hierarchies of one version; of version 2, those passed on by its root. */
export function attachedTo(system: u32, version: u32): u32 {
  let controllers: u32 = 0;
  for (let h = nextHierarchy(system, 0); h !== 0; h = nextHierarchy(system, h)) {
    const hierarchy = hierarchyAt(system, h);
    if (getU32(hierarchy + HIERARCHY_VERSION) !== version) continue;
    if (version === 1) controllers |= getU32(hierarchy + HIERARCHY_CONTROLLERS);
    const root = nodeAt(system, getU32(hierarchy + HIERARCHY_ROOT));
    if (version === 2 && getU32(root + NODE_FIRST) !== 0) {
      controllers |= getU32(root + NODE_SUBTREE_CONTROL);
    }
  }
  return controllers >>> 0;
}

function hashName(p: u32, length: u32): u32 {
  let hash: u32 = length;
  for (let i: u32 = 0; i < length; i++) {
    hash = ((((hash << 5) >>> 0) + hash) ^ getU8(p + i)) >>> 0;
  }
  return hash;
}

function sameBytes(a: u32, b: u32, length: u32): bool {
  for (let i: u32 = 0; i < length; i++) {
    if (getU8(a + i) !== getU8(b + i)) return false;
  }
  return true;
}

/** The child of `node` with this name, or 0. */
function childNamed(system: u32, node: u32, p: u32, length: u32): u32 {
  const hash = hashName(p, length);
  let child = getU32(node + NODE_FIRST);
  while (child !== 0) {
    const at = nodeAt(system, child);
    if (getU32(at + NODE_NAME_HASH) === hash && getU32(at + NODE_NAME_LENGTH) === length) {
      if (sameBytes(getU32(at + NODE_NAME), p, length)) return child;
    }
    child = getU32(at + NODE_NEXT);
  }
  return 0;
}

/** mkdir: ENOENT for no name, EEXIST for "." and "..", EINVAL for "/", line feed and NUL. */
function checkName(p: u32, length: u32): u32 {
  if (length === 0) return ENOENT;
  if (length > NAME_MAX) return ENAMETOOLONG;
  let dots: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    const c = getU8(p + i);
    if (c === 47 || c === 10 || c === 0) return EINVAL;
    if (c === 46) dots++;
  }
  return length <= 2 && dots === length ? EEXIST : 0;
}

/** Makes a child. Result: its handle. EEXIST: the name is taken. */
export function cgroupCreate(s: u32, parent: u32, p: u32, length: u32): u32 {
  const system = systemAt(s);
  const above = nodeAt(system, parent);
  if (above === 0) return ENOENT;
  const fault = checkName(p, length);
  if (fault !== 0) return fault;
  if (childNamed(system, above, p, length) !== 0) return EEXIST;
  const handle = slotsAdd(getU32(system + NODES));
  if (handle === 0) return ENOSPC;
  const node = nodeAt(system, handle);
  const name = alloc(length);
  copy(name, p, length);
  setU32(node + NODE_NAME, name);
  setU32(node + NODE_NAME_LENGTH, length);
  setU32(node + NODE_NAME_HASH, hashName(p, length));
  setU32(node + NODE_HIERARCHY, getU32(above + NODE_HIERARCHY));
  setU32(node + NODE_PARENT, parent);
  const first = getU32(above + NODE_FIRST);
  setU32(node + NODE_NEXT, first);
  if (first !== 0) setU32(nodeAt(system, first) + NODE_PREVIOUS, handle);
  setU32(above + NODE_FIRST, handle);
  setU32(result, handle);
  return 0;
}

/** Result: the child of this name. */
export function cgroupChild(s: u32, parent: u32, p: u32, length: u32): u32 {
  const system = systemAt(s);
  const above = nodeAt(system, parent);
  if (above === 0) return ENOENT;
  const child = childNamed(system, above, p, length);
  if (child === 0) return ENOENT;
  setU32(result, child);
  return 0;
}

/** rmdir. EBUSY: a root, or tasks or children are in it. */
export function cgroupRemove(s: u32, handle: u32): u32 {
  const system = systemAt(s);
  const node = nodeAt(system, handle);
  if (node === 0) return ENOENT;
  const parent = parentOf(system, node);
  if (parent === 0 || getU32(node + NODE_FIRST) !== 0) return EBUSY;
  if (getU32(node + NODE_POPULATION) !== 0) return EBUSY;
  const next = getU32(node + NODE_NEXT);
  const previous = getU32(node + NODE_PREVIOUS);
  if (next !== 0) setU32(nodeAt(system, next) + NODE_PREVIOUS, previous);
  if (previous !== 0) setU32(nodeAt(system, previous) + NODE_NEXT, next);
  else setU32(parent + NODE_FIRST, next);
  slotsDrop(getU32(system + NODES), handle);
  return 0;
}

/**
 * Result: hierarchy, parent (0: none), tasks, population, controllers with files here, controllers
 * passed on, address and length of the name.
 */
export function cgroupInfo(s: u32, handle: u32): u32 {
  const system = systemAt(s);
  const node = nodeAt(system, handle);
  if (node === 0) return ENOENT;
  setU32(result, getU32(node + NODE_HIERARCHY));
  setU32(result + 4, getU32(node + NODE_PARENT));
  setU32(result + 8, getU32(node + NODE_TASKS));
  setU32(result + 12, getU32(node + NODE_POPULATION));
  setU32(result + 16, controllersOf(system, node));
  setU32(result + 20, getU32(node + NODE_SUBTREE_CONTROL));
  setU32(result + 24, getU32(node + NODE_NAME));
  setU32(result + 28, getU32(node + NODE_NAME_LENGTH));
  return 0;
}

/** Result: a list of the children, the latest first. */
export function cgroupChildren(s: u32, handle: u32): u32 {
  const system = systemAt(s);
  const node = nodeAt(system, handle);
  if (node === 0) return ENOENT;
  let count: u32 = 0;
  for (let c = getU32(node + NODE_FIRST); c !== 0; c = getU32(nodeAt(system, c) + NODE_NEXT)) {
    count++;
  }
  const p = reserveList(count);
  let to = p;
  for (let c = getU32(node + NODE_FIRST); c !== 0; c = getU32(nodeAt(system, c) + NODE_NEXT)) {
    setU32(to, c);
    to += 4;
  }
  answerList(p, count);
  return 0;
}
