// Limits of nodes: what values the kernel takes, and what holds down the tree.
//
// A node's own value is what its file shows; -1 stands for "max". What really holds is the
// tightest one on the way to the root. Units are the files': bytes, microseconds, tasks. Bytes are
// counted in pages, so the kernel rounds them down. (Documentation/admin-guide/cgroup-v2.rst and
// cgroup-v1/, kernel/sched/core.c, mm/memcontrol-v1.c, kernel/cgroup/pids.c.)

import {
  CPU,
  CPUSET,
  cgroupResult,
  controllersOf,
  FREEZER,
  IO,
  isV2,
  LIMIT_KINDS,
  MEMORY,
  NODE_CPUS,
  NODE_FIRST,
  NODE_LIMITS,
  NODE_MEMS,
  NODE_NEXT,
  NODE_POPULATION,
  nodeAt,
  PIDS,
  parentOf,
  systemAt,
} from "./cgroup";
import { EINVAL, ENOENT, ERANGE } from "./errno";
import { getF64, getU32, setF64, setU32 } from "./memory";

// Kinds, in the facade's order.
const CPU_WEIGHT: u32 = 0;
const CPU_QUOTA: u32 = 1;
const CPU_PERIOD: u32 = 2;
const CPU_BURST: u32 = 3;
const MEMORY_MAX: u32 = 4;
const MEMORY_LOW: u32 = 5;
const MEMORY_HIGH: u32 = 6;
const MEMORY_SWAP: u32 = 7;
export const PIDS_MAX: u32 = 8;
const IO_WEIGHT: u32 = 9;
const FROZEN: u32 = 10;

const PAGE: f64 = 4096;
/** From here on bytes mean "max": no machine has as many, and f64 is exact below. */
const UNLIMITED_BYTES: f64 = 9007199254740992;
const QUOTA_MAX: f64 = 17592186044415;
const PID_MAX: f64 = 4194304;

function controllerOf(kind: u32): u32 {
  if (kind <= CPU_BURST) return CPU;
  if (kind <= MEMORY_SWAP) return MEMORY;
  if (kind === PIDS_MAX) return PIDS;
  return kind === IO_WEIGHT ? IO : FREEZER;
}

function defaultOf(kind: u32, version: u32): f64 {
  if (kind === CPU_WEIGHT) return version === 1 ? 1024 : 100;
  if (kind === CPU_PERIOD) return 100000;
  if (kind === MEMORY_LOW) return version === 1 ? -1 : 0;
  if (kind === IO_WEIGHT) return 100;
  return kind === CPU_BURST || kind === FROZEN ? 0 : -1;
}

// Values are stored as the distance from the default, so that a new node's zeroes are right.
export function limitOf(node: u32, kind: u32, version: u32): f64 {
  return getF64(node + NODE_LIMITS + kind * 8) + defaultOf(kind, version);
}

function setLimit(node: u32, kind: u32, version: u32, value: f64): void {
  setF64(node + NODE_LIMITS + kind * 8, value - defaultOf(kind, version));
}

/** What a node loses with its controllers. */
export function resetLimits(node: u32, controllers: u32, version: u32): void {
  for (let kind: u32 = 0; kind < LIMIT_KINDS; kind++) {
    if ((controllerOf(kind) & controllers) !== 0) {
      setLimit(node, kind, version, defaultOf(kind, version));
    }
  }
  if ((controllers & CPUSET) !== 0) {
    setU32(node + NODE_CPUS, 0);
    setU32(node + NODE_MEMS, 0);
  }
}

/** "max" as a number that compares. */
function ceiling(value: f64): f64 {
  return value < 0 ? Infinity : value;
}

/** Whether the node has a file for this kind. */
function hasFile(system: u32, node: u32, kind: u32): bool {
  if (kind >= LIMIT_KINDS) return false;
  if (!isV2(system, node)) {
    if (parentOf(system, node) === 0 && (kind === PIDS_MAX || kind === FROZEN)) return false;
    return kind !== MEMORY_HIGH && (controllersOf(system, node) & controllerOf(kind)) !== 0;
  }
  if (parentOf(system, node) === 0) return false;
  return kind === FROZEN || (controllersOf(system, node) & controllerOf(kind)) !== 0;
}

/** The fault of a value that no node of this version takes, or 0. */
function rangeFault(kind: u32, version: u32, value: f64): u32 {
  if (value !== Math.floor(value)) return EINVAL;
  const outside = version === 2 ? ERANGE : EINVAL;
  if (kind === CPU_WEIGHT) {
    if (version === 1) return value < 0 ? EINVAL : 0;
    return value < 1 || value > 10000 ? ERANGE : 0;
  }
  if (kind === CPU_QUOTA) {
    if (value < 0) return version === 1 || value === -1 ? 0 : EINVAL;
    return value < 1000 || value > QUOTA_MAX ? EINVAL : 0;
  }
  if (kind === CPU_PERIOD) return value < 1000 || value > 1000000 ? EINVAL : 0;
  if (kind === CPU_BURST) return value < 0 || value > QUOTA_MAX ? EINVAL : 0;
  if (kind === PIDS_MAX) return value < -1 || value > PID_MAX ? EINVAL : 0;
  // Version 1: blkio.bfq.weight, since blkio.weight went with CFQ in 5.0.
  if (kind === IO_WEIGHT) return value < 1 || value > (version === 1 ? 1000 : 10000) ? ERANGE : 0;
  if (kind === FROZEN) return value !== 0 && value !== 1 ? outside : 0;
  return value < -1 ? EINVAL : 0;
}

/** The value as the file will show it. */
function stored(kind: u32, version: u32, value: f64): f64 {
  if (kind === CPU_WEIGHT && version === 1) return Math.min(Math.max(value, 2), 262144);
  if (kind === CPU_QUOTA && value < 0) return -1;
  if (kind < MEMORY_MAX || kind > MEMORY_SWAP || value < 0) return value;
  return value >= UNLIMITED_BYTES ? -1 : Math.floor(value / PAGE) * PAGE;
}

/** CPUs that a node's own quota allows. */
function ownCpus(node: u32, version: u32): f64 {
  return ceiling(limitOf(node, CPU_QUOTA, version)) / limitOf(node, CPU_PERIOD, version);
}

/** CPUs that hold for `node`: the fewest on its way to the root. */
function effectiveCpus(system: u32, node: u32, version: u32): f64 {
  let cpus: f64 = Infinity;
  for (let at = node; at !== 0; at = parentOf(system, at)) {
    cpus = Math.min(cpus, ownCpus(at, version));
  }
  return cpus;
}

/** The node after `at` in the tree below `top`, parents first; 0 at the end. */
function nextBelow(system: u32, top: u32, at: u32): u32 {
  let below = getU32(at + NODE_FIRST);
  let node = at;
  while (below === 0 && node !== top) {
    below = getU32(node + NODE_NEXT);
    node = parentOf(system, node);
  }
  return nodeAt(system, below);
}

/** Version 1 allows no node more CPU than the nodes above it; version 2 takes the minimum. */
function quotaFits(system: u32, node: u32): bool {
  for (let at = node; at !== 0; at = nextBelow(system, node, at)) {
    const own = ownCpus(at, 1);
    if (own === Infinity) continue;
    const parent = parentOf(system, at);
    if (parent !== 0 && own > effectiveCpus(system, parent, 1)) return false;
  }
  return true;
}

/** The fault of values that do not go together, or 0. */
function combinationFault(system: u32, node: u32, kind: u32, version: u32): u32 {
  if (kind <= CPU_BURST) {
    const burst = limitOf(node, CPU_BURST, version);
    if (burst > ceiling(limitOf(node, CPU_QUOTA, version))) return EINVAL;
    return version === 1 && kind !== CPU_WEIGHT && !quotaFits(system, node) ? EINVAL : 0;
  }
  if (version === 1 && (kind === MEMORY_MAX || kind === MEMORY_SWAP)) {
    const memory = ceiling(limitOf(node, MEMORY_MAX, 1));
    return memory > ceiling(limitOf(node, MEMORY_SWAP, 1)) ? EINVAL : 0;
  }
  return 0;
}

/**
 * Writes a limit. ENOENT: the node has no such file. EINVAL, ERANGE: the kernel takes no such value,
 * here or beside the node's other limits. A refused value leaves everything as it was.
 */
export function cgroupSetLimit(s: u32, handle: u32, kind: u32, value: f64): u32 {
  const system = systemAt(s);
  const node = nodeAt(system, handle);
  if (node === 0 || !hasFile(system, node, kind)) return ENOENT;
  const version: u32 = isV2(system, node) ? 2 : 1;
  if (parentOf(system, node) === 0) return EINVAL; // a version 1 root shows the files, no more
  const fault = rangeFault(kind, version, value);
  if (fault !== 0) return fault;
  const before = limitOf(node, kind, version);
  setLimit(node, kind, version, stored(kind, version, value));
  const clash = combinationFault(system, node, kind, version);
  if (clash !== 0) setLimit(node, kind, version, before);
  return clash;
}

/** Result: f64, the node's own value. */
export function cgroupLimit(s: u32, handle: u32, kind: u32): u32 {
  const system = systemAt(s);
  const node = nodeAt(system, handle);
  if (node === 0 || !hasFile(system, node, kind)) return ENOENT;
  setF64(cgroupResult(), limitOf(node, kind, isV2(system, node) ? 2 : 1));
  return 0;
}

/** Limits where the tightest on the way to the root holds. */
function isTightened(kind: u32, version: u32): bool {
  if (kind === MEMORY_LOW) return version === 2; // a soft limit of version 1 stands for itself
  return kind === PIDS_MAX || (kind >= MEMORY_MAX && kind <= MEMORY_SWAP);
}

/**
 * Result: f64, what holds for the node's tasks; also where its own controller is off. A quota is in
 * microseconds of the node's own period, as fractions, because that of a node above may differ.
 */
export function cgroupEffectiveLimit(s: u32, handle: u32, kind: u32): u32 {
  const system = systemAt(s);
  const node = nodeAt(system, handle);
  if (node === 0 || kind >= LIMIT_KINDS) return ENOENT;
  const version: u32 = isV2(system, node) ? 2 : 1;
  let value = limitOf(node, kind, version);
  if (kind === CPU_QUOTA) {
    const cpus = effectiveCpus(system, node, version);
    value = cpus === Infinity ? -1 : cpus * limitOf(node, CPU_PERIOD, version);
  } else if (kind === FROZEN || isTightened(kind, version)) {
    for (let at = node; at !== 0; at = parentOf(system, at)) {
      // A version 2 root has no memory.low, and protects all there is.
      if (kind === MEMORY_LOW && parentOf(system, at) === 0) break;
      const one = limitOf(at, kind, version);
      if (kind === FROZEN) value = Math.max(value, one);
      else if (ceiling(one) < ceiling(value)) value = one;
    }
  }
  setF64(cgroupResult(), value);
  return 0;
}

/** This level's part: the node's weight among itself and those siblings that have tasks. */
function levelShare(system: u32, node: u32, kind: u32, version: u32): f64 {
  const own = limitOf(node, kind, version);
  let sum = own;
  let sibling = getU32(parentOf(system, node) + NODE_FIRST);
  while (sibling !== 0) {
    const at = nodeAt(system, sibling);
    if (at !== node && getU32(at + NODE_POPULATION) !== 0) sum += limitOf(at, kind, version);
    sibling = getU32(at + NODE_NEXT);
  }
  return own / sum;
}

/**
 * Result: f64 in 0…1, the part of the machine's CPU or I/O that the node gets when all nodes with
 * tasks want as much as they can get; tasks beside nodes are left out. `kind` is a weight.
 */
export function cgroupShare(s: u32, handle: u32, kind: u32): u32 {
  const system = systemAt(s);
  const node = nodeAt(system, handle);
  if (node === 0 || (kind !== CPU_WEIGHT && kind !== IO_WEIGHT)) return ENOENT;
  const version: u32 = isV2(system, node) ? 2 : 1;
  let share: f64 = 1;
  for (let at = node; parentOf(system, at) !== 0; at = parentOf(system, at)) {
    if ((controllersOf(system, at) & controllerOf(kind)) === 0) continue;
    share *= levelShare(system, at, kind, version);
  }
  setF64(cgroupResult(), share);
  return 0;
}
