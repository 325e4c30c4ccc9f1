// What containers use, looked at again and again.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { MountedHierarchy } from "@nacre/core/program/cgroup-plan.ts";
import {
  type CgroupUsage,
  cgroupUsage,
  networkTraffic,
  totalMemoryBytes,
} from "@nacre/core/program/usage.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { ContainerUsage } from "../engine.ts";
import { readUnlessGone } from "../vanishing.ts";
import { cgroupOf } from "./cgroup-of.ts";

interface Sample {
  readonly atMs: number;
  readonly usage: CgroupUsage;
}

export class Usage {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #hierarchies: () => readonly MountedHierarchy[];

  constructor(files: Files, clock: Clock, hierarchies: () => readonly MountedHierarchy[]) {
    this.#files = files;
    this.#clock = clock;
    this.#hierarchies = hierarchies;
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
    const usage = cgroupUsage(this.#hierarchies(), cgroupOf(container), (path) => this.#read(path));
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
