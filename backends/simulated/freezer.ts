// The freezer: who is in a frozen node, or below one, does not run. Version 1 holds even SIGKILL
// back until the thaw; version 2 lets what is killed die.
// Source: Linux, cgroup-v1/freezer-subsystem.rst; cgroup-v2.rst, cgroup.freeze.

import type { CgroupNode } from "./cgroup-node.ts";
import type { CssSet } from "./cgroups.ts";

/** The node of a css_set that is frozen, by itself or from above; that of version 1 if there are two. */
export const freezerHolding = (set: CssSet): CgroupNode | undefined =>
  set.freezers.find(isFrozenNode);

export const isFrozen = (set: CssSet): boolean => freezerHolding(set) !== undefined;

/** Whether the node, or one above it, is frozen. */
export const isFrozenNode = (node: CgroupNode): boolean =>
  !node.removed && node.effectiveLimit("frozen") === 1;
