// Memory: a hard limit at which the kernel reclaims and then kills, a soft one that it reclaims
// down to when memory is short, and swap, which v1 limits together with memory and v2 alone.
// Sources: Linux, Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst.

import { limitText, memorySwapToSwapMax } from "../../cgroup-conversion.ts";
import type { SpecResources } from "../../oci/runtime-spec.ts";
import { type CgroupWrite, type ControllerWrites, isGiven } from "./write.ts";

const WHY = {
  limit: "so that the container's memory, page cache included, stays below its limit",
  swap: "and does not evade into more swap than it may use",
  reservation: "what it is brought down to when the machine's memory is short",
  swappiness: "how readily its pages are swapped out, from 0 to 100",
  kernelTCP: "how much of it may be buffers of TCP",
  oom: "at its limit it waits for memory instead of being killed",
};

const write = (file: string, data: string, why: string): CgroupWrite => ({
  ...{ controller: "memory", file, data, why },
});

function v1({ memory }: SpecResources): CgroupWrite[] {
  if (!memory) return [];
  const { limit, swap, reservation, kernelTCP, swappiness, disableOOMKiller } = memory;
  const writes: CgroupWrite[] = [];
  if (isGiven(limit)) writes.push(write("memory.limit_in_bytes", String(limit), WHY.limit));
  // Never below memory's own limit: it follows where that was lowered, goes first where it is raised.
  if (isGiven(swap)) writes.push(write("memory.memsw.limit_in_bytes", String(swap), WHY.swap));
  if (isGiven(reservation)) {
    writes.push(write("memory.soft_limit_in_bytes", String(reservation), WHY.reservation));
  }
  if (isGiven(kernelTCP)) {
    writes.push(write("memory.kmem.tcp.limit_in_bytes", String(kernelTCP), WHY.kernelTCP));
  }
  if (swappiness !== undefined && swappiness >= 0) {
    writes.push(write("memory.swappiness", String(swappiness), WHY.swappiness));
  }
  if (disableOOMKiller) writes.push(write("memory.oom_control", "1", WHY.oom));
  return writes;
}

function v2({ memory }: SpecResources): CgroupWrite[] {
  if (!memory) return [];
  const { limit = 0, swap = 0, reservation } = memory;
  const writes: CgroupWrite[] = [];
  const max = limitText(limit);
  if (max !== undefined) writes.push(write("memory.max", max, WHY.limit));
  if (isGiven(swap)) {
    const alone = memorySwapToSwapMax(swap, limit);
    // Here 0 is a limit, and not the lack of one.
    const data = alone < 0 ? "max" : String(alone);
    writes.push(write("memory.swap.max", data, WHY.swap));
  }
  if (isGiven(reservation)) {
    writes.push(write("memory.low", limitText(reservation) ?? "0", WHY.reservation));
  }
  return writes;
}

export const memory: ControllerWrites = { v1, v2 };
