// Version 1: when the last process and the last child of a node are gone, the kernel starts the
// hierarchy's release agent with the node's path, if the node asks for that.
// Source: Linux, kernel/cgroup/cgroup-v1.c: cgroup1_check_for_release, cgroup1_release_agent.

import type { CgroupNode } from "./cgroup-node.ts";
import type { CgroupObserver, CssSet } from "./cgroups.ts";

/** As call_usermodehelper gets them. */
const ENVIRONMENT = ["HOME=/", "PATH=/sbin:/bin:/usr/sbin:/usr/bin"];

export type StartAgent = (command: readonly string[], environment: readonly string[]) => void;

/** Watches nodes of version 1 for the last process and the last child to go. */
export function releaseAgents(start: StartAgent): CgroupObserver {
  const check = (node: CgroupNode): void => {
    if (node.hierarchy.version !== 1 || node.removed || !node.parent) return;
    if (node.values.get("notify_on_release") !== "1") return;
    if (node.population > 0 || node.children.length > 0) return;
    const agent = node.hierarchy.root.values.get("release_agent") ?? "";
    if (agent === "") return;
    const { path } = node;
    // A worker does it, after what made the node empty is over.
    queueMicrotask(() => start([agent, path], ENVIRONMENT));
  };
  const left = (from: CssSet, to: CssSet | undefined): void => {
    for (const [hierarchy, node] of from.nodes) {
      if (to?.nodes.get(hierarchy) === node) continue;
      for (const at of node.lineage()) check(at);
    }
  };
  return {
    moved: (_process, from, to) => from && left(from, to),
    removed: (node) => node.parent && check(node.parent),
  };
}
