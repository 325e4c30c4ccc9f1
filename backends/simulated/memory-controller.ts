// Memory of the machine and of its cgroups: charging, getting pages back where a limit is reached,
// and at last killing. Page cache is forgotten, anonymous memory is swapped out where there is
// swap; where neither helps, the largest process of the node whose limit it is dies, or, where
// memory.oom_control forbids that, everybody who wants memory waits.
// Source: Linux, mm/memcontrol.c, mm/oom_kill.c.

import { SIGNALS } from "@nacre/core/program/signals.ts";
import type { CgroupNode } from "./cgroup-node.ts";
import type { Cgroups } from "./cgroups.ts";
import { PAGE_BYTES } from "./control-value.ts";
import { fail } from "./errno.ts";
import { MemoryGroup, type PageKind, pagesOf } from "./memory-group.ts";
import type { Process } from "./process.ts";
import { take } from "./process-memory.ts";
import type { ProcessTable } from "./process-table.ts";

const OOM_SCORE_ADJ_MIN = -1000;
/** What a program takes by being there: its text, stack and libraries. */
const PROGRAM_BYTES = 64 * PAGE_BYTES;

export interface MachineMemory {
  readonly memoryBytes: number;
  readonly swapBytes: number;
}

/** Where a charge does not fit, and which of the two counters it is. */
interface Full {
  readonly group: MemoryGroup;
  readonly withSwap: boolean;
}

export class MemoryController {
  readonly #cgroups: Cgroups;
  readonly #processes: ProcessTable;
  readonly #machine: MachineMemory;
  readonly #whole = new MemoryGroup(undefined, undefined);
  readonly #groups = new WeakMap<CgroupNode, MemoryGroup>();
  #waiting: (() => void)[] = [];

  constructor(cgroups: Cgroups, processes: ProcessTable, machine: MachineMemory) {
    this.#cgroups = cgroups;
    this.#processes = processes;
    this.#machine = machine;
  }

  /** The machine itself. */
  get machine(): { readonly group: MemoryGroup } & MachineMemory {
    return { group: this.#whole, ...this.#machine };
  }

  /** What the machine's memory is used for, by kind, in bytes. */
  kinds(): Record<PageKind, number> {
    const sum = { anon: 0, shmem: 0, cache: 0 };
    for (const { own } of this.#below(this.#whole)) {
      for (const kind of ["anon", "shmem", "cache"] as const) sum[kind] += own[kind];
    }
    return sum;
  }

  groupOf(node: CgroupNode): MemoryGroup {
    const known = this.#groups.get(node);
    if (known) return known;
    const made = new MemoryGroup(node, node.parent ? this.groupOf(node.parent) : this.#whole);
    this.#groups.set(node, made);
    return made;
  }

  #groupFor(process: Process): MemoryGroup {
    const node = this.#cgroups.nodeFor("memory", process.cssSet);
    return node ? this.groupOf(node) : this.#whole;
  }

  removed(node: CgroupNode): void {
    this.#groups.get(node)?.reparent();
  }

  // -- what processes do ------------------------------------------------------------------------

  /** A process uses so many bytes more. Waits where it must; ENOMEM where nobody can be killed. */
  async allocate(process: Process, bytes: number): Promise<void> {
    const pages = pagesOf(bytes);
    while (process.alive) {
      const group = this.#groupFor(process);
      const full = this.#chargeOrKill(process, group, "anon", pages);
      if (!full) {
        if (process.alive) process.memory.add(group, pages);
        else group.live.book("anon", -pages);
        return;
      }
      await this.#starve(full.group);
    }
  }

  /** What a program needs to be there at all; it may be killed for it. */
  load(process: Process): void {
    const group = this.#groupFor(process);
    if (this.#chargeOrKill(process, group, "anon", PROGRAM_BYTES)) fail("ENOMEM");
    if (process.alive) process.memory.add(group, PROGRAM_BYTES);
    else group.live.book("anon", -PROGRAM_BYTES);
  }

  /** A process gives memory back, what is resident first. */
  free(process: Process, bytes: number): void {
    const { memory } = process;
    let wanted = pagesOf(bytes);
    for (const [group, part] of take(memory.resident, wanted)) {
      group.live.book("anon", -part);
      wanted -= part;
    }
    for (const [group, part] of take(memory.swapped, wanted)) group.live.bookSwap(-part);
    this.roomMade();
  }

  /** Pages of files, for whoever writes or reads them: the group that they are charged to. */
  chargeFile(process: Process, kind: "shmem" | "cache", bytes: number): MemoryGroup {
    const group = this.#groupFor(process);
    if (this.#chargeOrKill(process, group, kind, bytes)) fail("ENOMEM");
    return group;
  }

  /** Somebody waiting may find room now, or be allowed to kill. */
  roomMade(): void {
    const woken = this.#waiting;
    this.#waiting = [];
    for (const wake of woken) wake();
  }

  async #starve(group: MemoryGroup): Promise<void> {
    const below = this.#below(group);
    for (const one of below) one.starving++;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    for (const one of below) one.starving--;
  }

  // -- charging ---------------------------------------------------------------------------------

  /** Charges; kills until it fits. Where it may not kill, says what is full. */
  #chargeOrKill(
    process: Process,
    group: MemoryGroup,
    kind: PageKind,
    bytes: number,
  ): Full | undefined {
    for (;;) {
      const full = this.#charge(group, kind, bytes);
      if (!full) return undefined;
      if (isKillDisabled(full.group)) return full;
      full.group.note("oom");
      if (!this.#kill(full.group)) fail("ENOMEM");
      if (!process.alive) {
        // What it died for is booked all the same, so that every way out gives it back.
        group.live.book(kind, bytes);
        return undefined;
      }
    }
  }

  /** Charges if it fits, after getting back what can be got back. */
  #charge(group: MemoryGroup, kind: PageKind, bytes: number): Full | undefined {
    for (;;) {
      const full = this.#fullFor(group, bytes);
      if (!full) break;
      if (full.withSwap) full.group.failuresWithSwap++;
      else full.group.failures++;
      full.group.note("max");
      if (this.#reclaim(full.group, bytes, !full.withSwap) === 0) return full;
    }
    group.book(kind, bytes);
    for (const at of group.lineage()) this.#keepBelowHigh(at);
    return undefined;
  }

  #fullFor(group: MemoryGroup, bytes: number): Full | undefined {
    for (const at of group.lineage()) {
      const unified = at.node?.hierarchy.version === 2;
      if (!unified && at.withSwap + bytes > at.limit("memorySwap")) {
        return { group: at, withSwap: true };
      }
      const limit = at === this.#whole ? this.#machine.memoryBytes : at.limit("memoryMax");
      if (at.usage + bytes > limit) return { group: at, withSwap: false };
    }
    return undefined;
  }

  #keepBelowHigh(group: MemoryGroup): void {
    if (group.node?.hierarchy.version !== 2) return;
    const beyond = group.usage - group.limit("memoryHigh");
    if (beyond <= 0) return;
    group.note("high");
    this.#reclaim(group, beyond, true);
  }

  // -- getting back -----------------------------------------------------------------------------

  #below(group: MemoryGroup): MemoryGroup[] {
    if (!group.node) {
      const roots = this.#cgroups.hierarchyOf("memory")?.root;
      return [group, ...(roots ? this.#below(this.groupOf(roots)) : [])];
    }
    return group.node.removed ? [group] : [...group.node.subtree()].map((n) => this.groupOf(n));
  }

  /** Frees about `bytes` below a node: cache first, then by swapping. Returns how many it were. */
  #reclaim(group: MemoryGroup, bytes: number, maySwap: boolean): number {
    // Who is furthest above what it reserved gives first; who is below it, last.
    const excess = (one: MemoryGroup): number => one.usage - reservation(one);
    const groups = this.#below(group).sort((a, b) => excess(b) - excess(a));
    let freed = 0;
    for (const one of groups) {
      const amount = Math.min(one.own.cache, bytes - freed);
      if (amount <= 0) continue;
      if (excess(one) < 0) one.note("low");
      one.book("cache", -amount);
      freed += amount;
    }
    return freed > 0 || !maySwap ? freed : this.#swapOut(groups, bytes);
  }

  #swapOut(groups: readonly MemoryGroup[], bytes: number): number {
    let room = Math.min(bytes, this.#machine.swapBytes - this.#whole.swap);
    let freed = 0;
    const chosen = new Set(groups);
    const processes = this.#processes.all().filter((process) => process.alive);
    processes.sort((a, b) => b.memory.residentBytes - a.memory.residentBytes);
    for (const { memory } of processes) {
      for (const [group, part] of take(memory.resident, room, (one) => chosen.has(one.live))) {
        const amount = Math.min(part, swapRoom(group.live));
        if (amount < part) memory.add(group, part - amount);
        if (amount === 0) continue;
        group.live.book("anon", -amount);
        group.live.bookSwap(amount);
        memory.swapped.set(group, (memory.swapped.get(group) ?? 0) + amount);
        freed += amount;
        room -= amount;
      }
    }
    return freed;
  }

  /** memory.force_empty, memory.reclaim: how many bytes were freed. */
  reclaim(node: CgroupNode, bytes: number): number {
    return this.#reclaim(this.groupOf(node), bytes, true);
  }

  /** Version 1: a limit below what cannot be got back is refused (EBUSY). */
  requireUsageBelow(node: CgroupNode, limit: number, withSwap: boolean): void {
    const group = this.groupOf(node);
    const used = (): number => (withSwap ? group.withSwap : group.usage);
    while (used() > limit) {
      if (this.#reclaim(group, used() - limit, !withSwap) === 0) fail("EBUSY");
    }
  }

  /** Version 2: a limit below what cannot be got back costs lives. */
  enforce(node: CgroupNode): void {
    const group = this.groupOf(node);
    const limit = group.limit("memoryMax");
    while (group.usage > limit) {
      if (this.#reclaim(group, group.usage - limit, true) > 0) continue;
      group.note("oom");
      if (!this.#kill(group)) return;
    }
    this.#keepBelowHigh(group);
  }

  // -- killing ----------------------------------------------------------------------------------

  /** The process whose end frees most, by its oom_score_adj made larger or smaller. */
  #victim(group: MemoryGroup): Process | undefined {
    const limit = Math.min(group.limit("memoryMax"), this.#machine.memoryBytes);
    const pages = (limit + this.#machine.swapBytes) / PAGE_BYTES;
    const inside = new Set(this.#below(group));
    let most = Number.NEGATIVE_INFINITY;
    let victim: Process | undefined;
    for (const process of this.#processes.all()) {
      if (!process.alive || process.oomScoreAdj === OOM_SCORE_ADJ_MIN) continue;
      // The machine's own init is not to be killed.
      if (!process.parent || !inside.has(this.#groupFor(process))) continue;
      const { residentBytes, swappedBytes } = process.memory;
      const adjust = (process.oomScoreAdj * pages) / 1000;
      const points = (residentBytes + swappedBytes) / PAGE_BYTES + adjust;
      if (points <= most) continue;
      most = points;
      victim = process;
    }
    return victim;
  }

  #kill(group: MemoryGroup): boolean {
    const victim = this.#victim(group);
    if (!victim) return false;
    const at = this.#groupFor(victim);
    const together = [...at.lineage()].findLast(
      (one) => one.node?.values.get("memory.oom.group") === "1",
    );
    const dying = together?.node
      ? [...together.node.subtree()].flatMap((n) => n.processes)
      : [victim];
    together?.note("oom_group_kill");
    for (const process of dying) {
      if (process.oomScoreAdj === OOM_SCORE_ADJ_MIN) continue;
      this.#groupFor(process).note("oom_kill");
      // A frozen victim is thawed for it.
      this.#processes.exit(process, { code: 0, signal: SIGNALS.KILL });
    }
    return true;
  }

  /** A process ended: all of its memory is free. */
  ended(process: Process): void {
    this.free(process, Number.MAX_SAFE_INTEGER);
  }
}

/** memory.soft_limit_in_bytes, memory.low. */
function reservation(group: MemoryGroup): number {
  const low = group.limit("memoryLow");
  const unified = group.node?.hierarchy.version === 2;
  return low === Number.POSITIVE_INFINITY && !unified ? 0 : low;
}

const isKillDisabled = ({ node }: MemoryGroup): boolean =>
  node?.hierarchy.version === 1 && node.values.get("memory.oom_control") === "1";

/** memory.swap.max, which version 1 has only together with memory: there memory gives way to swap. */
function swapRoom(group: MemoryGroup): number {
  let room = Number.POSITIVE_INFINITY;
  for (const at of group.lineage()) {
    if (at.node?.hierarchy.version !== 2) continue;
    room = Math.min(room, at.limit("memorySwap") - at.swap);
  }
  return Math.max(0, room);
}
