// The memory controller's files. What limits do is told in memory-controller.ts.
// Source: Linux, mm/memcontrol-v1.c and memcontrol.c; cgroup-v1/memory.rst; cgroup-v2.rst, Memory.

import type { CgroupNode } from "../cgroup-node.ts";
import {
  type ControlContext,
  type ControlFile,
  constant,
  filesOf,
  kept,
  lines,
  shown,
} from "../control-file.ts";
import { between, memory, shownV1, UNLIMITED_BYTES, unsigned } from "../control-value.ts";
import { fail } from "../errno.ts";
import type { MemoryGroup } from "../memory-group.ts";

const SWAPPINESS_MAX = 200;

const groupOf = (node: CgroupNode, { resources }: ControlContext): MemoryGroup =>
  resources.memory.groupOf(node);

/** The root shows what the whole machine uses. */
const usageOf = (node: CgroupNode, context: ControlContext): number => groupOf(node, context).usage;

const orRefused = (node: CgroupNode): CgroupNode => (node.parent ? node : fail("EINVAL"));

/** memory.limit_in_bytes and memory.memsw.limit_in_bytes. */
const limit = (which: "memoryMax" | "memorySwap") => ({
  read: (node: CgroupNode) => `${shownV1(node.limit(which))}\n`,
  write: (node: CgroupNode, text: string, { resources }: ControlContext) => {
    const value = memory(text, "-1");
    orRefused(node);
    const before = node.limit(which);
    node.setLimit(which, value);
    try {
      if (value !== "max") {
        resources.memory.requireUsageBelow(node, value, which === "memorySwap");
      }
    } catch (error) {
      node.setLimit(which, before);
      throw error;
    }
    resources.memory.roomMade();
  },
});

type Counter = "peak" | "peakWithSwap" | "failures" | "failuresWithSwap";

/** A counter that any write sets back, to 0 or to what is used now. */
const counter = (which: Counter) => ({
  read: (node: CgroupNode, context: ControlContext) => `${groupOf(node, context)[which]}\n`,
  write: (node: CgroupNode, _text: string, context: ControlContext) => {
    const group = groupOf(node, context);
    const now = { peak: group.usage, peakWithSwap: group.withSwap };
    group[which] = which === "peak" || which === "peakWithSwap" ? now[which] : 0;
  },
});

/** Writes have no effect since 6.1, and no kernel memory is charged here. */
const kernelMemory = (name: string) => ({
  [`${name}.usage_in_bytes`]: constant("0"),
  [`${name}.max_usage_in_bytes`]: kept(name, "0", () => "0"),
  [`${name}.failcnt`]: kept(name, "0", () => "0"),
  [`${name}.limit_in_bytes`]: {
    read: () => `${UNLIMITED_BYTES}\n`,
    write: (node: CgroupNode, text: string) => {
      memory(text, "-1");
      orRefused(node);
    },
  },
});

const total = (group: MemoryGroup, context: ControlContext, of: (one: MemoryGroup) => number) => {
  let bytes = 0;
  for (const node of group.node?.subtree() ?? [])
    bytes += of(context.resources.memory.groupOf(node));
  return bytes;
};

/** Lowest on the way to the root. */
const effective = (node: CgroupNode, which: "memoryMax" | "memorySwap"): string =>
  shownV1(node.effectiveLimit(which));

const OTHERS = [
  "rss_huge",
  "mapped_file",
  "dirty",
  "writeback",
  "workingset_refault_anon",
  "workingset_refault_file",
] as const;
const COUNTS = [
  "swapcached",
  "pgpgin",
  "pgpgout",
  "pgfault",
  "pgmajfault",
  "inactive_anon",
] as const;

function statistics(node: CgroupNode, context: ControlContext): string {
  const group = groupOf(node, context);
  const part = (prefix: string, of: (which: (one: MemoryGroup) => number) => number) => {
    const cache = of((one) => one.own.cache);
    const shmem = of((one) => one.own.shmem);
    const anon = of((one) => one.own.anon);
    const zeros = (names: readonly string[]) => names.map((name) => [name, 0] as const);
    const entries = [
      ["cache", cache + shmem],
      ["rss", anon],
      ["rss_huge", 0],
      ["shmem", shmem],
      ...zeros(OTHERS.slice(1)),
      ["swap", of((one) => one.ownSwap)],
      ...zeros(COUNTS),
      ["active_anon", anon + shmem],
      ["inactive_file", cache],
      ...zeros(["active_file", "unevictable"]),
    ] as const;
    return entries.map(([name, value]) => `${prefix}${name} ${value}\n`).join("");
  };
  return [
    part("", (which) => which(group)),
    `hierarchical_memory_limit ${effective(node, "memoryMax")}\n`,
    `hierarchical_memsw_limit ${effective(node, "memorySwap")}\n`,
    part("total_", (which) => total(group, context, which)),
  ].join("");
}

function nodeStatistics(node: CgroupNode, context: ControlContext): string {
  const group = groupOf(node, context);
  const part = (prefix: string, of: (which: (one: MemoryGroup) => number) => number): string => {
    const file = of((one) => one.own.cache + one.own.shmem) / 4096;
    const anon = of((one) => one.own.anon) / 4096;
    const entries = { total: file + anon, file, anon, unevictable: 0 };
    return Object.entries(entries)
      .map(([name, pages]) => `${prefix}${name}=${pages} N0=${pages}\n`)
      .join("");
  };
  return `${part("", (which) => which(group))}${part("hierarchical_", (which) =>
    total(group, context, which),
  )}`;
}

const SEPARATE = filesOf(1, "memory", {
  "cgroup.event_control": { write: () => fail("EINVAL") },
  "memory.limit_in_bytes": limit("memoryMax"),
  "memory.memsw.limit_in_bytes": limit("memorySwap"),
  "memory.soft_limit_in_bytes": {
    read: (node) => `${node.parent ? shownV1(node.limit("memoryLow")) : UNLIMITED_BYTES}\n`,
    write: (node, text) => {
      const value = memory(text, "-1");
      // The kernel lets the root have one, which nothing asks for.
      if (node.parent) node.setLimit("memoryLow", value);
    },
  },
  "memory.usage_in_bytes": shown(usageOf),
  "memory.memsw.usage_in_bytes": shown((node, context) => groupOf(node, context).withSwap),
  "memory.max_usage_in_bytes": counter("peak"),
  "memory.memsw.max_usage_in_bytes": counter("peakWithSwap"),
  "memory.failcnt": counter("failures"),
  "memory.memsw.failcnt": counter("failuresWithSwap"),
  "memory.force_empty": {
    write: (node, _text, { resources }) => {
      const least = orRefused(node);
      for (let freed = 1; freed > 0; ) freed = resources.memory.reclaim(least, 2 ** 40);
    },
  },
  "memory.stat": { read: statistics },
  "memory.numa_stat": { read: nodeStatistics },
  "memory.oom_control": {
    read: (node, context) => {
      const group = groupOf(node, context);
      return lines({
        oom_kill_disable: node.values.get("memory.oom_control") ?? 0,
        under_oom: group.starving > 0 ? 1 : 0,
        oom_kill: group.localEvents.oom_kill,
      });
    },
    write: (node, text, { resources }) => {
      const value = unsigned(text);
      orRefused(node);
      if (value > 1) fail("EINVAL");
      node.values.set("memory.oom_control", String(value));
      if (value === 0) resources.memory.roomMade();
    },
  },
  "memory.swappiness": kept("memory.swappiness", "60", (text) => {
    const value = unsigned(text);
    return value > SWAPPINESS_MAX ? fail("EINVAL") : String(value);
  }),
  "memory.use_hierarchy": {
    read: () => "1\n",
    write: (_node, text) => (unsigned(text) === 1 ? undefined : fail("EINVAL")),
  },
  "memory.move_charge_at_immigrate": {
    read: () => "0\n",
    write: (_node, text) => (unsigned(text) === 0 ? undefined : fail("EINVAL")),
  },
  "memory.pressure_level": { read: () => fail("EINVAL") },
  ...kernelMemory("memory.kmem"),
  ...kernelMemory("memory.kmem.tcp"),
});

/** memory.min, low, high, max, swap.max: bytes or max. */
const bytes = (which: "memoryMax" | "memoryHigh" | "memoryLow" | "memorySwap") => ({
  place: "below" as const,
  read: (node: CgroupNode) => `${node.limit(which)}\n`,
  write: (node: CgroupNode, text: string, { resources }: ControlContext) => {
    node.setLimit(which, memory(text, "max"));
    resources.memory.enforce(node);
    resources.memory.roomMade();
  },
});

const UNIFIED = filesOf(2, "memory", {
  "memory.current": { place: "below", ...shown(usageOf) },
  "memory.peak": { place: "below", ...counter("peak") },
  "memory.min": {
    place: "below",
    ...kept("memory.min", "0", (text) => String(memory(text, "max"))),
  },
  "memory.low": bytes("memoryLow"),
  "memory.high": bytes("memoryHigh"),
  "memory.max": bytes("memoryMax"),
  "memory.events": {
    place: "below",
    read: (node, context) => lines({ ...groupOf(node, context).events }),
  },
  "memory.events.local": {
    place: "below",
    read: (node, context) => lines({ ...groupOf(node, context).localEvents }),
  },
  "memory.oom.group": {
    place: "below",
    ...kept("memory.oom.group", "0", (text) => String(between(text, 0, 1))),
  },
  "memory.reclaim": {
    place: "below",
    write: (node, text, { resources }) => {
      const wanted = memory(text, "max");
      if (wanted === "max") fail("EINVAL");
      if (resources.memory.reclaim(node, wanted) < wanted) fail("EAGAIN");
    },
  },
  "memory.stat": {
    read: (node, context) => {
      const group = groupOf(node, context);
      const sum = (of: (one: MemoryGroup) => number): number => total(group, context, of);
      const anon = sum((one) => one.own.anon);
      const shmem = sum((one) => one.own.shmem);
      const cache = sum((one) => one.own.cache);
      return lines({
        ...{ anon, file: cache + shmem, kernel: 0, shmem },
        ...{ inactive_anon: 0, active_anon: anon + shmem, inactive_file: cache, active_file: 0 },
      });
    },
  },
  "memory.swap.current": {
    place: "below",
    ...shown((node, context) => groupOf(node, context).swap),
  },
  "memory.swap.max": bytes("memorySwap"),
});

export const MEMORY: readonly ControlFile[] = [...SEPARATE, ...UNIFIED];
