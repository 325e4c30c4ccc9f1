// What a container uses, as its cgroups count it. The same figures stand in other files on v1 and
// v2, and in other units; docker's meaning of each is kept.
// Sources: Linux, Documentation/admin-guide/cgroup-v1/{memory,cpuacct,blkio-controller,pids}.rst,
// cgroup-v2.rst.

import { type MountedHierarchy, planCgroups } from "./cgroup-plan.ts";

export interface CgroupUsage {
  /** Processor time, all processors together, in nanoseconds. */
  readonly cpuNs: number;
  /** Without what the kernel would drop first: the page cache that nobody used lately. */
  readonly memoryBytes: number;
  /** Infinity where there is none. */
  readonly memoryLimitBytes: number;
  readonly pids: number;
  /** To and from block devices; 0 where nobody counts. */
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** The text of a file, undefined where there is none. */
export type ReadFile = (path: string) => string | undefined;

/** v1 says that there is no limit with the largest multiple of a page. */
const NO_LIMIT_V1_BYTES = 0x7fff_ffff_ffff_0000;

const number = (text: string | undefined): number => {
  const value = text?.trim();
  return value === undefined || value === "" ? 0 : value === "max" ? Infinity : Number(value);
};

/** `NAME VALUE` a line, as in memory.stat. */
const field = (text: string | undefined, name: string): number =>
  number(new RegExp(`^${name} (\\d+)$`, "m").exec(text ?? "")?.[1]);

/** All matches of a pattern's first group, added up. */
const sum = (text: string | undefined, pattern: RegExp): number =>
  [...(text ?? "").matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);

function usageV2(node: string, read: ReadFile): CgroupUsage {
  const inactive = field(read(`${node}/memory.stat`), "inactive_file");
  const blocks = read(`${node}/io.stat`);
  return {
    cpuNs: field(read(`${node}/cpu.stat`), "usage_usec") * 1000,
    memoryBytes: Math.max(number(read(`${node}/memory.current`)) - inactive, 0),
    memoryLimitBytes: number(read(`${node}/memory.max`) ?? "max"),
    pids: number(read(`${node}/pids.current`)),
    readBytes: sum(blocks, /\brbytes=(\d+)/g),
    writtenBytes: sum(blocks, /\bwbytes=(\d+)/g),
  };
}

function usageV1(nodeOf: (controller: string) => string | undefined, read: ReadFile): CgroupUsage {
  const file = (controller: string, name: string): string | undefined => {
    const node = nodeOf(controller);
    return node === undefined ? undefined : read(`${node}/${name}`);
  };
  const inactive = field(file("memory", "memory.stat"), "total_inactive_file");
  const limit = number(file("memory", "memory.limit_in_bytes") ?? "max");
  const blocks = file("blkio", "blkio.throttle.io_service_bytes_recursive");
  return {
    cpuNs: number(file("cpuacct", "cpuacct.usage")),
    memoryBytes: Math.max(number(file("memory", "memory.usage_in_bytes")) - inactive, 0),
    memoryLimitBytes: limit >= NO_LIMIT_V1_BYTES ? Infinity : limit,
    pids: number(file("pids", "pids.current")),
    readBytes: sum(blocks, / Read (\d+)$/gm),
    writtenBytes: sum(blocks, / Write (\d+)$/gm),
  };
}

/** `path` is the container's, as in planCgroups. What a machine does not count is 0. */
export function cgroupUsage(
  hierarchies: readonly MountedHierarchy[],
  path: string,
  read: ReadFile,
): CgroupUsage {
  const { hierarchies: joined } = planCgroups(hierarchies, path, {});
  const unified = joined.find((h) => h.version === 2);
  if (unified) return usageV2(unified.mountpoint + path, read);
  const nodeOf = (controller: string): string | undefined => {
    const found = joined.find((h) => h.controllers.includes(controller));
    return found && found.mountpoint + path;
  };
  return usageV1(nodeOf, read);
}

/** Bytes that came in and went out through all network devices but lo (/proc/PID/net/dev, proc(5)). */
export function networkTraffic(netDevText: string): {
  readonly receivedBytes: number;
  readonly sentBytes: number;
} {
  let [receivedBytes, sentBytes] = [0, 0];
  for (const [, name, counts = ""] of netDevText.matchAll(/^\s*([^\s:|]+):(.*)$/gm)) {
    if (name === "lo") continue;
    const columns = counts.trim().split(/\s+/).map(Number);
    receivedBytes += columns[0] ?? 0;
    sentBytes += columns[8] ?? 0;
  }
  return { receivedBytes, sentBytes };
}

/** MemTotal of /proc/meminfo in bytes; Infinity if it does not say. */
export function totalMemoryBytes(meminfoText: string): number {
  const kibibytes = /^MemTotal:\s+(\d+) kB$/m.exec(meminfoText)?.[1];
  return kibibytes === undefined ? Infinity : Number(kibibytes) * 1024;
}
