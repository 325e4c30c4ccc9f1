// Who runs on the machine's CPUs, and for how long: by cpu.shares or cpu.weight down the tree of
// the cpu controller, within quotas a period, on the CPUs of the cpuset. Slices are infinitely
// small, so that two equals each get exactly half; a quota is used up as fast as it can be and
// the group then waits for its next period, as in the kernel.
// Source: Linux, kernel/sched/fair.c, core.c and cpuacct.c; scheduler/sched-bwc.rst.

import { parseCpusetList } from "@nacre/core/cpuset-list.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { CgroupNode } from "./cgroup-node.ts";
import type { Cgroups, CssSet } from "./cgroups.ts";
import { Bandwidth } from "./cpu-bandwidth.ts";
import { CpuUsage } from "./cpu-usage.ts";
import { type Bound, ShareGroup } from "./fair-share.ts";
import type { Process } from "./process.ts";
import { Queue, SharedResource } from "./shared-resource.ts";

/** Of a process of nice 0, and of a group of 1024 shares or weight 100. */
const NICE_0_WEIGHT = 1024;
/** WEIGHT_IDLEPRIO: of a group with cpu.idle. */
const IDLE_WEIGHT = 3;
/** Each step of nice is about 10 % of CPU (sched_prio_to_weight is rounded from it). */
const NICE_STEP = 1.25;
/** With more kinds of cpusets than this, not all of their unions are looked at. */
const MOST_MASKS = 6;

class CpuGroup extends ShareGroup {
  readonly bandwidth = new Bandwidth();
  declare readonly parent: CpuGroup | undefined;
}

class CpuQueue extends Queue {
  declare readonly group: CpuGroup;
  readonly nice: number;
  readonly mask: readonly number[];
  /** Where its time is counted, and what is not counted there yet. */
  readonly accounts: readonly CpuUsage[];
  uncountedMs = 0;
  /** The quotas that hold for it, by the version of limits that they were read at. */
  quotas: readonly Bandwidth[] = [];
  version = -1;

  constructor(
    set: CssSet,
    from: { group: CpuGroup; nice: number; mask: readonly number[]; accounts: readonly CpuUsage[] },
  ) {
    super(set, 0, from.group, NICE_0_WEIGHT / NICE_STEP ** from.nice, 1);
    this.nice = from.nice;
    this.mask = from.mask;
    this.accounts = from.accounts;
  }
}

export class CpuScheduler extends SharedResource {
  readonly #cgroups: Cgroups;
  readonly #cpus: number;
  readonly #root = new CpuGroup(undefined, NICE_0_WEIGHT);
  readonly #groups = new WeakMap<CgroupNode, CpuGroup>();
  readonly #usages = new WeakMap<CgroupNode, CpuUsage>();
  readonly #total: CpuUsage;
  /** Counts changes of limits. */
  #version = 0;
  /** The CPUs of each list, so that equal lists are the same. */
  readonly #masks = new Map<string, readonly number[]>();

  constructor(clock: Clock, cgroups: Cgroups, cpus: number) {
    super(clock);
    this.#cgroups = cgroups;
    this.#cpus = cpus;
    this.#total = new CpuUsage(cpus);
  }

  // -- what files show --------------------------------------------------------------------------

  /** CPU time of a node and all that is or was below it. */
  usageOf(node: CgroupNode): CpuUsage {
    this.#count();
    return this.#usage(node);
  }
  /** That of the whole machine. */
  get total(): CpuUsage {
    this.#count();
    return this.#total;
  }

  #count(): void {
    this.update();
    for (const queue of this.queues as readonly CpuQueue[]) this.retire(queue);
  }
  protected override retire(queue: Queue): void {
    const { accounts, mask, nice, uncountedMs } = queue as CpuQueue;
    for (const usage of accounts) usage.add(uncountedMs, mask, nice > 0);
    (queue as CpuQueue).uncountedMs = 0;
  }

  #usage(node: CgroupNode): CpuUsage {
    const known = this.#usages.get(node);
    if (known) return known;
    const made = new CpuUsage(this.#cpus, node.parent && this.#usage(node.parent));
    this.#usages.set(node, made);
    return made;
  }

  bandwidthOf(node: CgroupNode): Bandwidth {
    this.update();
    const { bandwidth } = this.#group(node);
    bandwidth.pass(this.nowMs);
    return bandwidth;
  }

  /** What a process has used, in milliseconds. */
  usedMs(process: Process): number {
    this.update();
    return process.cpuMs + this.inProgress(process);
  }

  isComputing(process: Process): boolean {
    return this.hasJobs(process);
  }

  /** After a write into a file of the cpu or cpuset controller. */
  limitsChanged(node: CgroupNode): void {
    this.update();
    this.#version++;
    for (const below of node.subtree()) {
      const group = this.#groups.get(below);
      if (!below.controllers.includes("cpu")) this.#groups.delete(below);
      else if (group) this.#readLimits(below, group);
      for (const process of below.processes) this.refresh(process, process.mayRun);
    }
    this.change();
  }

  // -- groups -----------------------------------------------------------------------------------

  #group(node: CgroupNode): CpuGroup {
    if (!node.parent) return this.#root;
    const known = this.#groups.get(node);
    if (known) return known;
    let above = node.parent;
    while (above.parent && !above.controllers.includes("cpu")) above = above.parent;
    const made = new CpuGroup(this.#group(above), NICE_0_WEIGHT);
    this.#groups.set(node, made);
    this.#readLimits(node, made);
    return made;
  }

  #readLimits(node: CgroupNode, group: CpuGroup): void {
    if (node.removed || !node.parent || !node.controllers.includes("cpu")) return;
    const weight = Number(node.limit("cpuWeight"));
    const scaled = node.hierarchy.version === 2 ? (weight * NICE_0_WEIGHT) / 100 : weight;
    group.weight = node.values.get("cpu.idle") === "1" ? IDLE_WEIGHT : scaled;
    const quota = node.limit("cpuQuota");
    group.bandwidth.configure(this.nowMs, {
      quotaMs: quota === "max" ? Number.POSITIVE_INFINITY : quota / 1000,
      periodMs: Number(node.limit("cpuPeriod")) / 1000,
      burstMs: Number(node.limit("cpuBurst")) / 1000,
    });
  }

  // -- the resource -----------------------------------------------------------------------------

  protected override newQueue(process: Process): Queue {
    const set = process.cssSet;
    const cpu = this.#cgroups.nodeFor("cpu", set);
    const accounts = [...set.nodes.values()]
      .filter((n) => n.hierarchy.version === 2 || n.hierarchy.controllers.includes("cpuacct"))
      .map((node) => this.#usage(node));
    return new CpuQueue(set, {
      group: cpu ? this.#group(cpu) : this.#root,
      nice: process.nice,
      mask: this.maskOf(set),
      accounts: [...accounts, this.#total],
    });
  }

  protected override belongs(queue: Queue, process: Process): boolean {
    if (!(queue instanceof CpuQueue) || queue.set !== process.cssSet) return false;
    if (queue.nice !== process.nice) return false;
    const cpu = this.#cgroups.nodeFor("cpu", queue.set);
    if (queue.group !== (cpu ? this.#group(cpu) : this.#root)) return false;
    return queue.mask === this.maskOf(queue.set);
  }

  /** The CPUs that processes of a css_set may run on. */
  maskOf(set: CssSet): readonly number[] {
    const node = this.#cgroups.nodeFor("cpuset", set);
    const list = node?.cpuset("cpus", true) || `0-${this.#cpus - 1}`;
    const known = this.#masks.get(list);
    if (known) return known;
    const mask = parseCpusetList(list);
    this.#masks.set(list, mask);
    return mask;
  }

  protected override left(process: Process, amount: number): void {
    process.cpuMs += amount;
  }

  protected override account(queue: Queue, amount: number): void {
    (queue as CpuQueue).uncountedMs += amount;
    for (const quota of this.#quotasOf(queue as CpuQueue)) quota.use(amount);
  }

  /** A set of CPUs can give no more than it has to those who cannot leave it. */
  protected override boundsOf(queues: readonly Queue[]): readonly Bound[] {
    const [first] = queues as readonly CpuQueue[];
    if (!first) return [];
    if ((queues as readonly CpuQueue[]).every(({ mask }) => mask === first.mask)) {
      return [{ capacity: first.mask.length, leaves: queues }];
    }
    const masks = new Set((queues as readonly CpuQueue[]).map(({ mask }) => mask));
    return unionsOf([...masks]).map((union) => ({
      capacity: union.size,
      leaves: (queues as readonly CpuQueue[]).filter((q) => q.mask.every((cpu) => union.has(cpu))),
    }));
  }

  // -- bandwidth --------------------------------------------------------------------------------

  protected override mayGoOn(queue: Queue): boolean {
    for (const quota of this.#quotasOf(queue as CpuQueue)) if (quota.throttled) return false;
    return true;
  }

  /** Those with a quota whose periods are passing. */
  readonly #running = new Set<Bandwidth>();

  #quotasOf(queue: CpuQueue): readonly Bandwidth[] {
    if (queue.version !== this.#version) {
      const found: Bandwidth[] = [];
      for (let at: CpuGroup | undefined = queue.group; at; at = at.parent) {
        if (at.bandwidth.limited) found.push(at.bandwidth);
      }
      queue.quotas = found;
      queue.version = this.#version;
    }
    return queue.quotas;
  }

  protected override before(): void {
    for (const bandwidth of this.#running) {
      bandwidth.pass(this.nowMs);
      bandwidth.wanting = 0;
    }
    for (const queue of this.queues) {
      for (const bandwidth of this.#quotasOf(queue as CpuQueue)) {
        if (!bandwidth.running) {
          bandwidth.begin(this.nowMs);
          this.#running.add(bandwidth);
        }
        bandwidth.wanting = Math.min(this.#cpus, bandwidth.wanting + queue.jobs.length);
      }
    }
    for (const bandwidth of this.#running) {
      if (bandwidth.running) bandwidth.throttle(this.nowMs);
      else this.#running.delete(bandwidth);
    }
  }

  protected override untilDueMs(queues: readonly Queue[]): number {
    for (const bandwidth of this.#running) bandwidth.rate = 0;
    for (const queue of queues) {
      for (const bandwidth of this.#quotasOf(queue as CpuQueue)) bandwidth.rate += queue.rate;
    }
    let nextMs = Number.POSITIVE_INFINITY;
    for (const bandwidth of this.#running) {
      nextMs = Math.min(nextMs, bandwidth.untilDueMs(this.nowMs));
    }
    return nextMs;
  }
}

/** All unions of the masks; with many masks, each of them and all together. */
function unionsOf(masks: readonly (readonly number[])[]): Set<number>[] {
  if (masks.length > MOST_MASKS) return [...masks, masks.flat()].map((mask) => new Set(mask));
  const unions = new Map<string, Set<number>>();
  for (let chosen = 1; chosen < 1 << masks.length; chosen++) {
    const union = new Set(masks.filter((_, i) => (chosen >> i) & 1).flat());
    unions.set(String([...union].sort()), union);
  }
  return [...unions.values()];
}
