// Docker's HostConfig, from a container's record: what was asked of the machine for it.

import { MASKED_PATHS, READONLY_PATHS } from "@nacre/core/program/hidden-paths.ts";
import {
  DEFAULT_LOG,
  JOURNAL_LOG,
  type LogRequest,
  logLimits,
  NO_LOG,
} from "@nacre/core/program/log-options.ts";
import type {
  ContainerRequest,
  RequestedMount,
  ResourceRequest,
  ThrottleRequest,
} from "@nacre/core/program/request.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { IdMap, UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import { mountRequestJson } from "./inspect-mount-request.ts";

/** Docker's names and its ways to say that nothing is set. */
function resourcesJson(resources: ResourceRequest): Record<string, unknown> {
  const { throttles = [], blkioWeightDevices = [] } = resources;
  const rates = (wanted: ThrottleRequest["what"]) =>
    throttles
      .filter(({ what }) => what === wanted)
      .map(({ path, rate }) => ({ Path: path, Rate: rate }));
  return {
    Memory: resources.memoryBytes ?? 0,
    MemoryReservation: resources.memoryReservationBytes ?? 0,
    MemorySwap: resources.memorySwapBytes ?? (resources.memoryBytes ?? 0) * 2,
    MemorySwappiness: resources.memorySwappiness ?? null,
    OomKillDisable: resources.oomKillDisable ?? false,
    NanoCpus: resources.nanoCpus ?? 0,
    CpuShares: resources.cpuShares ?? 0,
    CpuPeriod: resources.cpuPeriodUs ?? 0,
    CpuQuota: resources.cpuQuotaUs ?? 0,
    CpuRealtimePeriod: resources.cpuRealtimePeriodUs ?? 0,
    CpuRealtimeRuntime: resources.cpuRealtimeRuntimeUs ?? 0,
    CpusetCpus: resources.cpusetCpus ?? "",
    CpusetMems: resources.cpusetMems ?? "",
    PidsLimit: (resources.pids ?? 0) > 0 ? resources.pids : null,
    BlkioWeight: resources.blkioWeight ?? 0,
    BlkioWeightDevice: blkioWeightDevices.map(({ path, weight }) => ({
      ...{ Path: path, Weight: weight },
    })),
    BlkioDeviceReadBps: rates("readBps"),
    BlkioDeviceWriteBps: rates("writeBps"),
    BlkioDeviceReadIOps: rates("readIops"),
    BlkioDeviceWriteIOps: rates("writeIops"),
    DeviceCgroupRules: resources.deviceRules ?? null,
    ...(resources.unified && { CgroupConf: resources.unified }),
  };
}

/** As they could be given to --security-opt, a profile as its JSON. */
export function securityOptions(request: ContainerRequest): string[] | null {
  const { noNewPrivileges, seccomp, apparmor, securityLabel = [] } = request;
  const all = [
    ...(noNewPrivileges === undefined ? [] : [`no-new-privileges=${noNewPrivileges}`]),
    ...(seccomp === undefined ? [] : [`seccomp=${seccomp}`]),
    ...(apparmor === undefined ? [] : [`apparmor=${apparmor}`]),
    ...securityLabel.map((label) => `label=${label}`),
  ];
  return all.length > 0 ? all : null;
}

function hiddenPaths({ privileged, systemPaths }: ContainerRequest): Record<string, unknown> {
  const open = privileged || systemPaths === "unconfined";
  return {
    MaskedPaths: open ? [] : MASKED_PATHS,
    ReadonlyPaths: open ? [] : READONLY_PATHS,
  };
}

/** As the kernel has them. */
function capabilityNames(names: readonly string[] = []): string[] | null {
  const whole = names
    .map((name) => name.toUpperCase())
    .map((name) => (name === "ALL" || name.startsWith("CAP_") ? name : `CAP_${name}`));
  return whole.length > 0 ? whole : null;
}

/** What a process is, may do and sees, by docker's names. */
function processJson(request: ContainerRequest): Record<string, unknown> {
  const { capabilities, devices = [], dns, limits = [], namespaces = {} } = request;
  return {
    CapAdd: capabilityNames(capabilities?.add),
    CapDrop: capabilityNames(capabilities?.drop),
    CgroupnsMode: namespaces.cgroup ?? "private",
    Devices: devices.map(({ source, target, access }) => ({
      ...{ PathOnHost: source, PathInContainer: target, CgroupPermissions: access },
    })),
    Dns: dns?.servers ?? [],
    DnsOptions: dns?.options ?? [],
    DnsSearch: dns?.searches ?? [],
    ExtraHosts: request.extraHosts ?? null,
    GroupAdd: request.groups ?? null,
    CgroupParent: request.cgroupParent ?? "",
    ...(request.init && { Init: true }),
    IpcMode: namespaces.ipc ?? "private",
    OomScoreAdj: request.oomScoreAdj ?? 0,
    PidMode: namespaces.pid ?? "",
    Privileged: request.privileged ?? false,
    RestartPolicy: {
      Name: request.restart?.name ?? "no",
      MaximumRetryCount: request.restart?.maximumRetries ?? 0,
    },
    SecurityOpt: securityOptions(request),
    ...hiddenPaths(request),
    ShmSize: request.shmBytes ?? 64 << 20,
    Sysctls: request.sysctls ?? {},
    UTSMode: namespaces.uts ?? "",
    UsernsMode: request.userns ?? (request.idMaps ? "private" : ""),
    Ulimits: limits
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
  };
}

/** As podman has it. */
function mapsJson({ uids, gids }: UserMaps): Record<string, readonly string[]> {
  const lines = (map: IdMap) =>
    map.map(({ containerID, hostID, size }) => `${containerID}:${hostID}:${size}`);
  return { UidMap: lines(uids), GidMap: lines(gids) };
}

function journalOptions({ tag, labels, env }: LogRequest = {}): Record<string, string> {
  return {
    ...(tag !== undefined && { tag }),
    ...(labels && { labels: labels.join(",") }),
    ...(env && { env: env.join(",") }),
  };
}

/** With the limits that it has when none were asked for. */
function logConfigJson({ logDriver, log }: ContainerRequest, path: string) {
  const driver = logDriver ?? DEFAULT_LOG;
  if (driver === NO_LOG) return { Type: driver, Config: {} };
  if (driver === JOURNAL_LOG) return { Type: driver, Config: journalOptions(log) };
  const limits = logLimits(driver, log);
  const config = limits && { "max-size": `${limits.bytes}`, "max-file": `${limits.files}` };
  return { Type: driver, Config: config ?? {}, Path: path };
}

/** As -v has it; what has no source is not among them. */
function bindWord(mount: RequestedMount): string[] {
  if (mount.byMount || (mount.type !== "bind" && mount.type !== "volume")) return [];
  const source = mount.type === "bind" ? mount.source : mount.name;
  const mode = mount.mode ?? (mount.readOnly ? "ro" : undefined);
  return source === undefined ? [] : [[source, mount.target, ...(mode ? [mode] : [])].join(":")];
}

/**
 * Docker's HostConfig. What was not asked for stands there as docker shows it: 0, empty or null.
 */
export function hostConfigJson(
  record: ContainerRecord,
  runtime: string,
  logPath: string,
): Record<string, unknown> {
  const { request } = record;
  const tmpfs = request.mounts.filter((m) => m.type === "tmpfs" && !m.byMount);
  const long = request.mounts.filter(({ byMount }) => byMount);
  const binds = request.mounts.flatMap(bindWord);
  return {
    ...(request.annotations && { Annotations: request.annotations }),
    Binds: binds.length > 0 ? binds : null,
    ContainerIDFile: "",
    VolumesFrom: request.volumesFrom ?? null,
    LogConfig: logConfigJson(request, logPath),
    NetworkMode: request.network,
    ...{ PortBindings: {}, PublishAllPorts: false, Links: null },
    ...{ VolumeDriver: "", ConsoleSize: [0, 0], Cgroup: "", Isolation: "", DeviceRequests: null },
    Runtime: runtime,
    AutoRemove: request.autoRemove,
    ReadonlyRootfs: request.readOnlyRoot,
    ...resourcesJson(request.resources),
    Tmpfs: Object.fromEntries(
      tmpfs.flatMap((m) => (m.type === "tmpfs" ? [[m.target, m.options.join(",")]] : [])),
    ),
    ...(long.length > 0 && { Mounts: long.map(mountRequestJson) }),
    ...processJson(request),
    ...(record.users && { IDMappings: mapsJson(record.users) }),
  };
}
