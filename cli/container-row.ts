// A container as `ps` and completions show it.

import { shortId } from "@nacre/core/short-id.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { Containers } from "@nacre/engine/engine.ts";
import { neutralise } from "./text/escape.ts";
import type { Row } from "./text/listing.ts";
import { ellipsis } from "./text/table.ts";
import { createdAt, humanDuration } from "./text/time.ts";

export const CONTAINER_HEADINGS = {
  ID: "CONTAINER ID",
  Image: "IMAGE",
  Command: "COMMAND",
  CreatedAt: "CREATED AT",
  RunningFor: "CREATED",
  Status: "STATUS",
  State: "STATE",
  Ports: "PORTS",
  Names: "NAMES",
  Labels: "LABELS",
  Networks: "NETWORKS",
  Mounts: "MOUNTS",
  LocalVolumes: "LOCAL VOLUMES",
  Size: "SIZE",
};

/** Words with a space stand in quotes, as docker has it. */
export const commandText = (words: readonly string[]): string =>
  words.map((word) => (word.includes(" ") ? `'${word}'` : word)).join(" ");

/** @param command what it runs, words joined by spaces */
export function containerRow(
  record: ContainerRecord,
  command: string,
  nowMs: number,
  truncate: boolean,
): Row {
  const { request } = record;
  const quoted = JSON.stringify(neutralise(truncate ? ellipsis(command, 20) : command));
  const labels = Object.entries(request.labels)
    .map(([name, value]) => `${name}=${value}`)
    .sort();
  return {
    ID: truncate ? shortId(record.id) : record.id,
    Image: neutralise(request.image),
    Command: quoted,
    CreatedAt: createdAt(record.createdMs),
    RunningFor: `${humanDuration(nowMs - record.createdMs)} ago`,
    Status: statusText(record, nowMs),
    State: record.status,
    Ports: "",
    Names: neutralise(record.name),
    Labels: neutralise(labels.join(",")),
    Networks: neutralise(request.network),
    LocalVolumes: String(record.mounts.filter(({ type }) => type === "volume").length),
    Size: "0B",
    Mounts: neutralise(
      shownMounts(record.mounts)
        .map((mount) => mountName(mount, truncate))
        .join(","),
    ),
  };
}

/** podman's columns of `ps --ns`. */
export const NAMESPACE_HEADINGS = {
  Pid: "PID",
  CGROUPNS: "CGROUPNS",
  IPC: "IPC",
  MNT: "MNT",
  NET: "NET",
  PIDNS: "PIDNS",
  USERNS: "USERNS",
  UTS: "UTS",
};

/** Of a container that does not run they are empty, and its process has the number 0. */
export function namespaceRow(
  { process }: ContainerRecord,
  inodes: ReturnType<Containers["namespaces"]>,
): Record<keyof typeof NAMESPACE_HEADINGS, string> {
  const inode = (kind: keyof typeof inodes): string => String(inodes[kind] ?? "");
  return {
    Pid: String(process?.pid ?? 0),
    CGROUPNS: inode("cgroup"),
    IPC: inode("ipc"),
    MNT: inode("mnt"),
    NET: inode("net"),
    PIDNS: inode("pid"),
    USERNS: inode("user"),
    UTS: inode("uts"),
  };
}

/** As docker has it, the memory of --tmpfs is none of them. */
const shownMounts = (mounts: ContainerRecord["mounts"]) =>
  mounts.filter(({ type, byMount }) => type !== "tmpfs" || byMount);

/** A volume without a name of somebody's has 64 digits. */
function mountName(mount: ContainerRecord["mounts"][number], truncate: boolean): string {
  const name = "name" in mount ? mount.name : mount.type === "tmpfs" ? mount.target : mount.source;
  return truncate ? ellipsis(name, 15) : name;
}

function healthText({ health }: ContainerRecord): string {
  if (!health) return "";
  return health.status === "starting" ? " (health: starting)" : ` (${health.status})`;
}

function statusText(record: ContainerRecord, nowMs: number): string {
  const up = humanDuration(nowMs - (record.startedMs ?? record.createdMs));
  switch (record.status) {
    case "created":
    case "starting":
      return "Created";
    case "running":
      return `Up ${up}${healthText(record)}`;
    case "paused":
      return `Up ${up} (Paused)`;
    case "restarting":
      return `Restarting (${record.exitCode ?? 0}) ${humanDuration(nowMs - (record.finishedMs ?? record.createdMs))} ago`;
    case "removing":
      return "Removal In Progress";
    case "dead":
      return "Dead";
    case "exited":
      return `Exited (${record.exitCode ?? 0}) ${humanDuration(nowMs - (record.finishedMs ?? record.createdMs))} ago`;
  }
}
