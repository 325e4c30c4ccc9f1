// What processes use up: CPUs, memory, huge pages, disks. One of each for a machine; the files of
// the controllers set their limits and show their counters.

import type { Clock } from "@nacre/core/ports/clock.ts";
import { BlockDevice } from "./block-device.ts";
import type { CgroupNode } from "./cgroup-node.ts";
import type { Cgroups, CssSet } from "./cgroups.ts";
import { cloneCpuset } from "./controllers/cpuset.ts";
import { policyOf } from "./controllers/devices.ts";
import { notePids, noteReaped, noteRefusedFork, noteUnreaped } from "./controllers/pids.ts";
import { CpuScheduler } from "./cpu-scheduler.ts";
import { type HugePageSize, HugePages } from "./hugetlb.ts";
import { MemoryController } from "./memory-controller.ts";
import type { Process } from "./process.ts";
import type { ProcessTable } from "./process-table.ts";

/** What the machine has. */
export interface Hardware {
  /** Number of CPUs. */
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly swapBytes: number;
  readonly hugePages: Readonly<Partial<Record<HugePageSize, number>>>;
  readonly diskBytesPerSecond: number;
}

/** A small server. */
export const HARDWARE: Hardware = {
  cpus: 2,
  memoryBytes: 8 * 2 ** 30,
  swapBytes: 0,
  hugePages: {},
  diskBytesPerSecond: 500e6,
};

/** What a new node of version 1 takes over from the one above. */
const INHERITED = [
  "cgroup.clone_children",
  "notify_on_release",
  "memory.oom_control",
  "memory.swappiness",
  "cpuset.memory_spread_page",
  "cpuset.memory_spread_slab",
];

export class Resources {
  readonly cpu: CpuScheduler;
  readonly memory: MemoryController;
  readonly hugePages: HugePages;
  readonly disks: readonly BlockDevice[];
  readonly #cgroups: Cgroups;

  constructor(clock: Clock, cgroups: Cgroups, processes: ProcessTable, hardware: Hardware) {
    this.#cgroups = cgroups;
    this.cpu = new CpuScheduler(clock, cgroups, hardware.cpus);
    this.memory = new MemoryController(cgroups, processes, hardware);
    this.hugePages = new HugePages(cgroups, hardware.hugePages);
    const vda = { name: "vda", major: 254, minor: 0, bytesPerSecond: hardware.diskBytesPerSecond };
    this.disks = [new BlockDevice(clock, cgroups, vda)];
    processes.onChange = (process) => this.#refresh(process);
    cgroups.observers.push({
      moved: (process, from, to) => this.#moved(process, from, to),
      reaped: noteReaped,
      forkRefused: (set, hierarchy) => noteRefusedFork(set, hierarchy),
      created: (node) => this.#created(node),
      removed: (node) => this.memory.removed(node),
    });
  }

  disk(major: number, minor: number): BlockDevice | undefined {
    return this.disks.find((disk) => disk.major === major && disk.minor === minor);
  }

  /** A process may run, or may not any more, or runs under other limits. */
  #refresh(process: Process): void {
    const { mayRun } = process;
    this.cpu.refresh(process, mayRun);
    for (const disk of this.disks) disk.refresh(process, mayRun);
    if (process.alive) return;
    this.memory.ended(process);
    this.hugePages.ended(process);
  }

  #moved(process: Process, from: CssSet | undefined, to: CssSet | undefined): void {
    const pids = this.#cgroups.hierarchyOf("pids");
    if (pids && from && !to) noteUnreaped(process, from.in(pids));
    if (pids && to && from?.in(pids) !== to.in(pids)) notePids(to.in(pids));
    if (from && to) this.#refresh(process);
  }

  #created(node: CgroupNode): void {
    const { controllers, version } = node.hierarchy;
    const { parent } = node;
    if (controllers.includes("devices")) policyOf(node);
    if (version !== 1 || !parent) return;
    for (const file of INHERITED) {
      const value = parent.values.get(file);
      if (value !== undefined) node.values.set(file, value);
    }
    if (controllers.includes("cpuset")) cloneCpuset(node);
  }
}
