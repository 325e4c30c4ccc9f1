// How many processes may be in a node and below. Forks are refused (EAGAIN), moves are not. One
// that has ended counts until it is waited for, where it was last.
// Source: Linux, kernel/cgroup/pids.c. The core enforces the limit for those that live.

import type { CgroupNode, Hierarchy } from "../cgroup-node.ts";
import type { CssSet } from "../cgroups.ts";
import { type ControlFile, filesOf, lines, shown } from "../control-file.ts";
import { signed } from "../control-value.ts";
import { fail } from "../errno.ts";
import type { Process } from "../process.ts";

/** PID_MAX_LIMIT. */
const PID_MAX = 4194304;

interface Count {
  peak: number;
  /** Zombies, here and below. */
  unreaped: number;
  /** Forks refused: counted in version 1 where the forking process is, in 2 where the limit is. */
  refused: number;
  /** Version 2: the same for those below. */
  refusedBelow: number;
}

const counts = new WeakMap<CgroupNode, Count>();

function countOf(node: CgroupNode): Count {
  const known = counts.get(node);
  if (known) return known;
  const made = { peak: 0, unreaped: 0, refused: 0, refusedBelow: 0 };
  counts.set(node, made);
  return made;
}

const current = (node: CgroupNode): number => node.population + countOf(node).unreaped;

/** Where each zombie counts. */
const zombies = new WeakMap<Process, readonly CgroupNode[]>();

/** When a process of a node ends. */
export function noteUnreaped(process: Process, node: CgroupNode): void {
  const around = [...node.lineage()];
  zombies.set(process, around);
  for (const at of around) countOf(at).unreaped++;
}

export function noteReaped(process: Process): void {
  for (const at of zombies.get(process) ?? []) countOf(at).unreaped--;
  zombies.delete(process);
}

/** The node, on the way from a set's to the root, that has no room for one more; the nearest. */
export function fullNode(set: CssSet, hierarchy: Hierarchy): CgroupNode | undefined {
  return [...set.in(hierarchy).lineage()].find((node) => {
    if (!node.parent || !node.controllers.includes("pids")) return false;
    const max = node.limit("pidsMax");
    return max !== "max" && current(node) >= max;
  });
}

/** After a process came to a node. */
export function notePids(node: CgroupNode): void {
  for (const at of node.lineage()) {
    const count = countOf(at);
    count.peak = Math.max(count.peak, current(at));
  }
}

/** After a fork was refused to who is in `set`. */
export function noteRefusedFork(set: CssSet, hierarchy: Hierarchy): void {
  const forking = set.in(hierarchy);
  if (hierarchy.version === 1) {
    countOf(forking).refused++;
    return;
  }
  const full = fullNode(set, hierarchy);
  if (!full) return;
  countOf(full).refused++;
  for (const node of full.lineage()) countOf(node).refusedBelow++;
}

function parse(text: string): number | "max" {
  if (text.trim() === "max") return "max";
  const value = signed(text);
  return value < 0 || value > PID_MAX ? fail("EINVAL") : value;
}

const COMMON = {
  "pids.max": {
    place: "below",
    read: (node: CgroupNode) => `${node.limit("pidsMax")}\n`,
    write: (node: CgroupNode, text: string) => node.setLimit("pidsMax", parse(text)),
  },
  "pids.current": { place: "below", ...shown(current) },
  "pids.peak": { place: "below", ...shown((node) => countOf(node).peak) },
} as const;

export const PIDS: readonly ControlFile[] = [
  ...filesOf(1, "pids", {
    ...COMMON,
    "pids.events": { place: "below", read: (node) => lines({ max: countOf(node).refused }) },
  }),
  ...filesOf(2, "pids", {
    ...COMMON,
    "pids.events": { place: "below", read: (node) => lines({ max: countOf(node).refusedBelow }) },
    "pids.events.local": { place: "below", read: (node) => lines({ max: countOf(node).refused }) },
  }),
];
