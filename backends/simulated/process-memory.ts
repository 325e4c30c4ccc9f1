// What one process holds of the machine's memory, and to which cgroups it was charged.

import type { MemoryGroup } from "./memory-group.ts";

export class ProcessMemory {
  /** Resident anonymous memory, in bytes, by where it was charged. */
  readonly resident = new Map<MemoryGroup, number>();
  readonly swapped = new Map<MemoryGroup, number>();
  peakBytes = 0;

  get residentBytes(): number {
    return sum(this.resident);
  }
  get swappedBytes(): number {
    return sum(this.swapped);
  }

  add(group: MemoryGroup, bytes: number): void {
    this.resident.set(group, (this.resident.get(group) ?? 0) + bytes);
    this.peakBytes = Math.max(this.peakBytes, this.residentBytes);
  }
}

function sum(parts: ReadonlyMap<MemoryGroup, number>): number {
  let bytes = 0;
  for (const part of parts.values()) bytes += part;
  return bytes;
}

/** Takes up to `bytes` out of the parts, and tells what was taken of which. */
export function take(
  parts: Map<MemoryGroup, number>,
  bytes: number,
  from: (group: MemoryGroup) => boolean = () => true,
): [MemoryGroup, number][] {
  const taken: [MemoryGroup, number][] = [];
  let wanted = bytes;
  for (const [group, part] of [...parts]) {
    const amount = from(group) ? Math.min(part, wanted) : 0;
    if (amount === 0) continue;
    wanted -= amount;
    if (amount === part) parts.delete(group);
    else parts.set(group, part - amount);
    taken.push([group, amount]);
  }
  return taken;
}
