// What containers use, looked at again and again.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import { type MountedHierarchy, planCgroups } from "@nacre/core/program/cgroup-plan.ts";
import {
  type CgroupUsage,
  cgroupUsage,
  networkTraffic,
  totalMemoryBytes,
} from "@nacre/core/program/usage.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { ContainerUsage, ProcessListing } from "../engine.ts";
import { readUnlessGone } from "../vanishing.ts";
import { cgroupOf } from "./cgroup-of.ts";
import type { Processes } from "./processes.ts";

interface Sample {
  readonly atMs: number;
  readonly usage: CgroupUsage;
}

export class Usage {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #hierarchies: () => readonly MountedHierarchy[];
  readonly #processes: Processes;

  constructor(
    files: Files,
    clock: Clock,
    hierarchies: () => readonly MountedHierarchy[],
    processes: Processes,
  ) {
    this.#files = files;
    this.#clock = clock;
    this.#hierarchies = hierarchies;
    this.#processes = processes;
  }

  /** Yields every `intervalMs` what those used that `look` names, until the signal aborts. */
  async *watch(
    look: () => readonly ContainerRecord[],
    intervalMs: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ContainerUsage[]> {
    let before = new Map(look().map((record) => [record.id, this.#sample(record)]));
    while (!signal?.aborted) {
      try {
        await this.#clock.sleep(intervalMs, signal);
      } catch (error) {
        if (signal?.aborted) return;
        throw error;
      }
      const records = look();
      const now = new Map(records.map((record) => [record.id, this.#sample(record)]));
      yield records.map((record) => {
        const sample = now.get(record.id)!;
        return this.#difference(record, before.get(record.id) ?? sample, sample);
      });
      before = now;
    }
  }

  #sample(container: ContainerRecord): Sample {
    const path = cgroupOf(container);
    const hasCgroup = planCgroups(this.#hierarchies(), path, {}).nodes.length > 0;
    const usage = hasCgroup
      ? cgroupUsage(this.#hierarchies(), path, (file) => this.#read(file))
      : processUsage(this.#processes.of(container));
    return { atMs: this.#clock.monotonicMs(), usage };
  }

  #difference(record: ContainerRecord, before: Sample, now: Sample): ContainerUsage {
    const elapsedNs = (now.atMs - before.atMs) * 1e6;
    const cpuNs = now.usage.cpuNs - before.usage.cpuNs;
    const total = totalMemoryBytes(this.#read("/proc/meminfo") ?? "");
    const pid = record.process?.pid;
    return {
      container: record,
      ...now.usage,
      ...networkTraffic((pid !== undefined && this.#read(`/proc/${pid}/net/dev`)) || ""),
      memoryLimitBytes: Math.min(now.usage.memoryLimitBytes, total),
      cpuPercent: elapsedNs > 0 ? Math.max((cpuNs / elapsedNs) * 100, 0) : 0,
    };
  }

  #read(path: string): string | undefined {
    return readUnlessGone(this.#files, path);
  }
}

/**
 * Without a cgroup nobody counts for all of them together: what the processes have used that are
 * there now. Memory that they share counts for each; what they transfer nobody tells.
 */
function processUsage(processes: readonly ProcessListing[]): CgroupUsage {
  const sum = (of: (process: ProcessListing) => number): number =>
    processes.reduce((total, process) => total + of(process), 0);
  return {
    cpuNs: sum(({ cpuMs }) => cpuMs) * 1e6,
    memoryBytes: sum(({ residentBytes }) => residentBytes),
    memoryLimitBytes: Number.POSITIVE_INFINITY,
    pids: processes.length,
    readBytes: 0,
    writtenBytes: 0,
  };
}
