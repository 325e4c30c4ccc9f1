// What a program uses of the machine: CPU time, memory, the disk. How much it gets, and what
// becomes of it when it wants too much, is decided by its cgroups.

import { capable } from "./credentials.ts";
import { fail } from "./errno.ts";
import type { HugePageSize } from "./hugetlb.ts";
import type { Machine } from "./machine.ts";
import type { Process } from "./process.ts";
import { waited } from "./program-stream.ts";

/** What a process has used, or uses now. */
export interface ResourceUsage {
  readonly cpuMs: number;
  readonly residentBytes: number;
  readonly swappedBytes: number;
}

export interface ProgramResources {
  /**
   * Computes until it has had so many milliseconds of CPU time: on a CPU that it has for itself
   * that is as much virtual time, else more. Calls at the same time are threads.
   */
  compute(cpuMs: number): Promise<void>;
  /**
   * mmap(2), and touching every page of it. It may cost the process, or another of its cgroup, its
   * life (SIGKILL), or wait where memory.oom_control says so. ENOMEM where nobody can be killed.
   */
  allocate(bytes: number): Promise<void>;
  /** munmap(2). */
  free(bytes: number): void;
  /** mmap(2) with MAP_HUGETLB. ENOMEM at a limit, or where the machine has no pages left. */
  allocateHugePages(size: HugePageSize, count: number): void;
  /** Reads so many bytes from the disk, past the cache; they are in it afterwards. */
  readDisk(bytes: number): Promise<void>;
  /** Writes so many bytes to the disk, and waits until they are there. */
  writeDisk(bytes: number): Promise<void>;
  /** setpriority(2), within -20…19. EACCES for a lower value without CAP_SYS_NICE. */
  setNice(nice: number): void;
  usage(): ResourceUsage;
}

export function programResources(machine: Machine, process: Process): ProgramResources {
  const { cpu, memory, hugePages, disks } = machine.resources;
  const transfer = (direction: "read" | "write", bytes: number): Promise<void> =>
    waited(machine, process, async () => {
      memory.chargeFile(process, "cache", bytes);
      await disks[0]?.transfer(process, direction, bytes);
    });
  return {
    compute: (cpuMs) => waited(machine, process, () => cpu.serve(process, cpuMs)),
    allocate: (bytes) => waited(machine, process, () => memory.allocate(process, bytes)),
    free: (bytes) => memory.free(process, bytes),
    allocateHugePages: (size, count) => hugePages.allocate(process, size, count),
    readDisk: (bytes) => transfer("read", bytes),
    writeDisk: (bytes) => transfer("write", bytes),
    setNice: (nice) => {
      const wanted = Math.min(19, Math.max(-20, Math.trunc(nice)));
      if (wanted < process.nice && !capable(process.credentials, "CAP_SYS_NICE")) fail("EACCES");
      process.nice = wanted;
      cpu.refresh(process, process.mayRun);
    },
    usage: () => ({
      cpuMs: cpu.usedMs(process),
      residentBytes: process.memory.residentBytes,
      swappedBytes: process.memory.swappedBytes,
    }),
  };
}
