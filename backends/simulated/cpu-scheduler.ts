// Who runs on the machine's CPUs, and for how long: by cpu.shares or cpu.weight down the tree of
// the cpu controller, within quotas a period, on the CPUs of the cpuset. Slices are infinitely
// small, so that two equals each get exactly half; a quota is used up as fast as it can be and
// the group then waits for its next period, as in the kernel.
// Source: Linux, kernel/sched/fair.c, core.c and cpuacct.c; scheduler/sched-bwc.rst.

import { parseCpusetList } from "@nacre/core/cpuset-list.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { CgroupNode, Cgroups, CssSet } from "./cgroups.ts";
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
  /** Where its time is counted. */
  readonly accounts: readonly CpuUsage[];

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
  /** Of the whole machine, in milliseconds by CPU. */
  readonly total: CpuUsage;

  constructor(clock: Clock, cgroups: Cgroups, cpus: number) {
    super(clock);
    this.#cgroups = cgroups;
    this.#cpus = cpus;
    this.total = new CpuUsage(cpus);
  }

  // -- what files show --------------------------------------------------------------------------

  /** CPU time of a node and all that is or was below it. */
  usageOf(node: CgroupNode): CpuUsage {
    this.update();
    return this.#usage(node);
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
    return this.#group(node).bandwidth;
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
      accounts: [...accounts, this.total],
    });
  }

  protected override belongs(queue: Queue, process: Process): boolean {
    if (!(queue instanceof CpuQueue) || queue.set !== process.cssSet) return false;
    if (queue.nice !== process.nice) return false;
    const cpu = this.#cgroups.nodeFor("cpu", queue.set);
    if (queue.group !== (cpu ? this.#group(cpu) : this.#root)) return false;
    return String(queue.mask) === String(this.maskOf(queue.set));
  }

  /** The CPUs that processes of a css_set may run on. */
  maskOf(set: CssSet): readonly number[] {
    const node = this.#cgroups.nodeFor("cpuset", set);
    const list = node ? parseCpusetList(node.cpuset("cpus", true)) : [];
    return list.length > 0 ? list : Array.from({ length: this.#cpus }, (_, cpu) => cpu);
  }

  protected override left(process: Process, amount: number): void {
    process.cpuMs += amount;
  }

  protected override account(queue: Queue, amount: number): void {
    const { accounts, mask, nice, group } = queue as CpuQueue;
    for (const usage of accounts) usage.add(amount, mask, nice > 0);
    for (let at: CpuGroup | undefined = group; at; at = at.parent) {
      at.bandwidth.use(amount);
    }
  }

  /** A set of CPUs can give no more than it has to those who cannot leave it. */
  protected override boundsOf(queues: readonly Queue[]): readonly Bound[] {
    const masks = new Map<string, readonly number[]>();
    for (const { mask } of queues as readonly CpuQueue[]) masks.set(String(mask), mask);
    if (masks.size === 1) {
      const [mask = []] = masks.values();
      return [{ capacity: mask.length, leaves: queues }];
    }
    return unionsOf([...masks.values()]).map((union) => ({
      capacity: union.size,
      leaves: (queues as readonly CpuQueue[]).filter((q) => q.mask.every((cpu) => union.has(cpu))),
    }));
  }

  // -- bandwidth --------------------------------------------------------------------------------

  protected override mayGoOn(queue: Queue): boolean {
    for (let at: CpuGroup | undefined = (queue as CpuQueue).group; at; at = at.parent) {
      if (at.bandwidth.throttled) return false;
    }
    return true;
  }

  #limited(): Map<Bandwidth, CpuQueue[]> {
    const found = new Map<Bandwidth, CpuQueue[]>();
    for (const queue of this.queues() as Generator<CpuQueue>) {
      for (let at: CpuGroup | undefined = queue.group; at; at = at.parent) {
        if (!at.bandwidth.limited) continue;
        const queues = found.get(at.bandwidth);
        if (queues) queues.push(queue);
        else found.set(at.bandwidth, [queue]);
      }
    }
    return found;
  }

  readonly #running = new Set<Bandwidth>();

  protected override before(): void {
    const limited = this.#limited();
    for (const [bandwidth, queues] of limited) {
      bandwidth.begin(this.nowMs);
      bandwidth.waiting = Math.min(
        this.#cpus,
        queues.reduce((sum, { jobs }) => sum + jobs.length, 0),
      );
      this.#running.add(bandwidth);
    }
    for (const bandwidth of this.#running) {
      bandwidth.pass(this.nowMs);
      if (!bandwidth.running) this.#running.delete(bandwidth);
    }
  }

  protected override untilDueMs(queues: readonly Queue[]): number {
    const rates = new Map<Bandwidth, number>();
    for (const { group, rate } of queues as readonly CpuQueue[]) {
      for (let at: CpuGroup | undefined = group; at; at = at.parent) {
        if (at.bandwidth.limited) {
          rates.set(at.bandwidth, (rates.get(at.bandwidth) ?? 0) + rate);
        }
      }
    }
    let nextMs = Number.POSITIVE_INFINITY;
    for (const bandwidth of this.#running) {
      nextMs = Math.min(nextMs, bandwidth.untilDueMs(this.nowMs, rates.get(bandwidth) ?? 0));
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
