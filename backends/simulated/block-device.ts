// Disks: how fast they are, and who gets how much of that. Nodes share a disk by weight, as with
// the BFQ scheduler, and within what they are throttled to, in bytes or in operations a second.
// Source: Linux, cgroup-v1/blkio-controller.rst; cgroup-v2.rst, IO.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { CgroupNode } from "./cgroup-node.ts";
import type { Cgroups } from "./cgroups.ts";
import { type Bound, ShareGroup } from "./fair-share.ts";
import type { Process } from "./process.ts";
import { Queue, SharedResource } from "./shared-resource.ts";

export const DIRECTIONS = ["read", "write"] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** An operation is at most as large; what is longer is several. */
const OPERATION_BYTES = 128 << 10;

export type Throttle = `${Direction}_${"bps" | "iops"}`;

export interface Transferred {
  bytes: Record<Direction, number>;
  operations: Record<Direction, number>;
}

const nothing = (): Transferred => ({
  bytes: { read: 0, write: 0 },
  operations: { read: 0, write: 0 },
});

/** What one node has, and is allowed, on one disk. */
export class DiskShare {
  readonly group: ShareGroup;
  /** Of its own processes, and with those below. */
  own = nothing();
  whole = nothing();
  readonly throttles = new Map<Throttle, number>();
  /** Weight on this disk alone. */
  weight: number | undefined;

  constructor(parent: ShareGroup | undefined) {
    this.group = new ShareGroup(parent, 100);
  }

  /** blkio.reset_stats. */
  reset(): void {
    this.own = nothing();
    this.whole = nothing();
  }
}

class DiskQueue extends Queue {
  readonly node: CgroupNode | undefined;

  constructor(process: Process, kind: number, group: ShareGroup, node: CgroupNode | undefined) {
    super(process.cssSet, kind, group, 100, Number.POSITIVE_INFINITY);
    this.node = node;
  }
}

export class BlockDevice extends SharedResource {
  readonly name: string;
  readonly major: number;
  readonly minor: number;
  readonly #bytesPerMs: number;
  readonly #cgroups: Cgroups;
  readonly #root = new DiskShare(undefined);
  readonly #shares = new WeakMap<CgroupNode, DiskShare>();

  constructor(
    clock: Clock,
    cgroups: Cgroups,
    disk: { name: string; major: number; minor: number; bytesPerSecond: number },
  ) {
    super(clock);
    this.#cgroups = cgroups;
    this.name = disk.name;
    this.major = disk.major;
    this.minor = disk.minor;
    this.#bytesPerMs = disk.bytesPerSecond / 1000;
  }

  get number(): string {
    return `${this.major}:${this.minor}`;
  }

  share(node: CgroupNode): DiskShare {
    const known = this.#shares.get(node);
    if (known) return known;
    const made = new DiskShare(node.parent ? this.share(node.parent).group : this.#root.group);
    this.#shares.set(node, made);
    this.#readWeight(node, made);
    return made;
  }

  /** After a write into a file of the block controller. */
  limitsChanged(node: CgroupNode): void {
    this.update();
    const share = this.#shares.get(node);
    if (share) this.#readWeight(node, share);
    this.change();
  }

  #readWeight(node: CgroupNode, share: DiskShare): void {
    const applies = node.parent && !node.removed && node.controllers.includes("blkio");
    share.group.weight = share.weight ?? (applies ? Number(node.limit("ioWeight")) : 100);
  }

  transferred(node: CgroupNode): DiskShare {
    this.update();
    return this.share(node);
  }

  /** Reads or writes so many bytes; resolves when that is done. */
  transfer(process: Process, direction: Direction, bytes: number): Promise<void> {
    const node = this.#cgroups.nodeFor("blkio", process.cssSet);
    const operations = Math.ceil(bytes / OPERATION_BYTES);
    if (node) this.share(node).own.operations[direction] += operations;
    for (const at of node?.lineage() ?? [])
      this.share(at).whole.operations[direction] += operations;
    return this.serve(process, bytes, DIRECTIONS.indexOf(direction));
  }

  protected override newQueue(process: Process, kind: number): Queue {
    const node = this.#cgroups.nodeFor("blkio", process.cssSet);
    const group = (node ? this.share(node) : this.#root).group;
    return new DiskQueue(process, kind, group, node);
  }

  protected override belongs(queue: Queue, process: Process): boolean {
    return queue.set === process.cssSet;
  }

  protected override account(queue: Queue, amount: number): void {
    const { node, kind } = queue as DiskQueue;
    const direction = DIRECTIONS[kind] as Direction;
    if (node) this.share(node).own.bytes[direction] += amount;
    for (const at of node?.lineage() ?? []) this.share(at).whole.bytes[direction] += amount;
  }

  protected override boundsOf(queues: readonly Queue[]): readonly Bound[] {
    const bounds: Bound[] = [{ capacity: this.#bytesPerMs, leaves: queues }];
    const throttled = new Set<CgroupNode>();
    for (const { node } of queues as readonly DiskQueue[]) {
      for (const at of node?.lineage() ?? []) {
        if (this.share(at).throttles.size > 0) throttled.add(at);
      }
    }
    for (const node of throttled) bounds.push(...this.#throttlesOf(node, queues));
    return bounds;
  }

  #throttlesOf(node: CgroupNode, queues: readonly Queue[]): Bound[] {
    return [...this.share(node).throttles].map(([throttle, perSecond]) => {
      const [direction, unit] = throttle.split("_");
      const bytes = unit === "bps" ? perSecond : perSecond * OPERATION_BYTES;
      const leaves = (queues as readonly DiskQueue[]).filter(
        (queue) =>
          DIRECTIONS[queue.kind] === direction && [...(queue.node?.lineage() ?? [])].includes(node),
      );
      return { capacity: bytes / 1000, leaves };
    });
  }
}
