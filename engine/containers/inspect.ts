// Docker's JSON for `inspect`, from a container's record. A pure function: the shape is docker's,
// field by field, so that tools that read it go on working.

import { empties } from "@nacre/core/oci/empties.ts";
import type { ImageProcess } from "@nacre/core/oci/image.ts";
import { commandLine } from "@nacre/core/program/command-line.ts";
import {
  type HealthRequest,
  type HealthState,
  healthCheck,
  shownHealth,
} from "@nacre/core/program/health-check.ts";
import type { ContainerMount, ContainerRequest, NamedVolume } from "@nacre/core/program/request.ts";
import type { ContainerRecord, ImageRecord } from "@nacre/core/state/records.ts";
import { DEFAULT_DRIVER } from "../volumes/volume-records.ts";
import { hostConfigJson } from "./inspect-host-config.ts";
import { networkJson } from "./inspect-network.ts";
import { powersJson } from "./inspect-powers.ts";

const NEVER = "0001-01-01T00:00:00Z";
const iso = (ms: number | undefined): string =>
  ms === undefined ? NEVER : new Date(ms).toISOString();

function stateJson(record: ContainerRecord): Record<string, unknown> {
  const { status } = record;
  const health = shownHealth(status, record.health);
  return {
    Status: status === "starting" ? "created" : status,
    Running: status === "running" || status === "paused",
    Paused: status === "paused",
    Restarting: status === "restarting",
    OOMKilled: record.oomKilled ?? false,
    Dead: status === "dead",
    Pid: status === "running" || status === "paused" ? (record.process?.pid ?? 0) : 0,
    ExitCode: record.exitCode ?? 0,
    Error: record.error ?? "",
    StartedAt: iso(record.startedMs),
    FinishedAt: iso(record.finishedMs),
    ...(health && { Health: healthJson(health) }),
  };
}

function healthJson({ status, failingStreak, log }: HealthState): Record<string, unknown> {
  return {
    Status: status,
    FailingStreak: failingStreak,
    Log: log.map(({ startMs, endMs, exitCode, output }) => ({
      ...{ Start: iso(startMs), End: iso(endMs), ExitCode: exitCode, Output: output },
    })),
  };
}

/** In nanoseconds, as docker has it; what was not said is as the image or the default has it. */
function healthcheckJson(request: HealthRequest | undefined, image: ImageProcess) {
  const check = healthCheck(request, image);
  if (!check) return request?.test ? { Test: request.test } : undefined;
  const ns = (ms: number) => ms * 1e6;
  return {
    Test: request?.test ?? image.Healthcheck?.Test,
    Interval: ns(check.intervalMs),
    Timeout: ns(check.timeoutMs),
    StartPeriod: ns(check.startPeriodMs),
    StartInterval: ns(check.startIntervalMs),
    Retries: check.retries,
  };
}

/** `sourceOf`: where a volume is on this machine. */
function mountJson(
  mount: ContainerMount,
  sourceOf: (mount: NamedVolume) => string,
): Record<string, unknown> {
  const { target: Destination } = mount;
  switch (mount.type) {
    case "tmpfs":
      return {
        ...{ Type: "tmpfs", Source: "", Destination },
        ...{ Mode: mount.options.join(","), RW: true, Propagation: "" },
      };
    case "image":
      return {
        ...{ Type: "image", Source: mount.source, Destination },
        ...{ Mode: "", RW: false, Propagation: "" },
      };
    case "volume":
      return {
        ...{ Type: "volume", Name: mount.name, Source: sourceOf(mount), Destination },
        ...{
          Driver: mount.driver ?? DEFAULT_DRIVER,
          Mode: mount.mode ?? (mount.readOnly ? "ro" : "z"),
        },
        ...{ RW: !mount.readOnly, Propagation: "" },
      };
    case "bind":
      return {
        ...{ Type: "bind", Source: mount.source, Destination },
        ...{ Mode: mount.mode ?? (mount.readOnly ? "ro" : ""), RW: !mount.readOnly },
        Propagation: mount.recursive ? `r${mount.propagation}` : mount.propagation,
      };
  }
}

/** As docker has it, the memory of --tmpfs is none of them. */
const shownMounts = ({ mounts }: ContainerRecord): readonly ContainerMount[] =>
  mounts.filter(({ type, byMount }) => type !== "tmpfs" || byMount);

/** Docker's Config.Volumes: places that get a volume whose name nobody gave. */
function ownVolumes(
  request: ContainerRequest,
  config: ImageProcess,
): Record<string, object> | null {
  const asked = request.mounts.filter(
    (m) => m.type === "volume" && m.name === undefined && !m.byMount,
  );
  const targets = [...Object.keys(config.Volumes ?? {}), ...asked.map(({ target }) => target)];
  return targets.length === 0 ? null : empties(targets);
}

/** The image's and those of --expose. */
function exposedPorts(config: ImageProcess, { exposedPorts = [] }: ContainerRequest) {
  const ports = [...Object.keys(config.ExposedPorts ?? {}), ...exposedPorts].sort();
  return ports.length > 0 && { ExposedPorts: empties(ports) };
}

/** As docker has it: what was asked for first, then what the image says of other variables. */
function environmentJson(config: ImageProcess, request: ContainerRequest): string[] {
  const { environment, unsetEnvironment: unset = [] } = request;
  const nameOf = (variable: string): string => variable.split("=", 1)[0] as string;
  const left = new Set([...environment.map(nameOf), ...(unset === "all" ? [] : unset)]);
  const images = unset === "all" ? [] : (config.Env ?? []);
  return [...environment, ...images.filter((one) => !left.has(nameOf(one)))];
}

/** As podman has it: those that are files, and of no secret what it says. */
function secretsJson(secrets: NonNullable<ContainerRecord["secrets"]>) {
  return secrets
    .filter(({ type }) => type === "mount")
    .map(({ name: Name, id: ID, uid: UID, gid: GID, mode: Mode }) => ({
      ...{ Name, ID, UID, GID, Mode },
    }));
}

/** `runtime`: what executes it; `logPath`: where its log is, whether or not it has one yet; `available`: the capabilities that can be given here. */
export function containerJson(
  record: ContainerRecord,
  image: ImageRecord | undefined,
  runtime: string,
  logPath: string,
  sourceOf: (mount: NamedVolume) => string,
  available: () => readonly string[],
): Record<string, unknown> {
  const { request, id } = record;
  const config = image?.config.config ?? {};
  const { entrypoint, command } = commandLine(request, config);
  const line = [...entrypoint, ...command];
  const healthcheck = healthcheckJson(request.health, config);
  return {
    Id: id,
    Created: iso(record.createdMs),
    Path: line[0] ?? "",
    Args: line.slice(1),
    State: stateJson(record),
    Image: image?.id ?? request.image,
    ...(request.rootDirectory && { Rootfs: request.rootDirectory.path }),
    // Files in the container's own memory: nothing of this machine is shown in their place.
    ...{ ResolvConfPath: "", HostnamePath: "", HostsPath: "" },
    Name: `/${record.name}`,
    RestartCount: record.restarts ?? 0,
    Driver: record.snapshotter,
    Platform: image?.config.os ?? "linux",
    ...{ MountLabel: "", ProcessLabel: "", AppArmorProfile: request.apparmor ?? "" },
    ExecIDs: null,
    GraphDriver: { Name: record.snapshotter, Data: null },
    LogPath: logPath,
    ...powersJson(request, image, available),
    ...(request.pidFile !== undefined && { PidFile: request.pidFile }),
    HostConfig: hostConfigJson(record, runtime, logPath),
    Mounts: shownMounts(record).map((mount) => mountJson(mount, sourceOf)),
    Config: {
      Hostname: request.hostname ?? id.slice(0, 12),
      Domainname: request.domainname ?? "",
      User: request.user ?? config.User ?? "",
      AttachStdin: isAttached(request, "stdin"),
      AttachStdout: isAttached(request, "stdout"),
      AttachStderr: isAttached(request, "stderr"),
      ...exposedPorts(config, request),
      Tty: request.terminal,
      OpenStdin: request.interactive,
      StdinOnce: request.interactive && isAttached(request, "stdin"),
      Env: environmentJson(config, request),
      Cmd: command,
      Image: request.image,
      WorkingDir: request.workingDirectory ?? config.WorkingDir ?? "",
      Entrypoint: entrypoint.length > 0 ? entrypoint : null,
      OnBuild: null,
      Volumes: ownVolumes(request, config),
      Labels: Object.fromEntries(
        Object.entries({ ...config.Labels, ...request.labels }).toSorted(([a], [b]) =>
          a < b ? -1 : 1,
        ),
      ),
      ...(healthcheck && { Healthcheck: healthcheck }),
      ...(request.systemd && { SystemdMode: true }),
      ...(record.secrets && { Secrets: secretsJson(record.secrets) }),
      StopSignal: request.stopSignal ?? config.StopSignal ?? "SIGTERM",
      ...(request.stopTimeoutMs !== undefined && { StopTimeout: request.stopTimeoutMs / 1000 }),
      ...(request.timeoutMs !== undefined && { Timeout: request.timeoutMs / 1000 }),
      ...(request.timeZone !== undefined && { Timezone: request.timeZone }),
    },
    NetworkSettings: networkJson(request.network),
  };
}

function isAttached(
  { attach, detached, interactive }: ContainerRequest,
  stream: "stdin" | "stdout" | "stderr",
): boolean {
  if (attach) return attach.includes(stream);
  return !detached && (stream !== "stdin" || interactive);
}
