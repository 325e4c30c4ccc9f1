// Docker's JSON for `inspect`, from a container's record. A pure function: the shape is docker's,
// field by field, so that tools that read it go on working.

import type {
  RequestedMount,
  ResourceRequest,
  ThrottleRequest,
} from "@nacre/core/program/request.ts";
import type { ContainerRecord, ImageRecord } from "@nacre/core/state/records.ts";

const NEVER = "0001-01-01T00:00:00Z";
const iso = (ms: number | undefined): string =>
  ms === undefined ? NEVER : new Date(ms).toISOString();

function stateJson(record: ContainerRecord): Record<string, unknown> {
  const { status } = record;
  return {
    Status: status === "starting" ? "created" : status,
    Running: status === "running" || status === "paused",
    Paused: status === "paused",
    Restarting: false,
    OOMKilled: record.oomKilled ?? false,
    Dead: false,
    Pid: status === "running" || status === "paused" ? (record.process?.pid ?? 0) : 0,
    ExitCode: record.exitCode ?? 0,
    Error: record.error ?? "",
    StartedAt: iso(record.startedMs),
    FinishedAt: iso(record.finishedMs),
  };
}

function mountJson(mount: RequestedMount): Record<string, unknown> {
  if (mount.type === "tmpfs") {
    return {
      Type: "tmpfs",
      Source: "",
      Destination: mount.target,
      Mode: mount.options.join(","),
      RW: true,
      Propagation: "",
    };
  }
  return {
    Type: "bind",
    Source: mount.source,
    Destination: mount.target,
    Mode: mount.readOnly ? "ro" : "",
    RW: !mount.readOnly,
    Propagation: mount.recursive ? `r${mount.propagation}` : mount.propagation,
  };
}

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
    PidsLimit: resources.pids ?? null,
    BlkioWeight: resources.blkioWeight ?? 0,
    BlkioWeightDevice: blkioWeightDevices.map(({ path, weight }) => ({
      ...{ Path: path, Weight: weight },
    })),
    BlkioDeviceReadBps: rates("readBps"),
    BlkioDeviceWriteBps: rates("writeBps"),
    BlkioDeviceReadIOps: rates("readIops"),
    BlkioDeviceWriteIOps: rates("writeIops"),
    DeviceCgroupRules: resources.deviceRules ?? null,
  };
}

function hostConfigJson(
  record: ContainerRecord,
  runtime: string,
  logPath: string,
): Record<string, unknown> {
  const { request } = record;
  const binds = request.mounts.filter((m) => m.type === "bind");
  const tmpfs = request.mounts.filter((m) => m.type === "tmpfs");
  return {
    Binds: binds.map((m) => `${m.source}:${m.target}${m.readOnly ? ":ro" : ""}`),
    LogConfig: { Type: request.logDriver ?? "json-file", Config: {}, Path: logPath },
    NetworkMode: request.network,
    Runtime: runtime,
    AutoRemove: request.autoRemove,
    ReadonlyRootfs: request.readOnlyRoot,
    ...resourcesJson(request.resources),
    Tmpfs: Object.fromEntries(tmpfs.map((m) => [m.target, m.options.join(",")])),
    CgroupnsMode: "private",
    IpcMode: "private",
    PidMode: "",
    Privileged: false,
  };
}

/** `runtime`: what executes it; `logPath`: where its log is, whether or not it has one yet. */
export function containerJson(
  record: ContainerRecord,
  image: ImageRecord | undefined,
  runtime: string,
  logPath: string,
): Record<string, unknown> {
  const { request, id } = record;
  const config = image?.config.config ?? {};
  const entrypoint = request.entrypoint ?? config.Entrypoint ?? [];
  const command =
    request.command.length > 0 || request.entrypoint !== undefined
      ? request.command
      : (config.Cmd ?? []);
  const line = [...entrypoint, ...command];
  return {
    Id: id,
    Created: iso(record.createdMs),
    Path: line[0] ?? "",
    Args: line.slice(1),
    State: stateJson(record),
    Image: image?.id ?? request.image,
    Name: `/${record.name}`,
    RestartCount: 0,
    Driver: record.snapshotter,
    Platform: image?.config.os ?? "linux",
    LogPath: logPath,
    HostConfig: hostConfigJson(record, runtime, logPath),
    Mounts: request.mounts.map(mountJson),
    Config: {
      Hostname: request.hostname ?? id.slice(0, 12),
      User: request.user ?? config.User ?? "",
      AttachStdin: request.interactive && !request.detached,
      AttachStdout: !request.detached,
      AttachStderr: !request.detached,
      Tty: request.terminal,
      OpenStdin: request.interactive,
      Env: [...(config.Env ?? []), ...request.environment],
      Cmd: command,
      Image: request.image,
      WorkingDir: request.workingDirectory ?? config.WorkingDir ?? "",
      Entrypoint: entrypoint.length > 0 ? entrypoint : null,
      Labels: { ...config.Labels, ...request.labels },
      StopSignal: config.StopSignal ?? "SIGTERM",
    },
    NetworkSettings: { Networks: { [request.network]: {} } },
  };
}
