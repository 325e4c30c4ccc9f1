// The memory of a cgroup: what its processes were charged for, counted up the tree, against the
// limits of each node on the way to the root (a page_counter for memory and one for memory and
// swap together). A charge stays where it was made when its process moves on, and goes to the node
// above when its own is removed.
// Source: Linux, mm/memcontrol.c, memcontrol-v1.c, page_counter.c.

import type { CgroupNode } from "./cgroup-node.ts";
import { PAGE_BYTES } from "./control-value.ts";

/** Of what a page is, as far as it makes a difference: how it can be got back. */
export type PageKind =
  /** A process's own: only by swapping. */
  | "anon"
  /** Files of a tmpfs: only by swapping. */
  | "shmem"
  /** Files of a disk: by forgetting. */
  | "cache";

export interface MemoryEvents {
  low: number;
  high: number;
  max: number;
  oom: number;
  oom_kill: number;
  oom_group_kill: number;
}

const noEvents = (): MemoryEvents => ({
  ...{ low: 0, high: 0, max: 0 },
  ...{ oom: 0, oom_kill: 0, oom_group_kill: 0 },
});

export const pagesOf = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;

export class MemoryGroup {
  /** Undefined for the machine as a whole, where no hierarchy has the controller. */
  readonly node: CgroupNode | undefined;
  readonly parent: MemoryGroup | undefined;
  /** Of its own processes, in bytes. */
  readonly own: Record<PageKind, number> = { anon: 0, shmem: 0, cache: 0 };
  ownSwap = 0;
  /** With what is below. */
  usage = 0;
  swap = 0;
  peak = 0;
  peakWithSwap = 0;
  failures = 0;
  failuresWithSwap = 0;
  /** Those of itself, and with those below. */
  readonly localEvents = noEvents();
  readonly events = noEvents();
  /** Processes wait here for memory, because killing them is forbidden. */
  starving = 0;

  constructor(node: CgroupNode | undefined, parent: MemoryGroup | undefined) {
    this.node = node;
    this.parent = parent;
  }

  *lineage(): Generator<MemoryGroup> {
    for (let at: MemoryGroup | undefined = this; at; at = at.parent) yield at;
  }

  /** Where its charges are: itself, or after rmdir(2) the first node above that is left. */
  get live(): MemoryGroup {
    let at: MemoryGroup = this;
    while (at.node?.removed && at.parent) at = at.parent;
    return at;
  }

  get withSwap(): number {
    return this.usage + this.swap;
  }

  /** Bytes, or infinity. The root has no limit but the machine's memory. */
  limit(which: "memoryMax" | "memorySwap" | "memoryHigh" | "memoryLow"): number {
    if (!this.node?.parent || this.node.removed) return Number.POSITIVE_INFINITY;
    if (!this.node.controllers.includes("memory")) return Number.POSITIVE_INFINITY;
    const value = this.node.limit(which);
    return value === "max" ? Number.POSITIVE_INFINITY : value;
  }

  /** Books bytes, also negative ones, here and above. */
  book(kind: PageKind, bytes: number): void {
    this.own[kind] += bytes;
    for (const at of this.lineage()) {
      at.usage += bytes;
      at.peak = Math.max(at.peak, at.usage);
      at.peakWithSwap = Math.max(at.peakWithSwap, at.withSwap);
    }
  }

  /** Bytes go out to swap, or with a negative number come back or are forgotten. */
  bookSwap(bytes: number): void {
    this.ownSwap += bytes;
    for (const at of this.lineage()) at.swap += bytes;
  }

  note(event: keyof MemoryEvents): void {
    this.localEvents[event]++;
    for (const at of this.lineage()) at.events[event]++;
  }

  /** The own pages of a removed node are those of the one above. */
  reparent(): void {
    const { parent, own } = this;
    if (!parent) return;
    for (const kind of ["anon", "shmem", "cache"] as const) {
      parent.own[kind] += own[kind];
      own[kind] = 0;
    }
    parent.ownSwap += this.ownSwap;
    this.ownSwap = 0;
  }
}
