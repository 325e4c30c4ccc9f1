// Which field of a config.json a control file of a cgroup is written for, and for which there is none.

import type { SpecResources } from "../oci/runtime-spec.ts";

const FIELDS: readonly (readonly [pattern: RegExp, field: string])[] = [
  [/^memory\.(limit_in_bytes|max)$/, "memory.limit"],
  [/^memory\.(memsw\.limit_in_bytes|swap\.max)$/, "memory.swap"],
  [/^memory\.(soft_limit_in_bytes|low)$/, "memory.reservation"],
  [/^memory\.kmem\.tcp\.limit_in_bytes$/, "memory.kernelTCP"],
  [/^memory\.swappiness$/, "memory.swappiness"],
  [/^memory\.oom_control$/, "memory.disableOOMKiller"],
  [/^cpu\.(shares|weight)$/, "cpu.shares"],
  [/^cpu\.(cfs_quota_us|max)$/, "cpu.quota"],
  [/^cpu\.cfs_period_us$/, "cpu.period"],
  [/^cpu\.(cfs_burst_us|max\.burst)$/, "cpu.burst"],
  [/^cpu\.idle$/, "cpu.idle"],
  [/^cpu\.rt_runtime_us$/, "cpu.realtimeRuntime"],
  [/^cpu\.rt_period_us$/, "cpu.realtimePeriod"],
  [/^cpuset\.cpus$/, "cpu.cpus"],
  [/^cpuset\.mems$/, "cpu.mems"],
  [/^pids\.max$/, "pids.limit"],
  [/^(blkio\.bfq\.weight|io\.weight)$/, "blockIO.weight"],
  [/^blkio\.bfq\.weight_device$/, "blockIO.weightDevice"],
  [/^blkio\.throttle\.read_bps/, "blockIO.throttleReadBpsDevice"],
  [/^blkio\.throttle\.write_bps/, "blockIO.throttleWriteBpsDevice"],
  [/^blkio\.throttle\.read_iops/, "blockIO.throttleReadIOPSDevice"],
  [/^blkio\.throttle\.write_iops/, "blockIO.throttleWriteIOPSDevice"],
  [/^io\.max$/, "blockIO"],
  [/^devices\./, "devices"],
  [/^hugetlb\./, "hugepageLimits"],
  [/^net_cls\./, "network.classID"],
  [/^net_prio\./, "network.priorities"],
  [/^rdma\./, "rdma"],
];

/** By the name of the file, of either version; one that no field stands for is `unified`'s. */
export function fieldOf(file: string): string {
  const found = FIELDS.find(([pattern]) => pattern.test(file))?.[1];
  return `linux.resources.${found ?? `unified[${JSON.stringify(file)}]`}`;
}

const limits = (value: number | undefined): boolean => value !== undefined && value > 0;

/** Fields that ask for what a version of cgroups has no file for, or none any more. */
export function fieldsWithoutFile(
  version: 1 | 2,
  { memory = {}, cpu = {}, blockIO = {}, network = {} }: SpecResources,
): string[] {
  const leaf = [blockIO, ...(blockIO.weightDevice ?? [])].some((one) => limits(one.leafWeight));
  const everywhere: readonly (readonly [field: string, isAsked: boolean])[] = [
    ["memory.kernel", limits(memory.kernel)],
    ["memory.useHierarchy", memory.useHierarchy === false],
    ["blockIO.leafWeight", leaf],
  ];
  const onV2: readonly (readonly [field: string, isAsked: boolean])[] = [
    ["memory.kernelTCP", limits(memory.kernelTCP)],
    ["memory.swappiness", memory.swappiness !== undefined],
    ["memory.disableOOMKiller", memory.disableOOMKiller === true],
    ["cpu.realtimePeriod", limits(cpu.realtimePeriod)],
    ["cpu.realtimeRuntime", limits(cpu.realtimeRuntime)],
    ["network.classID", limits(network.classID)],
    ["network.priorities", (network.priorities ?? []).length > 0],
  ];
  return [...everywhere, ...(version === 2 ? onV2 : [])]
    .filter(([, isAsked]) => isAsked)
    .map(([field]) => `linux.resources.${field}`);
}

export const hasNoFile = (field: string): string =>
  `${field}: the cgroups of this machine have no file for it: left out`;
