// The files that every node has: who is in it, how it is delegated, and what happens when the last
// process goes.
// Source: Linux, kernel/cgroup/cgroup.c and cgroup-v1.c.

import type { CgroupNode } from "../cgroup-node.ts";
import { type Controller, isController } from "../cgroups.ts";
import {
  type ControlContext,
  type ControlFile,
  constant,
  filesOf,
  kept,
  lines,
  switched,
} from "../control-file.ts";
import { between, signed } from "../control-value.ts";
import { fail } from "../errno.ts";
import { isFrozenNode } from "../freezer.ts";

const PID_MAX = 2 ** 31 - 1;

const pids = {
  read: (node: CgroupNode, context: ControlContext): string =>
    context
      .pidsOf(node)
      .sort((a, b) => a - b)
      .map((pid) => `${pid}\n`)
      .join(""),
  write: (node: CgroupNode, text: string, context: ControlContext): void => {
    context.move(between(text, 0, PID_MAX), node);
  },
};

/** In version 2 the block controller has a shorter name. */
const unifiedName = (controller: Controller): string =>
  controller === "blkio" ? "io" : controller;
const names = (controllers: readonly Controller[]): string =>
  `${controllers.map(unifiedName).join(" ")}\n`;

/** cgroup.subtree_control: `+memory -cpu`, all or nothing. Of two words for one the last counts. */
function delegate(node: CgroupNode, text: string, { resources }: ControlContext): void {
  const wanted = new Map<Controller, boolean>();
  for (const word of text.trim().split(/\s+/).filter(Boolean)) {
    const name = word.slice(1) === "io" ? "blkio" : word.slice(1);
    if (!/^[+-]/.test(word) || word.slice(1) === "blkio" || !isController(name)) fail("EINVAL");
    wanted.set(name, word.startsWith("+"));
  }
  const having = (on: boolean): Controller[] =>
    [...wanted].filter(([, value]) => value === on).map(([name]) => name);
  node.delegate(having(true), having(false));
  resources.cpu.limitsChanged(node);
}

/** `max` or a number of 0 or more: cgroup.max.depth and cgroup.max.descendants. */
const most = (text: string): string => {
  if (text.trim() === "max") return "max";
  const value = signed(text);
  return value < 0 || value > PID_MAX ? fail("ERANGE") : String(value);
};

const below = (node: CgroupNode): number => [...node.subtree()].length - 1;

/** mkdir(2): EAGAIN where a node on the way to the root allows no more, or none so deep. */
export function requireRoomForNode(parent: CgroupNode): void {
  let depth = 1;
  for (const node of parent.lineage()) {
    const descendants = node.values.get("cgroup.max.descendants") ?? "max";
    const deep = node.values.get("cgroup.max.depth") ?? "max";
    if (descendants !== "max" && below(node) >= Number(descendants)) fail("EAGAIN");
    if (deep !== "max" && depth > Number(deep)) fail("EAGAIN");
    depth++;
  }
}

const THREADED: readonly Controller[] = ["cpuset", "cpu", "perf_event", "pids"];

/** A node that has both processes and nodes that share with them is the root of a threaded subtree. */
function typeOf(node: CgroupNode): string {
  const isThreadRoot = (one: CgroupNode): boolean => {
    const { tasks, subtreeControl } = one.facts;
    return tasks > 0 && subtreeControl.some((name) => THREADED.includes(name));
  };
  const [, ...above] = [...node.lineage()].filter((one) => one.parent);
  if (above.some(isThreadRoot)) return "domain invalid";
  return isThreadRoot(node) ? "domain threaded" : "domain";
}

const UNIFIED = filesOf(2, undefined, {
  "cgroup.procs": pids,
  "cgroup.controllers": { read: (node) => names(node.controllers) },
  "cgroup.subtree_control": { read: (node) => names(node.facts.subtreeControl), write: delegate },
  "cgroup.max.depth": kept("cgroup.max.depth", "max", most),
  "cgroup.max.descendants": kept("cgroup.max.descendants", "max", most),
  "cgroup.stat": {
    read: (node) => lines({ nr_descendants: below(node), nr_dying_descendants: 0 }),
  },
  "cgroup.events": {
    place: "below",
    read: (node) =>
      lines({ populated: node.population > 0 ? 1 : 0, frozen: isFrozenNode(node) ? 1 : 0 }),
  },
  "cgroup.type": {
    place: "below",
    read: (node) => `${typeOf(node)}\n`,
    // Threads of one process in several nodes: nothing here has threads.
    write: (_node, text) => fail(text.trim() === "threaded" ? "ENOTSUP" : "EINVAL"),
  },
  "cgroup.kill": {
    place: "below",
    write: (node, text, context) => {
      if (signed(text) !== 1) fail("ERANGE");
      context.kill(node);
    },
  },
});

const SEPARATE = filesOf(1, undefined, {
  "cgroup.procs": pids,
  tasks: pids,
  "cgroup.clone_children": switched("cgroup.clone_children"),
  notify_on_release: switched("notify_on_release"),
  "cgroup.sane_behavior": { place: "root", ...constant("0") },
  release_agent: {
    place: "root",
    read: (node) => `${node.values.get("release_agent") ?? ""}\n`,
    write: (node, text, context) => {
      context.requireAdministrator();
      node.values.set("release_agent", text.trim());
    },
  },
});

export const MEMBERSHIP: readonly ControlFile[] = [...SEPARATE, ...UNIFIED];
