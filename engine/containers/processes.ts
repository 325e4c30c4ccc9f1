// The processes of a container: those in its cgroup, as /proc shows them to this machine; those in
// its namespace where it has none.
// Source: proc(5), /proc/PID/stat, status, cmdline.

import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import { type MountedHierarchy, planCgroups } from "@nacre/core/program/cgroup-plan.ts";
import { totalMemoryBytes } from "@nacre/core/program/usage.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { ProcessListing } from "../engine.ts";
import { membersByNamespace } from "../unprivileged/members.ts";
import { pidsWithin, readUnlessGone } from "../vanishing.ts";
import { cgroupOf } from "./cgroup-of.ts";

/** Ticks of /proc in a second on every architecture that Linux has had for years (USER_HZ). */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

export class Processes {
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #hierarchies: () => readonly MountedHierarchy[];

  constructor(kernel: Kernel, files: Files, hierarchies: () => readonly MountedHierarchy[]) {
    this.#kernel = kernel;
    this.#files = files;
    this.#hierarchies = hierarchies;
  }

  /** By pid. One that ends meanwhile is left out. */
  of(container: ContainerRecord): ProcessListing[] {
    const [node] = planCgroups(this.#hierarchies(), cgroupOf(container), {}).nodes;
    const members = node
      ? pidsWithin(this.#files, node)
      : membersByNamespace(this.#kernel, this.#files, container);
    if (members.length === 0) return [];
    const bootMs = Number(/^btime (\d+)$/m.exec(this.#text("/proc/stat") ?? "")?.[1] ?? 0) * 1000;
    const memoryBytes = totalMemoryBytes(this.#text("/proc/meminfo") ?? "");
    return members
      .toSorted((a, b) => a - b)
      .flatMap((pid) => this.#listing(pid, bootMs, memoryBytes) ?? []);
  }

  #listing(pid: number, bootMs: number, memoryBytes: number): ProcessListing | undefined {
    const stat = this.#text(`/proc/${pid}/stat`);
    const status = this.#text(`/proc/${pid}/status`);
    const cmdline = this.#text(`/proc/${pid}/cmdline`);
    if (stat === undefined || status === undefined || cmdline === undefined) return undefined;
    // The name stands in parentheses, and may hold spaces and parentheses itself.
    const end = stat.lastIndexOf(")");
    const command = stat.slice(stat.indexOf("(") + 1, end);
    const fields = stat.slice(end + 2).split(" ");
    const at = (field: number): number => Number(fields[field - 3] ?? 0);
    return {
      ...{ pid, command, state: fields[0] ?? "?" },
      ...{ parentPid: at(4), terminal: at(7), threads: at(20) },
      ...{ group: at(5), session: at(6), foreground: at(8) },
      ...{ priority: at(18), nice: at(19), processor: at(39) },
      uid: Number(/^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1] ?? 0),
      gid: Number(/^Gid:\s+\d+\s+(\d+)/m.exec(status)?.[1] ?? 0),
      cpuMs: ((at(14) + at(15)) * 1000) / TICKS_PER_SECOND,
      startedMs: bootMs + (at(22) * 1000) / TICKS_PER_SECOND,
      virtualBytes: at(23),
      residentBytes: at(24) * PAGE_BYTES,
      residentPercent: ((at(24) * PAGE_BYTES) / memoryBytes) * 100,
      arguments: cmdline.split("\0").slice(0, -1),
    };
  }

  #text(path: string): string | undefined {
    return readUnlessGone(this.#files, path);
  }
}
