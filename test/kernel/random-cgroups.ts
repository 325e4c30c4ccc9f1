// Random uses of cgroup file systems, for comparing two kernels: writes into control files, and
// mounts of hierarchies. Valid and invalid values are mixed, and few names, so that they collide.

import fc from "fast-check";

export interface FileStep {
  readonly call: "mkdir" | "rmdir" | "write";
  readonly path: string;
  readonly text?: string;
}

const BYTES = ["-1", "-2", "1048576", "2m", "3M", "65m", "1G", "2097153", "x", "1k1", "0x200000"];
const TIMES = ["-1", "0", "999", "1000", "20000", "50000", "100000", "1000000", "1000001", "x", ""];
const FLAGS = ["0", "1", "2", "-1", "x", "0x1", "010", "08", "18446744073709551616"];
const LISTS = ["", "0", "0-1", "1", "1-0", "x", "0,,0", "4096", "0-", "\n"];
const RULES = ["a", "c 1:3 rwm", "c 1:3 r", "c 1:* rw", "b *:* m", "c 1:3", "c 1:3 rwx", "x"];

type Values = Readonly<Record<string, readonly string[]>>;

/** What may be written into the files of each controller. */
const FILES: Readonly<Record<string, Values>> = {
  cpu: {
    "cpu.shares": ["0", "1", "2", "3", "1024", "262144", "262145", "-1", "x", "+5"],
    "cpu.cfs_quota_us": TIMES,
    "cpu.cfs_period_us": TIMES,
    "cpu.cfs_burst_us": TIMES,
    "cpu.idle": ["0", "1", "2", "-1", "x"],
    "cpu.stat": ["1"],
  },
  cpuacct: { "cpuacct.usage": FLAGS, "cpuacct.stat": ["0"] },
  cpuset: {
    "cpuset.cpus": LISTS,
    "cpuset.mems": LISTS,
    "cpuset.cpu_exclusive": FLAGS,
    "cpuset.mem_exclusive": FLAGS,
    "cpuset.mem_hardwall": FLAGS,
    "cpuset.memory_migrate": FLAGS,
    "cpuset.memory_spread_page": FLAGS,
    "cpuset.memory_pressure": FLAGS,
    "cgroup.clone_children": FLAGS,
  },
  // Nothing below what a node's own bookkeeping uses, which the simulated kernel does not charge.
  memory: {
    "memory.limit_in_bytes": BYTES,
    "memory.memsw.limit_in_bytes": BYTES,
    "memory.soft_limit_in_bytes": [...BYTES, "0", "4095", "\n"],
    "memory.kmem.limit_in_bytes": BYTES,
    "memory.max_usage_in_bytes": FLAGS,
    "memory.failcnt": FLAGS,
    "memory.swappiness": ["0", "60", "100", "200", "201", "-1", "x"],
    "memory.oom_control": FLAGS,
    "memory.use_hierarchy": FLAGS,
    "memory.move_charge_at_immigrate": FLAGS,
    "memory.force_empty": ["0", "x"],
    "memory.usage_in_bytes": ["0"],
  },
  devices: { "devices.allow": RULES, "devices.deny": RULES, "devices.list": RULES },
  freezer: {
    "freezer.state": ["FROZEN", "THAWED\n", "FREEZING", "frozen", " FROZEN ", "1"],
    "freezer.self_freezing": FLAGS,
  },
  blkio: {
    "blkio.bfq.weight": ["0", "1", "100", "1000", "1001", "-1", "x"],
    "blkio.throttle.read_bps_device": ["x", "9:9 1", "9:9", "", "1:1:1 5"],
    "blkio.throttle.write_iops_device": ["x", "9:9 1", "9:9"],
    "blkio.reset_stats": FLAGS,
  },
  pids: { "pids.max": ["max", "0", "7", "4194304", "4194305", "-1", "x", "+3", "max\n", "ma"] },
};
/** Of every node. No numbers for the files that move processes, which would be somebody's. */
const COMMON: Values = {
  "cgroup.procs": ["-1", "x", "", "max", "4194305", "9223372036854775807"],
  tasks: ["-1", "x"],
  notify_on_release: FLAGS,
  "cgroup.clone_children": FLAGS,
  none: ["1"],
};

/** Where a removed node is seen for a moment more: as a child, or as one that is not frozen. */
const LINGERING = ["devices", "freezer"];

/** Nodes below `top`, which is there, and writes into their files. */
export function fileSteps(controller: string, top: string): fc.Arbitrary<FileStep[]> {
  const node = fc.constantFrom(top, `${top}/x`, `${top}/x`, `${top}/x/y`, `${top}/z`);
  const values = { ...COMMON, ...FILES[controller] };
  const own = Object.keys(FILES[controller] ?? {});
  const file = fc.constantFrom(...Object.keys(COMMON), ...own, ...own, ...own, ...own);
  const write = fc
    .tuple(node, file)
    .chain(([at, name]) =>
      fc
        .constantFrom(...(values[name] ?? []))
        .map((text): FileStep => ({ call: "write", path: `${at}/${name}`, text })),
    );
  const directory = fc
    .tuple(
      fc.constantFrom("mkdir", "mkdir", ...(LINGERING.includes(controller) ? [] : ["rmdir"])),
      node,
    )
    .map(([call, path]): FileStep => ({ call, path }) as FileStep);
  return fc
    .array(fc.oneof({ weight: 6, arbitrary: write }, { weight: 2, arbitrary: directory }), {
      minLength: 2,
      maxLength: 20,
    })
    .map((steps) => [{ call: "mkdir", path: `${top}/x` }, ...steps]);
}

export interface MountStep {
  readonly call: "mount" | "remount" | "unmount" | "mkdir";
  readonly target: string;
  readonly options: readonly string[];
}

/**
 * Hierarchies of names that begin with `name`, and of controllers that no machine mounts by itself;
 * cpu stands for one that is taken. No rmdir: a removed node is a child for a moment more, and
 * whether a hierarchy outlives its last mount would be a matter of luck.
 */
export function mountSteps(name: string): fc.Arbitrary<MountStep[]> {
  const target = fc.constantFrom("a", "b", "c");
  const words = [
    ...["net_cls", "net_prio", "perf_event", "net_cls", "perf_event"],
    ...["none", "none", `name=${name}-x`, `name=${name}-x`, `name=${name}-y`, "name=", "name=a/b"],
    ...["cpu", "all", "clone_children", "xattr", "noprefix", "bogus"],
  ];
  const options = fc.array(fc.constantFrom(...words), { maxLength: 3 });
  const step = fc
    .tuple(
      fc.constantFrom("mount", "mount", "mount", "remount", "unmount", "mkdir"),
      target,
      options,
    )
    .map(([call, at, chosen]) => ({ call, target: at, options: chosen }) as MountStep);
  return fc.array(step, { minLength: 2, maxLength: 10 });
}
