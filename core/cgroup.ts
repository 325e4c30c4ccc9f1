// Control groups as the kernel keeps them: a model that refuses what the kernel refuses. The rules
// are told in core/assembly: cgroup.ts (hierarchies, nodes), cgroup-hierarchy.ts (mounts),
// cgroup-subtree.ts, cgroup-limits.ts, cpuset.ts.

import { placeText, readFields } from "./boundary.ts";
import type { Core } from "./core.ts";
import { NacreError } from "./error.ts";
import { kernelFault } from "./kernel-fault.ts";

/** Names of version 1; version 2 calls `blkio` io. In the kernel's order. */
export const CONTROLLERS = [
  "cpuset",
  "cpu",
  "cpuacct",
  "blkio",
  "memory",
  "devices",
  "freezer",
  "net_cls",
  "perf_event",
  "net_prio",
  "hugetlb",
  "pids",
  "rdma",
  "misc",
] as const;
export type Controller = (typeof CONTROLLERS)[number];

/**
 * Limits of a node, by their version 1 and version 2 files (-1 also means max):
 *
 * - `cpuWeight`: cpu.shares 2…262144 · cpu.weight 1…10000
 * - `cpuQuota`: microseconds a period, cpu.cfs_quota_us · first of cpu.max; or max
 * - `cpuPeriod`: microseconds, 1000…1000000, cpu.cfs_period_us · second of cpu.max
 * - `cpuBurst`: microseconds, cpu.cfs_burst_us · cpu.max.burst
 * - `memoryMax`: bytes, memory.limit_in_bytes · memory.max; or max
 * - `memoryLow`: bytes, memory.soft_limit_in_bytes · memory.low
 * - `memoryHigh`: bytes, version 2 only, memory.high; or max
 * - `memorySwap`: bytes, memory plus swap, memory.memsw.limit_in_bytes · swap alone,
 *   memory.swap.max; or max
 * - `pidsMax`: tasks, pids.max; or max
 * - `ioWeight`: blkio.bfq.weight 1…1000 · io.weight 1…10000
 * - `frozen`: 0 or 1, freezer.state · cgroup.freeze
 */
export const LIMITS = [
  "cpuWeight",
  "cpuQuota",
  "cpuPeriod",
  "cpuBurst",
  "memoryMax",
  "memoryLow",
  "memoryHigh",
  "memorySwap",
  "pidsMax",
  "ioWeight",
  "frozen",
] as const;
export type Limit = (typeof LIMITS)[number];
export type LimitValue = number | "max";

/** Handles are numbers that never name another thing later. */
export type HierarchyHandle = number;
export type CgroupHandle = number;

export interface Hierarchy {
  readonly handle: HierarchyHandle;
  readonly version: 1 | 2;
  /** Attached to it; of version 2, what its root can pass on. */
  readonly controllers: readonly Controller[];
  readonly root: CgroupHandle;
}

export interface Cgroup {
  readonly handle: CgroupHandle;
  readonly hierarchy: HierarchyHandle;
  /** Undefined for a root. */
  readonly parent: CgroupHandle | undefined;
  /** Empty for a root. */
  readonly name: string;
  /** Tasks in the node itself, and in it and below. */
  readonly tasks: number;
  readonly population: number;
  /** Controllers that have files in it, and those that it passes on (version 2). */
  readonly controllers: readonly Controller[];
  readonly subtreeControl: readonly Controller[];
}

function toMask(controllers: readonly Controller[]): number {
  return controllers.reduce((mask, name) => mask | (1 << CONTROLLERS.indexOf(name)), 0);
}

function fromMask(mask: number): Controller[] {
  return CONTROLLERS.filter((_, bit) => (mask >>> bit) & 1);
}

/** The core's number of a limit; of an unknown one, a number that the core does not know either. */
function limitKind(limit: Limit): number {
  return LIMITS.indexOf(limit) >>> 0;
}

const decoder = new TextDecoder();

/**
 * The cgroups of one machine. Every method that changes something throws NacreError with the
 * `errno` that the kernel would give, and then has changed nothing; the kinds are `in-use` (EBUSY),
 * `exists` (EEXIST), `not-found` (ENOENT: also a handle or a file that is not there), `invalid`
 * (EINVAL, ERANGE, ENAMETOOLONG), `denied` (EACCES), `conflict` (EOPNOTSUPP), `kernel` (ENOSPC).
 */
export class Cgroups {
  readonly core: Core;
  /** What the core knows this machine by. */
  readonly handle: number;

  /** `controllers` are those that the machine's kernel was built with; all by default. */
  constructor(
    core: Core,
    machine: { cpus: number; memoryNodes: number; controllers?: readonly Controller[] },
  ) {
    this.core = core;
    const { cpus, memoryNodes, controllers = CONTROLLERS } = machine;
    this.handle = core.exports.cgroupSystemNew!(cpus, memoryNodes, toMask(controllers));
    if (this.handle === 0) {
      throw new NacreError("invalid", `no machine has ${JSON.stringify(machine)}`, {
        advice: "Both numbers are between 1 and 1024.",
      });
    }
  }

  /**
   * A new hierarchy: version 1 with controllers that no other has (none: one known by its name
   * only), or the one of version 2, which gets all that are left, and all that become free.
   */
  mount(version: 1, controllers: readonly Controller[]): Hierarchy;
  mount(version: 2): Hierarchy;
  mount(version: 1 | 2, controllers: readonly Controller[] = []): Hierarchy {
    const operation = `mount cgroup v${version} ${controllers.join()}`;
    this.#call("cgroupHierarchyNew", operation, version, toMask(controllers));
    const handle = this.#result(1)[0]!;
    this.#settle();
    return this.hierarchy(handle);
  }

  /**
   * Remounts a version 1 hierarchy with other controllers. EBUSY while its root has children, or
   * where one of the controllers is in use elsewhere.
   */
  remount(hierarchy: HierarchyHandle, controllers: readonly Controller[]): void {
    const operation = `remount cgroup ${controllers.join()}`;
    this.#call("cgroupHierarchyRebind", operation, hierarchy, toMask(controllers));
  }

  /** Ends a hierarchy whose root has no children. */
  unmount(hierarchy: HierarchyHandle): void {
    this.#call("cgroupHierarchyRemove", "umount cgroup", hierarchy);
    this.#settle();
  }

  hierarchy(handle: HierarchyHandle): Hierarchy {
    this.#call("cgroupHierarchyInfo", "stat cgroup hierarchy", handle);
    const [version, controllers, root] = this.#result(3);
    return {
      handle,
      version: version === 2 ? 2 : 1,
      controllers: fromMask(controllers!),
      root: root!,
    };
  }

  hierarchies(): Hierarchy[] {
    this.#call("cgroupHierarchies", "list cgroup hierarchies");
    return this.#list().map((handle) => this.hierarchy(handle));
  }

  create(parent: CgroupHandle, name: string): CgroupHandle {
    const { pointer, length } = placeText(this.core, name);
    this.#call("cgroupCreate", `mkdir ${name}`, parent, pointer, length);
    return this.#result(1)[0]!;
  }

  /** The child of this name, if there is one. */
  child(parent: CgroupHandle, name: string): CgroupHandle | undefined {
    const { pointer, length } = placeText(this.core, name);
    const code = this.core.exports.cgroupChild!(this.handle, parent, pointer, length);
    return code === 0 ? this.#result(1)[0]! : undefined;
  }

  remove(node: CgroupHandle): void {
    this.#call("cgroupRemove", `rmdir ${this.path(node)}`, node);
  }

  get(handle: CgroupHandle): Cgroup {
    this.#call("cgroupInfo", "stat cgroup", handle);
    const [hierarchy, parent, tasks, population, own, passed, name, length] = this.#result(8);
    return {
      handle,
      hierarchy: hierarchy!,
      parent: parent || undefined,
      name: decoder.decode(this.core.view(name!, length!)),
      tasks: tasks!,
      population: population!,
      controllers: fromMask(own!),
      subtreeControl: fromMask(passed!),
    };
  }

  /** Children, the latest first. */
  children(node: CgroupHandle): CgroupHandle[] {
    this.#call("cgroupChildren", "list cgroup", node);
    return this.#list();
  }

  /** Where a node is, from its hierarchy's root: "/system/web". */
  path(node: CgroupHandle): string {
    const names: string[] = [];
    for (let at = this.get(node); at.parent !== undefined; at = this.get(at.parent)) {
      names.unshift(at.name);
    }
    return `/${names.join("/")}`;
  }

  /** Version 2: passes controllers on to the children, or no longer. */
  setSubtreeControl(
    node: CgroupHandle,
    change: { enable?: readonly Controller[]; disable?: readonly Controller[] },
  ): void {
    const { enable = [], disable = [] } = change;
    const words = [...enable.map((name) => `+${name}`), ...disable.map((name) => `-${name}`)];
    const operation = `write "${words.join(" ")}" ${this.path(node)}/cgroup.subtree_control`;
    this.#call("cgroupSubtreeControl", operation, node, toMask(enable), toMask(disable));
  }

  setLimit(node: CgroupHandle, limit: Limit, value: LimitValue): void {
    const operation = `write ${value} to ${limit} of ${this.path(node)}`;
    const raw = value === "max" ? -1 : value;
    this.#call("cgroupSetLimit", operation, node, limitKind(limit), raw);
  }

  /** The node's own value, as its file shows it: bytes in whole pages. */
  limit(node: CgroupHandle, limit: Limit): LimitValue {
    this.#call("cgroupLimit", `read ${limit}`, node, limitKind(limit));
    return this.#value();
  }

  /**
   * What holds for the tasks of a node: the tightest on the way to the root, for limits that work
   * this way. A quota is in microseconds of the node's own period, and may be a fraction.
   */
  effectiveLimit(node: CgroupHandle, limit: Limit): LimitValue {
    this.#call("cgroupEffectiveLimit", `read ${limit}`, node, limitKind(limit));
    return this.#value();
  }

  /** The part (0…1) of the machine that a weight gives the node when all that have tasks compete. */
  share(node: CgroupHandle, weight: "cpuWeight" | "ioWeight"): number {
    this.#call("cgroupShare", `read ${weight}`, node, limitKind(weight));
    return new Float64Array(this.core.exports.memory.buffer, this.#resultAddress(), 1)[0]!;
  }

  /** Sets cpuset.cpus or cpuset.mems, a list such as "0-3,7". */
  setCpuset(node: CgroupHandle, file: "cpus" | "mems", list: string): void {
    const operation = `write "${list}" ${this.path(node)}/cpuset.${file}`;
    const { pointer, length } = placeText(this.core, list);
    this.#call("cpusetSet", operation, node, file === "cpus" ? 0 : 1, pointer, length);
  }

  /** A node's own list. */
  cpuset(node: CgroupHandle, file: "cpus" | "mems"): string {
    return this.#cpuset(node, file, 0);
  }

  /** The list that holds for its tasks. */
  effectiveCpuset(node: CgroupHandle, file: "cpus" | "mems"): string {
    return this.#cpuset(node, file, 1);
  }

  #cpuset(node: CgroupHandle, file: "cpus" | "mems", whole: number): string {
    this.#call("cpusetList", `read cpuset.${file}`, node, file === "cpus" ? 0 : 1, whole);
    const [pointer, length] = this.#result(2);
    return decoder.decode(this.core.view(pointer!, length!));
  }

  /** Lets css_sets know of hierarchies that came and went: all tasks are in the root of a new one. */
  #settle(): void {
    this.core.exports.cssCounts!(this.handle);
  }

  #call(name: string, operation: string, ...args: number[]): void {
    const code = this.core.exports[name]!(this.handle, ...args);
    if (code !== 0) throw kernelFault(code, operation);
  }

  #resultAddress(): number {
    return this.core.exports.cgroupResult!();
  }

  #result(count: number): Uint32Array {
    return readFields(this.core, this.#resultAddress(), count);
  }

  #list(): number[] {
    const [pointer, count] = this.#result(2);
    return [...readFields(this.core, pointer!, count!)];
  }

  #value(): LimitValue {
    const { buffer } = this.core.exports.memory;
    const value = new Float64Array(buffer, this.#resultAddress(), 1)[0]!;
    return value < 0 ? "max" : value;
  }
}
