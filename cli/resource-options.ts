// The options that limit what a container may use: of run and create, and those that update can
// change while it runs.

import type { ResourceRequest } from "@nacre/core/program/request.ts";
import { FlagError } from "./flag-error.ts";
import { RESOURCE_LIMITS } from "./limit-options.ts";
import { flag, list, type Values, value } from "./options.ts";
import { parseByteRate, parseDeviceWeight, parseOperationRate } from "./parse/block-device.ts";
import { parseMemoryLimit } from "./parse/bytes.ts";
import { parseCpuLimit } from "./parse/cpus.ts";
import { parseInteger } from "./parse/number.ts";

/** What can be changed while a container runs. */
export const LIVE_RESOURCES = {
  ...RESOURCE_LIMITS,
  blkioWeight: value(
    ["blkio-weight"],
    "uint16",
    "Share of block devices, 10 to 1000, or 0 for none of its own",
    parseInteger,
  ),
  cpuRealtimePeriod: value(
    ["cpu-rt-period"],
    "microseconds",
    "Length of the period of realtime tasks (cgroup v1)",
    parseInteger,
  ),
  cpuRealtimeRuntime: value(
    ["cpu-rt-runtime"],
    "microseconds",
    "Time of realtime tasks in each of their periods (cgroup v1)",
    parseInteger,
  ),
  cpus: value(["cpus"], "decimal", "Number of CPUs, such as 1.5", parseCpuLimit),
  deviceCgroupRule: list(
    ["device-cgroup-rule"],
    "rule",
    "One more rule for devices that may be opened, such as 'c 10:200 rwm'",
    String,
  ),
  memoryReservation: value(
    ["memory-reservation"],
    "bytes",
    "What it is brought down to when memory is short",
    parseMemoryLimit,
  ),
  pidsLimit: value(
    ["pids-limit"],
    "int",
    "How many processes at most (-1 for no limit)",
    parseInteger,
  ),
};

export const RESOURCE_OPTIONS = {
  ...LIVE_RESOURCES,
  blkioWeightDevice: list(
    ["blkio-weight-device"],
    "device:weight",
    "Share of one block device, 10 to 1000",
    parseDeviceWeight,
  ),
  deviceReadBps: list(
    ["device-read-bps"],
    "device:rate",
    "Bytes a second read from a device at most, such as /dev/sda:1mb",
    parseByteRate("readBps"),
  ),
  deviceReadIops: list(
    ["device-read-iops"],
    "device:rate",
    "Operations a second that read from a device at most",
    parseOperationRate("readIops"),
  ),
  deviceWriteBps: list(
    ["device-write-bps"],
    "device:rate",
    "Bytes a second written to a device at most",
    parseByteRate("writeBps"),
  ),
  deviceWriteIops: list(
    ["device-write-iops"],
    "device:rate",
    "Operations a second that write to a device at most",
    parseOperationRate("writeIops"),
  ),
  kernelMemory: value(
    ["kernel-memory"],
    "bytes",
    "Understood and not used: the kernel counts its memory with the container's own",
    parseMemoryLimit,
  ),
  memorySwappiness: value(
    ["memory-swappiness"],
    "int",
    "How readily its pages are swapped out, 0 to 100 (cgroup v1; -1 for the machine's way)",
    parseSwappiness,
  ),
  oomKillDisable: flag(
    ["oom-kill-disable"],
    "At its memory limit it waits for memory instead of being killed (cgroup v1)",
  ),
};

function parseSwappiness(word: string): number {
  const swappiness = parseInteger(word);
  if (swappiness >= -1 && swappiness <= 100) return swappiness;
  throw new FlagError(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
}

/** Docker's way to say that a number is not set, where it is no limit of its own. */
const unlessZero = (number: number | undefined): number | undefined => number || undefined;
/** An option that nobody gave is an empty list, and no member of a request. */
export const unlessEmpty = <T>(all: readonly T[]): readonly T[] | undefined =>
  all.length === 0 ? undefined : all;

/** The members that were given, of those that a command has. */
export function liveResources(values: Partial<Values<typeof LIVE_RESOURCES>>): ResourceRequest {
  const { pidsLimit } = values;
  return present({
    memoryBytes: unlessZero(values.memory),
    memoryReservationBytes: unlessZero(values.memoryReservation),
    memorySwapBytes: unlessZero(values.memorySwap),
    nanoCpus: unlessZero(values.cpus),
    cpuShares: unlessZero(values.cpuShares),
    cpuPeriodUs: unlessZero(values.cpuPeriod),
    cpuQuotaUs: unlessZero(values.cpuQuota),
    cpuRealtimePeriodUs: unlessZero(values.cpuRealtimePeriod),
    cpuRealtimeRuntimeUs: unlessZero(values.cpuRealtimeRuntime),
    cpusetCpus: values.cpusetCpus || undefined,
    cpusetMems: values.cpusetMems || undefined,
    pids: pidsLimit !== undefined && pidsLimit < 0 ? -1 : unlessZero(pidsLimit),
    blkioWeight: unlessZero(values.blkioWeight),
    deviceRules: unlessEmpty(values.deviceCgroupRule ?? []),
  });
}

/** For a container that is yet to be made: with what no running one can be given. */
export function resourcesOf(values: Values<typeof RESOURCE_OPTIONS>): ResourceRequest {
  const { memorySwappiness } = values;
  const throttles = [
    ...values.deviceReadBps,
    ...values.deviceWriteBps,
    ...values.deviceReadIops,
    ...values.deviceWriteIops,
  ];
  return {
    ...liveResources(values),
    ...present({
      memorySwappiness: memorySwappiness === -1 ? undefined : memorySwappiness,
      oomKillDisable: values.oomKillDisable || undefined,
      blkioWeightDevices: unlessEmpty(values.blkioWeightDevice),
      throttles: unlessEmpty(throttles),
    }),
  };
}

/** The members that are not undefined. */
export function present<T extends Record<string, unknown>>(
  members: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(members).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
