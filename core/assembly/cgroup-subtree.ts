// The structure of version 2: controllers passed on, and no tasks in inner nodes.
//
// A node that passes a controller on to its children may hold no tasks itself, else tasks would
// compete with nodes. Excepted are the root, and controllers that can weigh threads (cpu, cpuset,
// pids): with tasks inside, the node then is the root of a threaded subtree, and its children are
// of no use for ordinary tasks (EOPNOTSUPP).
// (Linux, Documentation/admin-guide/cgroup-v2.rst; rules of kernel/cgroup/cgroup.c in 6.18.)

import {
  controllersOf,
  isV2,
  NODE_FIRST,
  NODE_NEXT,
  NODE_POPULATION,
  NODE_SUBTREE_CONTROL,
  NODE_TASKS,
  nodeAt,
  parentOf,
  systemAt,
  THREADED,
} from "./cgroup";
import { resetLimits } from "./cgroup-limits";
import { EBUSY, EINVAL, ENOENT, EOPNOTSUPP } from "./errno";
import { getU32, setU32 } from "./memory";

function isThreadRoot(node: u32): bool {
  return getU32(node + NODE_TASKS) !== 0 && (getU32(node + NODE_SUBTREE_CONTROL) & THREADED) !== 0;
}

/** Whether tasks inside and nodes below could weigh against each other. */
function mayBeThreadRoot(system: u32, node: u32): bool {
  if ((getU32(node + NODE_SUBTREE_CONTROL) & ~THREADED) !== 0) return false;
  for (let c = getU32(node + NODE_FIRST); c !== 0; c = getU32(nodeAt(system, c) + NODE_NEXT)) {
    if (getU32(nodeAt(system, c) + NODE_POPULATION) !== 0) return false;
  }
  return true;
}

/** Whether no ancestor but the root is the root of a threaded subtree. */
function isDomain(system: u32, node: u32): bool {
  let above = parentOf(system, node);
  while (above !== 0 && parentOf(system, above) !== 0) {
    if (isThreadRoot(above)) return false;
    above = parentOf(system, above);
  }
  return true;
}

/** The fault of a task that would enter a version 2 node, or 0. */
export function hostFault(system: u32, node: u32): u32 {
  if (!isDomain(system, node)) return EOPNOTSUPP;
  if (parentOf(system, node) === 0 || getU32(node + NODE_SUBTREE_CONTROL) === 0) return 0;
  return mayBeThreadRoot(system, node) ? 0 : EBUSY;
}

/** The fault of passing on `enable`, all of them new. */
function enableFault(system: u32, node: u32, enable: u32): u32 {
  if (enable === 0) return 0;
  if (!isDomain(system, node)) return EOPNOTSUPP;
  if (parentOf(system, node) === 0) return 0;
  if ((enable & ~THREADED) !== 0) {
    if (isThreadRoot(node)) return EOPNOTSUPP;
  } else if (mayBeThreadRoot(system, node)) {
    return 0;
  }
  return getU32(node + NODE_TASKS) === 0 ? 0 : EBUSY;
}

/**
 * Writes cgroup.subtree_control. ENOENT: a controller that the node itself does not have, or
 * version 1. EBUSY: tasks are in the node, or a child passes on what shall be withdrawn. EINVAL:
 * both withdrawn and passed on.
 */
export function cgroupSubtreeControl(s: u32, handle: u32, enable: u32, disable: u32): u32 {
  const system = systemAt(s);
  const node = nodeAt(system, handle);
  if (node === 0 || !isV2(system, node)) return ENOENT;
  if ((enable & disable) !== 0) return EINVAL;
  const passed = getU32(node + NODE_SUBTREE_CONTROL);
  const added = (enable & ~passed) >>> 0;
  const removed = (disable & passed) >>> 0;
  if ((added & ~controllersOf(system, node)) !== 0) return ENOENT;
  for (let c = getU32(node + NODE_FIRST); c !== 0; c = getU32(nodeAt(system, c) + NODE_NEXT)) {
    if ((getU32(nodeAt(system, c) + NODE_SUBTREE_CONTROL) & removed) !== 0) return EBUSY;
  }
  const fault = enableFault(system, node, added);
  if (fault !== 0) return fault;
  setU32(node + NODE_SUBTREE_CONTROL, ((passed | added) & ~removed) >>> 0);
  for (let c = getU32(node + NODE_FIRST); c !== 0; c = getU32(nodeAt(system, c) + NODE_NEXT)) {
    resetLimits(nodeAt(system, c), removed, 2);
  }
  return 0;
}
