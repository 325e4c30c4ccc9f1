// The same limit in the words of cgroup version 1, of version 2, and of Docker's options.
//
// Values follow the OCI runtime spec, which speaks version 1: 0 means "not set", -1 "no limit". A
// result of `undefined` means that the file shall not be written.

import { NacreError } from "./error.ts";

/**
 * cpu.shares (2…262144, usual 1024) as cpu.weight (1…10000, usual 100); 0 stays 0, "not set".
 *
 * The curve is the newer one of runc (since 1.3.2) and crun (since 1.23), chosen so that the usual
 * values 2, 1024 and 262144 become the usual 1, 100 and 10000. The older straight line made 39 of
 * 1024, less than half the weight of everything that had none set.
 */
export function sharesToWeight(shares: number): number {
  if (shares === 0) return 0;
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const l = Math.log2(shares);
  const weight = 10 ** ((l * l + 125 * l) / 612 - 7 / 34);
  // At 1024 the exponent is exactly 2, and its rounding error must not make 101 of 100.
  return Math.ceil(weight - 1e-9);
}

/** blkio.weight (10…1000) as io.weight (1…10000); 0 stays 0. io.bfq.weight takes it as it is. */
export function blkioWeightToIoWeight(weight: number): number {
  return weight === 0 ? 0 : 1 + Math.floor(((weight - 10) * 9999) / 990);
}

/**
 * Memory plus swap, as version 1 limits them, as the swap alone of memory.swap.max. Bytes; -1 is
 * "max". A result of 0 for `memorySwapBytes` 0 means "not set", else "no swap".
 * @throws NacreError `invalid` where memory is not limited, or higher
 */
export function memorySwapToSwapMax(memorySwapBytes: number, memoryBytes: number): number {
  if (memorySwapBytes === 0 && memoryBytes === -1) return -1;
  if (memorySwapBytes <= 0 || memoryBytes === -1) return memorySwapBytes;
  if (memoryBytes === 0) throw badSwap("swap is limited and memory is not", memorySwapBytes);
  if (memoryBytes < 0) throw badSwap(`memory of ${memoryBytes} bytes is no limit`, memorySwapBytes);
  if (memorySwapBytes < memoryBytes) {
    throw badSwap(`memory alone may be ${memoryBytes} bytes`, memorySwapBytes);
  }
  return memorySwapBytes - memoryBytes;
}

function badSwap(why: string, memorySwapBytes: number): NacreError {
  return new NacreError(
    "invalid",
    `memory plus swap cannot be limited to ${memorySwapBytes} bytes: ${why}`,
    { advice: "Give the sum of memory and swap, never less than the memory limit." },
  );
}

/** cpu.cfs_quota_us and cpu.cfs_period_us as the line of cpu.max. */
export function cpuMax(quotaUs: number, periodUs: number): string | undefined {
  if (quotaUs === 0 && periodUs === 0) return undefined;
  return `${quotaUs > 0 ? quotaUs : "max"} ${periodUs === 0 ? 100000 : periodUs}`;
}

/** CPUs in thousand-millionths (`--cpus 1.5` is 1,500,000,000) as quota and period. */
export function nanoCpusToQuota(nanoCpus: number): { quotaUs: number; periodUs: number } {
  const periodUs = 100000;
  return { quotaUs: Math.floor((nanoCpus * periodUs) / 1e9), periodUs };
}

/** A number of the runtime spec as the content of pids.max, memory.max, memory.low and such. */
export function limitText(limit: number): string | undefined {
  if (limit === 0) return undefined;
  return limit < 0 ? "max" : String(limit);
}

/** A throttled device's limits by the files of version 1. */
export interface ThrottleRates {
  readonly readBps?: number;
  readonly writeBps?: number;
  readonly readIops?: number;
  readonly writeIops?: number;
}

/** The line of io.max for `device` ("8:0"); bytes and operations a second. */
export function ioMaxLine(device: string, rates: ThrottleRates): string {
  const parts = [
    ["rbps", rates.readBps],
    ["wbps", rates.writeBps],
    ["riops", rates.readIops],
    ["wiops", rates.writeIops],
  ] as const;
  const given = parts.filter(([, rate]) => rate !== undefined);
  return [device, ...given.map(([name, rate]) => `${name}=${rate}`)].join(" ");
}
