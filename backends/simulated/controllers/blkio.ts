// The block controller: io in version 2. What weights and throttles do is told in block-device.ts.
// Source: Linux, block/blk-cgroup.c, blk-throttle.c, bfq-cgroup.c.

import { type BlockDevice, DIRECTIONS, type DiskShare, type Throttle } from "../block-device.ts";
import type { CgroupNode } from "../cgroup-node.ts";
import { type ControlContext, type ControlFile, filesOf } from "../control-file.ts";
import { unsigned } from "../control-value.ts";
import { fail } from "../errno.ts";

/** `254:0 rest`: the disk and the rest. EINVAL for another form, ENODEV for a disk that is not there. */
function forDisk(text: string, { resources }: ControlContext): [BlockDevice, string] {
  const [, major, minor, rest = ""] = /^\s*(\d+):(\d+)\s+(.*)$/s.exec(text) ?? fail("EINVAL");
  return [resources.disk(Number(major), Number(minor)) ?? fail("ENODEV"), rest.trim()];
}

const perDisk = (
  node: CgroupNode,
  { resources }: ControlContext,
  line: (share: DiskShare, disk: BlockDevice) => string,
): string => resources.disks.map((disk) => line(disk.transferred(node), disk)).join("");

/** One of blkio.throttle.*_device: a limit of 0 is none. */
const throttle = (which: Throttle) => ({
  read: (node: CgroupNode, context: ControlContext) =>
    perDisk(node, context, ({ throttles }, disk) => {
      const limit = throttles.get(which);
      return limit === undefined ? "" : `${disk.number} ${limit}\n`;
    }),
  write: (node: CgroupNode, text: string, context: ControlContext) => {
    const [disk, rest] = forDisk(text, context);
    const digits = /^\d+/.exec(rest)?.[0] ?? fail("EINVAL");
    setThrottle(disk, node, which, Number(digits));
  },
});

function setThrottle(disk: BlockDevice, node: CgroupNode, which: Throttle, limit: number): void {
  const { throttles } = disk.share(node);
  if (limit === 0) throttles.delete(which);
  else throttles.set(which, limit);
  disk.limitsChanged(node);
}

type Part = "own" | "whole";

/** Lines as of a v1 statistics file, for each disk that was used, and the sum. */
const counted = (part: Part, of: "bytes" | "operations") => ({
  read: (node: CgroupNode, context: ControlContext) => {
    let sum = 0;
    const text = perDisk(node, context, (share, disk) => {
      const read = Math.round(share[part][of].read);
      const write = Math.round(share[part][of].write);
      sum += read + write;
      if (read + write === 0) return "";
      const values = { Read: read, Write: write, Sync: read + write, Async: 0, Discard: 0 };
      return Object.entries({ ...values, Total: read + write })
        .map(([name, value]) => `${disk.number} ${name} ${value}\n`)
        .join("");
    });
    return `${text}Total ${sum}\n`;
  },
});

const statistics = (scheduler: string) => ({
  [`blkio.${scheduler}.io_service_bytes`]: counted("own", "bytes"),
  [`blkio.${scheduler}.io_serviced`]: counted("own", "operations"),
  [`blkio.${scheduler}.io_service_bytes_recursive`]: counted("whole", "bytes"),
  [`blkio.${scheduler}.io_serviced_recursive`]: counted("whole", "operations"),
});

function weightOf(text: string, most: number): number {
  const weight = unsigned(text);
  return weight < 1 || weight > most ? fail("ERANGE") : weight;
}

function setWeight(node: CgroupNode, weight: number, { resources }: ControlContext): void {
  node.setLimit("ioWeight", weight);
  for (const disk of resources.disks) disk.limitsChanged(node);
}

/** `default 100` and what differs on one disk. Takes `N`, `default N`, `254:0 N`, `254:0 default`. */
const weights = (most: number) => ({
  place: "below" as const,
  read: (node: CgroupNode, context: ControlContext) =>
    `default ${node.limit("ioWeight")}\n${perDisk(node, context, ({ weight }, disk) =>
      weight === undefined ? "" : `${disk.number} ${weight}\n`,
    )}`,
  write: (node: CgroupNode, text: string, context: ControlContext) => {
    const all = /^\s*(?:default\s+)?(\d+)\s*$/.exec(text);
    if (all) return setWeight(node, weightOf(all[1] as string, most), context);
    const [disk, rest] = forDisk(text, context);
    disk.share(node).weight = rest === "default" ? undefined : weightOf(rest, most);
    disk.limitsChanged(node);
  },
});

const SEPARATE = filesOf(1, "blkio", {
  "blkio.throttle.read_bps_device": throttle("read_bps"),
  "blkio.throttle.write_bps_device": throttle("write_bps"),
  "blkio.throttle.read_iops_device": throttle("read_iops"),
  "blkio.throttle.write_iops_device": throttle("write_iops"),
  ...statistics("throttle"),
  ...statistics("bfq"),
  "blkio.bfq.weight": {
    place: "below",
    read: (node) => `${node.limit("ioWeight")}\n`,
    write: (node, text, context) => setWeight(node, weightOf(text, 1000), context),
  },
  "blkio.bfq.weight_device": weights(1000),
  "blkio.reset_stats": {
    write: (node, text, { resources }) => {
      unsigned(text);
      for (const disk of resources.disks) disk.share(node).reset();
    },
  },
});

const KEYS: Readonly<Record<string, Throttle>> = {
  rbps: "read_bps",
  wbps: "write_bps",
  riops: "read_iops",
  wiops: "write_iops",
};

/** `254:0 rbps=1048576 wiops=max`, all or nothing. */
function setMaximum(node: CgroupNode, text: string, context: ControlContext): void {
  const [disk, rest] = forDisk(text, context);
  const changes = rest
    .split(/\s+/)
    .filter(Boolean)
    .map((word): [Throttle, number] => {
      const [, key = "", value = ""] = /^(\w+)=(max|\d+)$/.exec(word) ?? fail("EINVAL");
      if (value !== "max" && Number(value) === 0) fail("ERANGE");
      return [KEYS[key] ?? fail("EINVAL"), value === "max" ? 0 : Number(value)];
    });
  for (const [which, limit] of changes) setThrottle(disk, node, which, limit);
}

const UNIFIED = filesOf(2, "blkio", {
  "io.weight": weights(10000),
  "io.max": {
    place: "below",
    read: (node, context) =>
      perDisk(node, context, ({ throttles }, disk) => {
        if (throttles.size === 0) return "";
        const words = Object.entries(KEYS).map(
          ([key, which]) => `${key}=${throttles.get(which) ?? "max"}`,
        );
        return `${disk.number} ${words.join(" ")}\n`;
      }),
    write: setMaximum,
  },
  "io.stat": {
    read: (node, context) =>
      perDisk(node, context, ({ whole: { bytes, operations } }, disk) => {
        if (DIRECTIONS.every((direction) => operations[direction] === 0)) return "";
        const words = [`rbytes=${Math.round(bytes.read)}`, `wbytes=${Math.round(bytes.write)}`];
        const counts = [`rios=${operations.read}`, `wios=${operations.write}`];
        return `${disk.number} ${[...words, ...counts].join(" ")} dbytes=0 dios=0\n`;
      }),
  },
});

export const BLKIO: readonly ControlFile[] = [...SEPARATE, ...UNIFIED];
