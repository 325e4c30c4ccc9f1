// The limits that a user asked for as the resources of the OCI runtime spec, and what of them is
// no sense, in docker's words.

import { nanoCpusToQuota } from "../cgroup-conversion.ts";
import { parseCpusetList } from "../cpuset-list.ts";
import { NacreError } from "../error.ts";
import type { SpecBlockIO, SpecDeviceRule, SpecResources } from "../oci/runtime-spec.ts";
import type { ResourceRequest, ThrottleRequest } from "./request.ts";

/** What limits depend on beside the request. Each is asked only where it matters. */
export interface MachineFacts {
  /** The numbers of a device node of this machine. NacreError `not-found`. */
  readonly device: (path: string) => {
    readonly major: number;
    readonly minor: number;
    readonly type?: "character" | "block";
  };
  /** Paths of all device nodes of the machine. */
  readonly allDevices: () => readonly string[];
  /** Those in a directory of the machine; undefined where the path is none. */
  readonly devicesBelow: (path: string) => readonly string[] | undefined;
  /** The capabilities that can be given here: those of the engine's own bounding set. */
  readonly capabilities: () => readonly string[];
  /** Kernel modules that confine processes by labels, as far as they are at work. */
  readonly securityModules?: () => readonly ("apparmor" | "selinux")[];
  /** Whether the kernel counts swap: v1 does not where it was started without that. */
  readonly countsSwap: () => boolean;
  /** Lists of its processors and memory nodes. */
  readonly size: () => MachineSize;
  /** How many processors there are; undefined where nobody says. */
  readonly processors: () => number | undefined;
}

const THROTTLES = {
  readBps: "throttleReadBpsDevice",
  writeBps: "throttleWriteBpsDevice",
  readIops: "throttleReadIOPSDevice",
  writeIops: "throttleWriteIOPSDevice",
} as const satisfies Record<ThrottleRequest["what"], keyof SpecBlockIO>;

/** The members that are not undefined; undefined where none is left. */
function given<T extends Record<string, unknown>>(members: T) {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  type Given = { [K in keyof T]?: Exclude<T[K], undefined> };
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as Given);
}

function blockIO(
  request: ResourceRequest,
  numbers: MachineFacts["device"],
): SpecBlockIO | undefined {
  const { blkioWeight, blkioWeightDevices = [], throttles = [] } = request;
  const of = (path: string) => {
    const { major, minor } = numbers(path);
    return { major, minor };
  };
  const rates = (what: ThrottleRequest["what"]) => {
    const wanted = throttles.filter((t) => t.what === what);
    return wanted.length === 0 ? undefined : wanted.map((t) => ({ ...of(t.path), rate: t.rate }));
  };
  const kinds = Object.keys(THROTTLES) as ThrottleRequest["what"][];
  return given({
    weight: blkioWeight,
    weightDevice:
      blkioWeightDevices.length === 0
        ? undefined
        : blkioWeightDevices.map(({ path, weight }) => ({ ...of(path), weight })),
    ...Object.fromEntries(kinds.map((what) => [THROTTLES[what], rates(what)])),
  });
}

/** Docker's rule: where nothing is said of swap there may be as much of it as of memory. */
function swapLimit(request: ResourceRequest, machine: MachineFacts): number | undefined {
  const { memoryBytes, memorySwapBytes } = request;
  if (memoryBytes === undefined && memorySwapBytes === undefined) return undefined;
  if (!machine.countsSwap()) return undefined;
  return memorySwapBytes ?? (memoryBytes as number) * 2;
}

/** `devices` are not among them: see spec.ts. */
export function specResources(request: ResourceRequest, machine: MachineFacts): SpecResources {
  const whole = request.nanoCpus === undefined ? undefined : nanoCpusToQuota(request.nanoCpus);
  const memory = given({
    limit: request.memoryBytes,
    reservation: request.memoryReservationBytes,
    swap: swapLimit(request, machine),
    swappiness: request.memorySwappiness,
    disableOOMKiller: request.oomKillDisable,
  });
  const cpu = given({
    shares: request.cpuShares,
    quota: whole?.quotaUs ?? request.cpuQuotaUs,
    period: whole?.periodUs ?? request.cpuPeriodUs,
    realtimeRuntime: request.cpuRealtimeRuntimeUs,
    realtimePeriod: request.cpuRealtimePeriodUs,
    cpus: request.cpusetCpus,
    mems: request.cpusetMems,
  });
  const block = blockIO(request, machine.device);
  return {
    ...(memory && { memory }),
    ...(cpu && { cpu }),
    ...(request.pids !== undefined && { pids: { limit: request.pids } }),
    ...(block && { blockIO: block }),
    ...(request.unified && { unified: request.unified }),
  };
}

/** `c 10:200 rwm` as a rule that allows. @throws NacreError `invalid` */
export function parseDeviceRule(text: string): SpecDeviceRule {
  const match = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/.exec(text);
  if (!match) {
    throw new NacreError("invalid", `invalid device cgroup format '${text}'`, {
      advice: "A rule is a type (a, b or c), numbers or *, and what is allowed: 'c 10:200 rwm'.",
    });
  }
  const [, type, major = "*", minor = "*", access = ""] = match;
  const number = (word: string): number => (word === "*" ? -1 : Number(word));
  return {
    allow: true,
    type: type as "a" | "b" | "c",
    major: number(major),
    minor: number(minor),
    access,
  };
}

// -- what is refused -------------------------------------------------------------------------------

/** Docker's least memory limit: below it a process does not even start. */
const LEAST_MEMORY_BYTES = 6 << 20;
/** A hundredth of a processor, in billionths. */
const LEAST_NANO_CPUS = 1e7;

/** What a machine has, for limits that cannot be larger than it. */
export interface MachineSize {
  readonly cpus: string;
  readonly mems: string;
}

function refuse(message: string, advice?: string): never {
  throw new NacreError("invalid", message, advice === undefined ? {} : { advice });
}

function checkMemory(request: ResourceRequest): void {
  const { memoryBytes, memoryReservationBytes, memorySwapBytes, memorySwappiness } = request;
  if (memoryBytes !== undefined && memoryBytes < LEAST_MEMORY_BYTES) {
    refuse("minimum memory limit allowed is 6MB", "Give at least --memory 6m.");
  }
  if (memorySwapBytes !== undefined && memorySwapBytes > 0) {
    const advice = "--memory-swap is the sum of memory and swap.";
    if (memoryBytes === undefined) {
      refuse("you should always set --memory when using --memory-swap", advice);
    }
    if (memorySwapBytes < memoryBytes) {
      refuse("minimum --memory-swap limit should be larger than --memory limit", advice);
    }
  }
  if (memorySwappiness !== undefined && (memorySwappiness < 0 || memorySwappiness > 100)) {
    refuse(`invalid value: ${memorySwappiness}. Valid memory swappiness range is 0-100`);
  }
  if (memoryReservationBytes === undefined) return;
  if (memoryReservationBytes < LEAST_MEMORY_BYTES) {
    refuse("minimum memory reservation allowed is 6MB", "Give at least --memory-reservation 6m.");
  }
  if (memoryBytes !== undefined && memoryBytes < memoryReservationBytes) {
    refuse("minimum memory limit can not be less than memory reservation limit");
  }
}

const LEAST_PERIOD_US = 1000;
const MOST_PERIOD_US = 1_000_000;
const SHARES = { least: 2, most: 262_144 } as const;

function checkCpu(request: ResourceRequest): void {
  const { nanoCpus, cpuPeriodUs, cpuQuotaUs, cpuShares } = request;
  if (nanoCpus !== undefined && nanoCpus < LEAST_NANO_CPUS) {
    refuse("--cpus is too small: a hundredth of a processor is the least");
  }
  if (nanoCpus !== undefined && cpuPeriodUs !== undefined) {
    refuse("conflicting options: --cpus and --cpu-period cannot both be set");
  }
  if (nanoCpus !== undefined && cpuQuotaUs !== undefined) {
    refuse("conflicting options: --cpus and --cpu-quota cannot both be set");
  }
  const period = cpuPeriodUs;
  if (period !== undefined && (period < LEAST_PERIOD_US || period > MOST_PERIOD_US)) {
    refuse(
      `--cpu-period of ${period} is out of range: it can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)`,
    );
  }
  if (cpuQuotaUs !== undefined && cpuQuotaUs !== -1 && cpuQuotaUs < LEAST_PERIOD_US) {
    refuse(`--cpu-quota of ${cpuQuotaUs} is out of range: it can not be less than 1ms (i.e. 1000)`);
  }
  if (cpuShares !== undefined && (cpuShares < SHARES.least || cpuShares > SHARES.most)) {
    refuse(`--cpu-shares of ${cpuShares} is out of range: ${SHARES.least} to ${SHARES.most}`);
  }
  checkRealtime(request);
}

/** In docker's words. */
function checkProcessors({ nanoCpus }: ResourceRequest, machine: MachineFacts): void {
  const count = nanoCpus === undefined ? undefined : machine.processors();
  if (nanoCpus === undefined || count === undefined || nanoCpus <= count * 1e9) return;
  refuse(`range of CPUs is from 0.01 to ${count}.00, as there are only ${count} CPUs available`);
}

function checkRealtime({ cpuRealtimePeriodUs, cpuRealtimeRuntimeUs }: ResourceRequest): void {
  if (cpuRealtimeRuntimeUs === undefined || cpuRealtimePeriodUs === undefined) return;
  if (cpuRealtimeRuntimeUs > cpuRealtimePeriodUs) {
    refuse("--cpu-rt-runtime cannot be higher than --cpu-rt-period");
  }
}

function checkCpuset(
  kind: "cpus" | "mems",
  wanted: string | undefined,
  machine: () => MachineSize,
): void {
  if (wanted === undefined) return;
  const numbers = parseCpusetList(wanted);
  const available = machine()[kind];
  const there = new Set(parseCpusetList(available));
  if (numbers.length > 0 && numbers.every((n) => there.has(n))) return;
  const what = kind === "cpus" ? "CPUs" : "memory nodes";
  refuse(`requested ${what} are not available - requested ${wanted}, available: ${available}`);
}

const WEIGHT = { least: 10, most: 1000 } as const;

/**
 * @throws NacreError `invalid` that names the option and its range
 */
export function checkResources(request: ResourceRequest, machine: MachineFacts): void {
  checkMemory(request);
  checkCpu(request);
  checkProcessors(request, machine);
  checkCpuset("cpus", request.cpusetCpus, machine.size);
  checkCpuset("mems", request.cpusetMems, machine.size);
  const { blkioWeight, deviceRules = [] } = request;
  if (blkioWeight !== undefined && (blkioWeight < WEIGHT.least || blkioWeight > WEIGHT.most)) {
    refuse(`--blkio-weight of ${blkioWeight} is out of range: 10 to 1000`);
  }
  for (const rule of deviceRules) parseDeviceRule(rule);
  for (const file of Object.keys(request.unified ?? {})) checkUnified(file);
}

/** A file of a controller: the node's own (cgroup.procs, cgroup.freeze) are the engine's. */
function checkUnified(file: string): void {
  if (/^[a-z0-9_]+\.[a-z0-9_.]+$/.test(file) && !file.startsWith("cgroup.")) return;
  refuse(
    `--cgroup-conf ${JSON.stringify(file)}: no file of a controller`,
    "Name one of cgroup v2, as in --cgroup-conf memory.high=1073741824.",
  );
}

/** What a machine of cgroup v1 has no file for. */
export const withoutV1 = ({ unified = {} }: ResourceRequest): string[] =>
  Object.keys(unified).length > 0 ? ["--cgroup-conf"] : [];

/** What a machine of cgroup v2 alone has no file for; the options are left out there, and said. */
export function withoutV2(request: ResourceRequest): string[] {
  const names = {
    "--memory-swappiness": request.memorySwappiness,
    "--oom-kill-disable": request.oomKillDisable || undefined,
    "--cpu-rt-period": request.cpuRealtimePeriodUs,
    "--cpu-rt-runtime": request.cpuRealtimeRuntimeUs,
  };
  return Object.entries(names).flatMap(([name, value]) => (value === undefined ? [] : [name]));
}
