// On which CPUs and memory nodes the processes of a node run. The lists and their rules are the
// core's (core/assembly/cpuset.ts); here are the switches beside them.
// Source: Linux, kernel/cgroup/cpuset.c and cpuset-v1.c.

import { parseCpusetList } from "@nacre/core/cpuset-list.ts";
import type { CgroupNode } from "../cgroup-node.ts";
import {
  type ControlContext,
  type ControlFile,
  constant,
  filesOf,
  shown,
  switched,
} from "../control-file.ts";
import { between, flag } from "../control-value.ts";
import { fail } from "../errno.ts";

type List = "cpus" | "mems";
const EXCLUSIVE = { cpus: "cpuset.cpu_exclusive", mems: "cpuset.mem_exclusive" } as const;

/** The root has all for itself. */
const isExclusive = (node: CgroupNode, list: List): boolean =>
  node.parent === undefined || node.values.get(EXCLUSIVE[list]) === "1";

const overlap = (a: string, b: string): boolean => {
  const numbers = new Set(parseCpusetList(a));
  return parseCpusetList(b).some((number) => numbers.has(number));
};

/** EINVAL where the node or a sibling wants for itself what both would have. */
function requireApart(node: CgroupNode, list: List, own: string, exclusive: boolean): void {
  for (const sibling of node.parent?.children ?? []) {
    if (sibling === node || !(exclusive || isExclusive(sibling, list))) continue;
    if (overlap(own, sibling.cpuset(list))) fail("EINVAL");
  }
}

const listed = (list: List) => ({
  read: (node: CgroupNode) => `${node.cpuset(list)}\n`,
  write: (node: CgroupNode, text: string, context: ControlContext) => {
    const before = node.parent ? node.cpuset(list) : "";
    node.setCpuset(list, text);
    try {
      requireApart(node, list, node.cpuset(list), isExclusive(node, list));
    } catch (error) {
      node.setCpuset(list, before);
      throw error;
    }
    context.resources.cpu.limitsChanged(node);
  },
});

/** A switch that a node can only have where the one above has it. */
const exclusive = (list: List) => ({
  read: (node: CgroupNode) => `${isExclusive(node, list) ? 1 : 0}\n`,
  write: (node: CgroupNode, text: string) => {
    const on = flag(text) === "1";
    if (!on && node.children.some((child) => isExclusive(child, list))) fail("EBUSY");
    if (on && node.parent && !isExclusive(node.parent, list)) fail("EACCES");
    if (!node.parent && !on) fail("EACCES");
    if (on) requireApart(node, list, node.cpuset(list), true);
    node.values.set(EXCLUSIVE[list], on ? "1" : "0");
  },
});

const domain = "cpuset.sched_relax_domain_level";

/** cgroup.clone_children: a new node begins with the lists of the one above. */
export function cloneCpuset(node: CgroupNode): void {
  const { parent } = node;
  if (parent?.values.get("cgroup.clone_children") !== "1") return;
  for (const list of ["mems", "cpus"] as const) {
    if (parent.children.some((c) => c !== node && isExclusive(c, list))) return;
  }
  for (const list of ["mems", "cpus"] as const) node.setCpuset(list, parent.cpuset(list));
}

export const CPUSET: readonly ControlFile[] = [
  ...filesOf(1, "cpuset", {
    "cpuset.cpus": listed("cpus"),
    "cpuset.mems": listed("mems"),
    "cpuset.effective_cpus": shown((node) => node.cpuset("cpus", true)),
    "cpuset.effective_mems": shown((node) => node.cpuset("mems", true)),
    "cpuset.cpu_exclusive": exclusive("cpus"),
    "cpuset.mem_exclusive": exclusive("mems"),
    "cpuset.mem_hardwall": switched("cpuset.mem_hardwall"),
    "cpuset.memory_migrate": switched("cpuset.memory_migrate"),
    "cpuset.memory_pressure": constant("0"),
    "cpuset.memory_pressure_enabled": { place: "root", ...switched("cpuset.pressure") },
    "cpuset.memory_spread_page": switched("cpuset.memory_spread_page"),
    "cpuset.memory_spread_slab": switched("cpuset.memory_spread_slab"),
    "cpuset.sched_load_balance": switched("cpuset.sched_load_balance", "1"),
    [domain]: {
      read: (node) => `${node.values.get(domain) ?? -1}\n`,
      write: (node, text) => {
        node.values.set(domain, String(between(text, -1, 5)));
      },
    },
  }),
  ...filesOf(2, "cpuset", {
    "cpuset.cpus": { place: "below", ...listed("cpus") },
    "cpuset.mems": { place: "below", ...listed("mems") },
    "cpuset.cpus.effective": shown((node) => node.cpuset("cpus", true)),
    "cpuset.mems.effective": shown((node) => node.cpuset("mems", true)),
    // Partitions would take CPUs away from all others: nobody here schedules by them.
    "cpuset.cpus.partition": {
      place: "below",
      read: () => "member\n",
      write: (_node, text) => (text.trim() === "member" ? undefined : fail("EINVAL")),
    },
  }),
];
