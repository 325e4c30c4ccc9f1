// Huge pages: a pool of each size on the machine, and what nodes may take of it. A fault beyond a
// limit fails at once: there is nothing to get back.
// Source: Linux, mm/hugetlb_cgroup.c.

import type { CgroupNode } from "./cgroup-node.ts";
import type { Cgroups } from "./cgroups.ts";
import { fail } from "./errno.ts";
import type { Process } from "./process.ts";

export const HUGE_PAGE_SIZES = { "2MB": 2 ** 21, "1GB": 2 ** 30 } as const;
export type HugePageSize = keyof typeof HUGE_PAGE_SIZES;

export class HugePageCounter {
  usage = 0;
  peak = 0;
  failures = 0;
  limit: number | "max" = "max";
}

export class HugePages {
  readonly #cgroups: Cgroups;
  /** Free pages by size. */
  readonly #free: Map<HugePageSize, number>;
  readonly total: ReadonlyMap<HugePageSize, number>;
  readonly #counters = new WeakMap<CgroupNode, Map<string, HugePageCounter>>();
  readonly #held = new WeakMap<
    Process,
    { size: HugePageSize; bytes: number; node?: CgroupNode }[]
  >();

  constructor(cgroups: Cgroups, pages: Partial<Record<HugePageSize, number>>) {
    this.#cgroups = cgroups;
    const counts = Object.entries(pages) as [HugePageSize, number][];
    this.total = new Map(counts);
    this.#free = new Map(counts);
  }

  free(size: HugePageSize): number {
    return this.#free.get(size) ?? 0;
  }

  /** `kind` tells pages in use from those that are reserved. */
  counter(
    node: CgroupNode,
    size: HugePageSize,
    kind: "used" | "reserved" = "used",
  ): HugePageCounter {
    const counters = this.#counters.get(node) ?? new Map<string, HugePageCounter>();
    this.#counters.set(node, counters);
    const key = `${size} ${kind}`;
    const counter = counters.get(key) ?? new HugePageCounter();
    counters.set(key, counter);
    return counter;
  }

  /** mmap(2) with MAP_HUGETLB, and touching it: ENOMEM at a limit or with no pages left. */
  allocate(process: Process, size: HugePageSize, count: number): void {
    const bytes = count * HUGE_PAGE_SIZES[size];
    const node = this.#cgroups.nodeFor("hugetlb", process.cssSet);
    const counters = [...(node?.lineage() ?? [])].flatMap((at) => [
      this.counter(at, size, "reserved"),
      this.counter(at, size),
    ]);
    for (const counter of counters) {
      if (counter.limit === "max" || counter.usage + bytes <= counter.limit) continue;
      counter.failures++;
      fail("ENOMEM");
    }
    if (this.free(size) < count) fail("ENOMEM");
    this.#book(size, count, counters);
    const held = this.#held.get(process) ?? [];
    held.push({ size, bytes, ...(node && { node }) });
    this.#held.set(process, held);
  }

  #book(size: HugePageSize, count: number, counters: readonly HugePageCounter[]): void {
    this.#free.set(size, this.free(size) - count);
    for (const counter of counters) {
      counter.usage += count * HUGE_PAGE_SIZES[size];
      counter.peak = Math.max(counter.peak, counter.usage);
    }
  }

  heldBytes(process: Process): number {
    return (this.#held.get(process) ?? []).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  ended(process: Process): void {
    for (const { size, bytes, node } of this.#held.get(process) ?? []) {
      const counters = [...(node?.lineage() ?? [])].flatMap((at) => [
        this.counter(at, size, "reserved"),
        this.counter(at, size),
      ]);
      this.#book(size, -bytes / HUGE_PAGE_SIZES[size], counters);
    }
    this.#held.delete(process);
  }
}
