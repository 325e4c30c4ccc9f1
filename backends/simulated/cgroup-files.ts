// The control files of each controller: their modes, what they show before anything was written,
// and what they refuse. One table; cgroupfs.ts makes inodes of it.
// Source: Linux, Documentation/admin-guide/cgroup-v1/*.rst, cgroup-v2.rst, kernel/cgroup/*.c.

import type { CgroupNode, Controller, Hierarchy } from "./cgroups.ts";
import { changeDevices, listDevices } from "./devices.ts";
import { fail } from "./errno.ts";

/** What control files need of the machine. */
export interface CgroupContext {
  /** PIDs as the reading process counts; those that it cannot see are left out. */
  pidsOf(node: CgroupNode): number[];
  /** The root of a hierarchy in the cgroup namespace of whoever asks. */
  rootOf(hierarchy: Hierarchy): CgroupNode;
  /** Moves the process that the writing one calls `pid`; 0 is itself. ESRCH if there is none. */
  move(pid: number, node: CgroupNode): void;
  /** After the freezer state of a node changed. */
  thawed(node: CgroupNode): void;
}

export interface ControlFile {
  readonly name: string;
  /** Absent: part of every node. */
  readonly controller?: Controller;
  readonly version: 1 | 2;
  /** `root`: only there; `below`: everywhere else; absent: everywhere. */
  readonly place?: "root" | "below";
  readonly read?: (node: CgroupNode, context: CgroupContext) => string;
  readonly write?: (node: CgroupNode, text: string, context: CgroupContext) => void;
}

const PAGE_BYTES = 4096;
/** PAGE_COUNTER_MAX pages: what v1 shows for "no limit". */
const UNLIMITED_BYTES = 9223372036854771712n;
const PID_MAX = 4194304;
/** MAX_BW of kernel/sched/sched.h. */
const QUOTA_MAX_US = 2 ** 44 - 1;

/** kstrtoll: one number, decimal, octal after `0` or hexadecimal after `0x`. */
function integer(text: string): number {
  const parts = /^([+-]?)(0x[\da-f]+|\d+)$/i.exec(text.trim()) ?? fail("EINVAL");
  const [, sign, digits = ""] = parts;
  if (/^0\d/.test(digits) && !/^[0-7]+$/.test(digits)) fail("EINVAL");
  const value = /^0\d/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return sign === "-" ? -value : value;
}

function between(text: string, least: number, most: number): number {
  const value = integer(text);
  return value < least || value > most ? fail("EINVAL") : value;
}

/** page_counter_memparse: bytes with a suffix, rounded down to pages; undefined is no limit. */
function bytes(text: string, unlimited: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === unlimited) return undefined;
  const parts = /^(\d+)([kmgt]?)$/i.exec(trimmed) ?? fail("EINVAL");
  const power = " kmgt".indexOf((parts[2] || " ").toLowerCase());
  const wanted = Math.floor((Number(parts[1]) * 1024 ** power) / PAGE_BYTES) * PAGE_BYTES;
  return wanted >= Number(UNLIMITED_BYTES) ? undefined : wanted;
}

const value = (node: CgroupNode, file: string, otherwise: string): string =>
  `${node.values.get(file) ?? otherwise}\n`;
const constant = (text: string) => () => text;

/** A file that keeps what `parse` makes of the text. */
function kept(
  name: string,
  initial: string,
  parse: (text: string, node: CgroupNode) => string,
): Pick<ControlFile, "name" | "read" | "write"> {
  return {
    name,
    read: (node) => value(node, name, initial),
    write: (node, text) => {
      node.values.set(name, parse(text, node));
    },
  };
}

/** On v2 the block controller has a shorter name. */
export const unifiedName = (controller: Controller): string =>
  controller === "blkio" ? "io" : controller;

/** A number of which only counts whether it is 0. */
const flag = (text: string): string => (between(text, 0, 2 ** 64) === 0 ? "0" : "1");

function membership(name: string, version: 1 | 2): ControlFile {
  return {
    name,
    version,
    read: (node, context) =>
      context
        .pidsOf(node)
        .sort((a, b) => a - b)
        .map((pid) => `${pid}\n`)
        .join(""),
    write: (node, text, context) => {
      const pid = between(text, 0, 2 ** 31 - 1);
      context.move(pid, node);
    },
  };
}

const limitOf = (node: CgroupNode, file: string): number =>
  Number(node.values.get(file) ?? Number.POSITIVE_INFINITY);

/** memory.limit_in_bytes never above memory.memsw.limit_in_bytes, and neither at the root. */
function memoryLimit(name: string, other: string, fits: (own: number, other: number) => boolean) {
  return {
    ...kept(name, String(UNLIMITED_BYTES), (text, node) => {
      if (!node.parent) fail("EINVAL");
      const limit = bytes(text, "-1");
      const beside = Number(node.values.get(other) ?? UNLIMITED_BYTES);
      if (!fits(limit ?? Number(UNLIMITED_BYTES), beside)) fail("EINVAL");
      return String(limit ?? UNLIMITED_BYTES);
    }),
    controller: "memory",
    version: 1,
  } satisfies ControlFile;
}

function freeze(node: CgroupNode, file: string, state: string, context: CgroupContext): void {
  node.values.set(file, state);
  context.thawed(node);
}

/** The v1 cpu controller lets no node have more than the one above it. */
function quotaFits(node: CgroupNode, quota: number, period: number): boolean {
  const parent = node.parent;
  if (quota < 0 || !parent?.parent) return true;
  const above = limitOf(parent, "cpu.cfs_quota_us");
  if (!Number.isFinite(above) || above < 0) return true;
  return quota / period <= above / Number(parent.values.get("cpu.cfs_period_us") ?? 100_000);
}

const CPU: readonly ControlFile[] = [
  {
    ...kept("cpu.shares", "1024", (text) =>
      String(Math.min(Math.max(between(text, 0, 2 ** 53), 2), 262144)),
    ),
    controller: "cpu",
    version: 1,
  },
  {
    ...kept("cpu.cfs_quota_us", "-1", (text, node) => {
      const quota = integer(text);
      if (!node.parent || (quota >= 0 && quota < 1000) || quota > QUOTA_MAX_US) fail("EINVAL");
      const period = Number(node.values.get("cpu.cfs_period_us") ?? 100_000);
      if (!quotaFits(node, quota, period)) fail("EINVAL");
      return String(Math.max(quota, -1));
    }),
    controller: "cpu",
    version: 1,
  },
  {
    ...kept("cpu.cfs_period_us", "100000", (text, node) => {
      if (!node.parent) fail("EINVAL");
      return String(between(text, 1000, 1_000_000));
    }),
    controller: "cpu",
    version: 1,
  },
  {
    name: "cpu.stat",
    controller: "cpu",
    version: 1,
    read: constant("nr_periods 0\nnr_throttled 0\nthrottled_time 0\n"),
  },
  {
    ...kept("cpu.weight", "100", (text) => {
      const weight = integer(text);
      return weight < 1 || weight > 10000 ? fail("ERANGE") : String(weight);
    }),
    controller: "cpu",
    version: 2,
    place: "below",
  },
  {
    ...kept("cpu.max", "max 100000", (text) => {
      const [quota = "", period = "100000"] = text.trim().split(/\s+/);
      if (quota !== "max") between(quota, 1000, 2 ** 53);
      return `${quota} ${between(period, 1000, 1_000_000)}`;
    }),
    controller: "cpu",
    version: 2,
    place: "below",
  },
];

const MEMORY: readonly ControlFile[] = [
  memoryLimit("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", (own, sum) => own <= sum),
  memoryLimit(
    "memory.memsw.limit_in_bytes",
    "memory.limit_in_bytes",
    (own, memory) => own >= memory,
  ),
  {
    ...kept("memory.soft_limit_in_bytes", String(UNLIMITED_BYTES), (text) =>
      String(bytes(text, "-1") ?? UNLIMITED_BYTES),
    ),
    controller: "memory",
    version: 1,
  },
  { name: "memory.usage_in_bytes", controller: "memory", version: 1, read: constant("0\n") },
  { name: "memory.stat", controller: "memory", version: 1, read: constant("cache 0\nrss 0\n") },
  {
    name: "memory.oom_control",
    controller: "memory",
    version: 1,
    read: (node) =>
      `oom_kill_disable ${node.values.get("memory.oom_control") ?? "0"}\nunder_oom 0\noom_kill ${node.values.get("oom_kill") ?? "0"}\n`,
    write: (node, text) => {
      if (!node.parent) fail("EINVAL");
      node.values.set("memory.oom_control", String(between(text, 0, 1)));
    },
  },
  {
    ...kept("memory.max", "max", (text) => String(bytes(text, "max") ?? "max")),
    controller: "memory",
    version: 2,
    place: "below",
  },
  {
    name: "memory.events",
    controller: "memory",
    version: 2,
    place: "below",
    read: (node) =>
      `low 0\nhigh 0\nmax 0\noom 0\noom_kill ${node.values.get("oom_kill") ?? "0"}\noom_group_kill 0\n`,
  },
  {
    name: "memory.current",
    controller: "memory",
    version: 2,
    place: "below",
    read: constant("0\n"),
  },
];

const PIDS: readonly ControlFile[] = ([1, 2] as const).flatMap((version): ControlFile[] => [
  {
    ...kept("pids.max", "max", (text) =>
      text.trim() === "max" ? "max" : String(between(text, 0, PID_MAX)),
    ),
    controller: "pids",
    version,
    place: "below",
  },
  {
    name: "pids.current",
    controller: "pids",
    version,
    place: "below",
    read: (node) => `${node.population}\n`,
  },
  {
    name: "pids.events",
    controller: "pids",
    version,
    place: "below",
    read: (node) => `max ${node.values.get("pids.events") ?? "0"}\n`,
  },
]);

const FREEZER: readonly ControlFile[] = [
  {
    name: "freezer.state",
    controller: "freezer",
    version: 1,
    place: "below",
    read: (node) => {
      const frozen = [...node.lineage()].some((n) => n.values.get("freezer.state") === "FROZEN");
      return frozen ? "FROZEN\n" : "THAWED\n";
    },
    write: (node, text, context) => {
      const state = text.trim();
      if (state !== "FROZEN" && state !== "THAWED") fail("EINVAL");
      freeze(node, "freezer.state", state, context);
    },
  },
  {
    name: "cgroup.freeze",
    version: 2,
    place: "below",
    read: (node) => value(node, "cgroup.freeze", "0"),
    write: (node, text, context) => {
      const state = integer(text);
      if (state !== 0 && state !== 1) fail("ERANGE");
      freeze(node, "cgroup.freeze", String(state), context);
    },
  },
];

const OTHERS: readonly ControlFile[] = [
  {
    name: "devices.allow",
    controller: "devices",
    version: 1,
    write: (node, text) => changeDevices(node, text, true),
  },
  {
    name: "devices.deny",
    controller: "devices",
    version: 1,
    write: (node, text) => changeDevices(node, text, false),
  },
  {
    name: "devices.list",
    controller: "devices",
    version: 1,
    read: (node) => listDevices(node),
  },
  { name: "cpuacct.usage", controller: "cpuacct", version: 1, read: constant("0\n") },
  { name: "cpuacct.stat", controller: "cpuacct", version: 1, read: constant("user 0\nsystem 0\n") },
  ...["cpuset.cpus", "cpuset.mems"].map(
    (name): ControlFile => ({
      ...kept(name, "", (text) => {
        const list = text.trim();
        return /^(\d+(-\d+)?(,\d+(-\d+)?)*)?$/.test(list) ? list : fail("EINVAL");
      }),
      controller: "cpuset",
      version: 1,
    }),
  ),
];

export const CONTROL_FILES: readonly ControlFile[] = [
  membership("cgroup.procs", 1),
  membership("tasks", 1),
  { ...kept("cgroup.clone_children", "0", flag), version: 1 },
  { ...kept("notify_on_release", "0", flag), version: 1 },
  { ...kept("release_agent", "", (text) => text.trim()), version: 1, place: "root" },
  { name: "cgroup.sane_behavior", version: 1, place: "root", read: constant("0\n") },
  membership("cgroup.procs", 2),
  {
    name: "cgroup.controllers",
    version: 2,
    read: (node) => `${node.controllers.map(unifiedName).join(" ")}\n`,
  },
  {
    name: "cgroup.events",
    version: 2,
    place: "below",
    read: (node) =>
      `populated ${node.population > 0 ? 1 : 0}\nfrozen ${node.values.get("cgroup.freeze") ?? 0}\n`,
  },
  ...CPU,
  ...MEMORY,
  ...PIDS,
  ...FREEZER,
  ...OTHERS,
];
