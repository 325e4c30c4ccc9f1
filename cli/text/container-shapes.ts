// The members of docker's JSON for a container by their types in Go, for templates.

import { withAbsent } from "./absent.ts";
import { NIL_LIST, NIL_MAP, withGoNames, withShapes } from "./go-shapes.ts";

const STATE = [
  ...["Status", "Running", "Paused", "Restarting", "OOMKilled", "Dead", "Pid", "ExitCode"],
  ...["Error", "StartedAt", "FinishedAt", "Health"],
];
const MOUNT = ["Type", "Name", "Source", "Destination", "Driver", "Mode", "RW", "Propagation"];

/** As it is, and for templates as docker has it. */
export function shapeContainer(container: Record<string, unknown>): Record<string, unknown> {
  const { State, Config, HostConfig, NetworkSettings } = container;
  withAbsent(container, ["SizeRw", "SizeRootFs"]);
  withAbsent(State, ["Health"]);
  withAbsent(Config, ["Healthcheck", "StopTimeout"]);
  withAbsent(Config, ["ExposedPorts"], NIL_MAP);
  withAbsent(Config, ["Shell"], NIL_LIST);
  withAbsent(HostConfig, ["Init"]);
  withAbsent(HostConfig, ["Mounts"], NIL_LIST);
  withAbsent(HostConfig, ["Annotations", "StorageOpt"], NIL_MAP);
  for (const mount of (container.Mounts ?? []) as object[]) {
    withAbsent(mount, ["Name", "Driver"], "");
  }
  shapeConfig(Config);
  withShapes((HostConfig as { readonly LogConfig?: unknown } | undefined)?.LogConfig, {
    Config: "map",
  });
  withShapes(HostConfig, {
    ...{ Binds: "list", VolumesFrom: "list", CapAdd: "list", CapDrop: "list", ExtraHosts: "list" },
    ...{ GroupAdd: "list", Links: "list", SecurityOpt: "list", DeviceRequests: "list" },
    ...{ DeviceCgroupRules: "list", PortBindings: "map", Tmpfs: "map", Sysctls: "map" },
    ...{ RestartPolicy: ["Name", "MaximumRetryCount"], LogConfig: ["Type", "Config"] },
  });
  withShapes(NetworkSettings, { Ports: "map", Networks: "map" });
  withShapes(container, { ExecIDs: "list", State: STATE, Mounts: MOUNT });
  withGoNames(container, { ID: "Id" });
  withGoNames(HostConfig, {
    ...{ DNS: "Dns", DNSOptions: "DnsOptions", DNSSearch: "DnsSearch" },
    ...{ NanoCPUs: "NanoCpus", CPUShares: "CpuShares", CPUPeriod: "CpuPeriod" },
    ...{ CPUQuota: "CpuQuota", CPURealtimePeriod: "CpuRealtimePeriod" },
    ...{ CPURealtimeRuntime: "CpuRealtimeRuntime" },
  });
  return container;
}

/** Of a container, and of an image. */
export function shapeConfig(config: unknown): void {
  withShapes(config, {
    ...{ Cmd: "list", Entrypoint: "list", OnBuild: "list", Env: "list" },
    ...{ Labels: "map", ExposedPorts: "set", Volumes: "set" },
  });
}
