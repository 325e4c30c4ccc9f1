// Hierarchies: made by a mount, given other controllers by a remount, ended when nobody mounts them
// any more. What a hierarchy is stands in cgroup.ts.

import {
  answerList,
  attachedTo,
  cgroupResult,
  controllersOf,
  HIERARCHIES,
  HIERARCHY_CONTROLLERS,
  HIERARCHY_ROOT,
  HIERARCHY_VERSION,
  hierarchyAt,
  MAX_HIERARCHIES,
  NODE_FIRST,
  NODE_HIERARCHY,
  NODE_SUBTREE_CONTROL,
  NODES,
  nextHierarchy,
  nodeAt,
  reserveList,
  SYSTEM_CONTROLLERS,
  SYSTEM_EPOCH,
  systemAt,
} from "./cgroup";
import { EBUSY, EINVAL, ENOENT, ENOSPC } from "./errno";
import { getU32, setU32 } from "./memory";
import { slotsAdd, slotsAt, slotsDrop, slotsLive } from "./slots";

function hasV2(system: u32): bool {
  for (let h = nextHierarchy(system, 0); h !== 0; h = nextHierarchy(system, h)) {
    if (getU32(hierarchyAt(system, h) + HIERARCHY_VERSION) === 2) return true;
  }
  return false;
}

/** What version 1 takes, a version 2 root without children no longer passes on. */
function takeFromV2(system: u32, controllers: u32): void {
  for (let h = nextHierarchy(system, 0); h !== 0; h = nextHierarchy(system, h)) {
    const hierarchy = hierarchyAt(system, h);
    if (getU32(hierarchy + HIERARCHY_VERSION) !== 2) continue;
    const at = nodeAt(system, getU32(hierarchy + HIERARCHY_ROOT)) + NODE_SUBTREE_CONTROL;
    setU32(at, (getU32(at) & ~controllers) >>> 0);
  }
}

/**
 * Attaches `controllers` to a new hierarchy. Result: hierarchy, root node.
 * EBUSY: a controller is attached elsewhere, or there is a version 2 hierarchy already. EINVAL:
 * version 2 with a choice of controllers, or one that the kernel has not. ENOSPC: too many.
 */
export function cgroupHierarchyNew(s: u32, version: u32, controllers: u32): u32 {
  const system = systemAt(s);
  if (system === 0) return ENOENT;
  if ((controllers & ~getU32(system + SYSTEM_CONTROLLERS)) !== 0) return EINVAL;
  if (version === 2) {
    if (controllers !== 0) return EINVAL;
    if (hasV2(system)) return EBUSY;
  } else {
    if (version !== 1) return EINVAL;
    if ((controllers & (attachedTo(system, 1) | attachedTo(system, 2))) !== 0) return EBUSY;
  }
  const hierarchies = getU32(system + HIERARCHIES);
  if (slotsLive(hierarchies) >= MAX_HIERARCHIES) return ENOSPC;
  const root = slotsAdd(getU32(system + NODES));
  if (root === 0) return ENOSPC;
  takeFromV2(system, controllers);
  const handle = slotsAdd(hierarchies);
  const hierarchy = slotsAt(hierarchies, handle);
  setU32(hierarchy + HIERARCHY_VERSION, version);
  setU32(hierarchy + HIERARCHY_CONTROLLERS, controllers);
  setU32(hierarchy + HIERARCHY_ROOT, root);
  setU32(nodeAt(system, root) + NODE_HIERARCHY, handle);
  setU32(system + SYSTEM_EPOCH, getU32(system + SYSTEM_EPOCH) + 1);
  setU32(cgroupResult(), handle);
  setU32(cgroupResult() + 4, root);
  return 0;
}

/**
 * Remounts a version 1 hierarchy with other controllers. EINVAL: of version 2, or a controller that
 * the kernel has not. EBUSY: its root has children, or a new controller is in use elsewhere.
 */
export function cgroupHierarchyRebind(s: u32, h: u32, controllers: u32): u32 {
  const system = systemAt(s);
  const hierarchy = hierarchyAt(system, h);
  if (hierarchy === 0) return ENOENT;
  if (getU32(hierarchy + HIERARCHY_VERSION) !== 1) return EINVAL;
  if ((controllers & ~getU32(system + SYSTEM_CONTROLLERS)) !== 0) return EINVAL;
  const root = getU32(hierarchy + HIERARCHY_ROOT);
  if (getU32(nodeAt(system, root) + NODE_FIRST) !== 0) return EBUSY;
  const added = (controllers & ~getU32(hierarchy + HIERARCHY_CONTROLLERS)) >>> 0;
  if ((added & (attachedTo(system, 1) | attachedTo(system, 2))) !== 0) return EBUSY;
  takeFromV2(system, added);
  setU32(hierarchy + HIERARCHY_CONTROLLERS, controllers);
  return 0;
}

/** Ends a hierarchy. EBUSY: its root has children. */
export function cgroupHierarchyRemove(s: u32, h: u32): u32 {
  const system = systemAt(s);
  const hierarchy = hierarchyAt(system, h);
  if (hierarchy === 0) return ENOENT;
  const root = getU32(hierarchy + HIERARCHY_ROOT);
  if (getU32(nodeAt(system, root) + NODE_FIRST) !== 0) return EBUSY;
  slotsDrop(getU32(system + NODES), root);
  slotsDrop(getU32(system + HIERARCHIES), h);
  setU32(system + SYSTEM_EPOCH, getU32(system + SYSTEM_EPOCH) + 1);
  return 0;
}

/** Result: version, controllers attached (version 2: available to the root), root node. */
export function cgroupHierarchyInfo(s: u32, h: u32): u32 {
  const system = systemAt(s);
  const hierarchy = hierarchyAt(system, h);
  if (hierarchy === 0) return ENOENT;
  const root = getU32(hierarchy + HIERARCHY_ROOT);
  setU32(cgroupResult(), getU32(hierarchy + HIERARCHY_VERSION));
  setU32(cgroupResult() + 4, controllersOf(system, nodeAt(system, root)));
  setU32(cgroupResult() + 8, root);
  return 0;
}

/** Result: a list of the live hierarchies. */
export function cgroupHierarchies(s: u32): u32 {
  const system = systemAt(s);
  if (system === 0) return ENOENT;
  const p = reserveList(MAX_HIERARCHIES);
  let count: u32 = 0;
  for (let h = nextHierarchy(system, 0); h !== 0; h = nextHierarchy(system, h)) {
    setU32(p + count * 4, h);
    count++;
  }
  answerList(p, count);
  return 0;
}
