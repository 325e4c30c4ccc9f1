// What is mounted in a container: the kernel's own file systems, the files of /etc that are the
// container's own, and what the user asked for.

import { NacreError } from "../error.ts";
import type { SpecIdMapping, SpecMount } from "../oci/runtime-spec.ts";
import type { MountDescription } from "./mount-description.ts";
import type { BindRequest, ContainerRequest, IdRange, PlainMount } from "./request.ts";
import type { SpecContext } from "./spec.ts";

const SHM_BYTES = 64 << 20;

const PROC: SpecMount = {
  ...{ destination: "/proc", type: "proc", source: "proc" },
  options: ["nosuid", "noexec", "nodev"],
};
const DEV: SpecMount = {
  ...{ destination: "/dev", type: "tmpfs", source: "tmpfs" },
  options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
};
const PTS: SpecMount = {
  ...{ destination: "/dev/pts", type: "devpts", source: "devpts" },
  options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
};
const QUEUES: SpecMount = {
  ...{ destination: "/dev/mqueue", type: "mqueue", source: "mqueue" },
  options: ["nosuid", "noexec", "nodev"],
};

/** The file system of a container's shared memory. */
export function sharedMemoryMount({ shmBytes = SHM_BYTES }: ContainerRequest): MountDescription {
  return {
    ...{ type: "tmpfs", source: "shm" },
    options: ["mode=1777", `size=${shmBytes}`],
    attributes: ["nosuid", "noexec", "nodev"],
  };
}

function ownMemory(request: ContainerRequest): SpecMount {
  const { type, source, options, attributes } = sharedMemoryMount(request);
  return { destination: "/dev/shm", type, source, options: [...attributes, ...options] };
}

const memoryAt = (source: string): SpecMount => ({
  ...{ destination: "/dev/shm", type: "bind", source },
  options: ["rbind", "rprivate", "nosuid", "noexec", "nodev"],
});

/** Message queues are those of the ipc namespace that mounts them; shared memory is a directory. */
function interprocess(request: ContainerRequest, sharedMemory?: string): SpecMount[] {
  switch (request.namespaces?.ipc) {
    case "host":
      return [memoryAt("/dev/shm"), QUEUES];
    case "none":
      return [];
    default:
      return [sharedMemory === undefined ? ownMemory(request) : memoryAt(sharedMemory), QUEUES];
  }
}

/** A privileged container may write to what tells of the machine, as docker has it. */
function machineMounts({ privileged }: ContainerRequest): SpecMount[] {
  const options = ["nosuid", "noexec", "nodev", privileged ? "rw" : "ro"];
  return [
    { destination: "/sys", type: "sysfs", source: "sysfs", options },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options },
  ];
}

const mappings = (ranges: readonly IdRange[]): SpecIdMapping[] =>
  ranges.map(({ stored, shown, length }) => ({ containerID: stored, hostID: shown, size: length }));

/** `rro` is all that is mounted below it too, `ro` the mount itself. */
function accessOf({ readOnly, recursive, writableBelow }: BindRequest): string {
  if (!readOnly) return "rw";
  return recursive && !writableBelow ? "rro" : "ro";
}

/** docker's `--tmpfs` defaults, and the user's options after them. */
function plainMount(mount: PlainMount): SpecMount {
  if (mount.type === "tmpfs") {
    return {
      destination: mount.target,
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "nodev", "noexec", ...mount.options],
    };
  }
  const { idmap, subpath } = mount;
  if (idmap === "owner") throw new NacreError("internal", "an idmap without its IDs");
  return {
    destination: mount.target,
    type: "bind",
    source: mount.source,
    options: [
      mount.recursive ? "rbind" : "bind",
      accessOf(mount),
      ...(mount.attributes ?? []),
      mount.recursive ? `r${mount.propagation}` : mount.propagation,
    ],
    ...(idmap && { uidMappings: mappings(idmap.uids), gidMappings: mappings(idmap.gids) }),
    ...(subpath !== undefined && { subpath }),
  };
}

function ownFiles(files: SpecContext["ownFiles"]): SpecMount[] {
  if (!files) return [];
  return files.names.map((name) => ({
    destination: `/etc/${name}`,
    type: "bind",
    source: `${files.directory}/${name}`,
    options: ["bind", "rprivate"],
  }));
}

/** What the user's mounts come down to: parents before children. */
export function requestedMounts(mounts: readonly PlainMount[]): SpecMount[] {
  const depth = (m: SpecMount) => m.destination.split("/").length;
  return mounts.map(plainMount).sort((a, b) => depth(a) - depth(b));
}

/**
 * The user's mounts replace standard ones of the same place; parents come before children. Its own
 * files of /etc are seen also where that is the user's.
 * @param mounts what the user's come down to
 * @param files its own of /etc; undefined: the root's own stay
 * @param sharedMemory where the file system is that it shares with other containers, if it does
 */
export function allMounts(
  request: ContainerRequest,
  mounts: readonly PlainMount[],
  files: SpecContext["ownFiles"],
  sharedMemory?: string,
): SpecMount[] {
  const standard = [
    ...[PROC, DEV, PTS],
    ...interprocess(request, sharedMemory),
    ...machineMounts(request),
  ];
  const requested = requestedMounts(mounts);
  const taken = new Set(requested.map((m) => m.destination));
  const isLeft = ({ destination, type }: SpecMount) =>
    !taken.has(destination) && !(type === "cgroup" && taken.has("/sys"));
  const etc = requested.findIndex((m) => m.destination === "/etc") + 1;
  return [
    ...standard.filter(isLeft),
    ...requested.slice(0, etc),
    ...ownFiles(files).filter(isLeft),
    ...requested.slice(etc),
  ];
}

/** The machine's own nodes of devices, beside those that the container's /dev has. */
export function withBoundDevices(
  mounts: readonly SpecMount[],
  devices: readonly { readonly path: string; readonly source: string }[],
): SpecMount[] {
  const standing = mounts.findLastIndex(({ destination }) => destination === "/dev") + 1;
  const binds = devices.map(
    ({ path, source }): SpecMount => ({
      ...{ destination: path, type: "bind", source },
      options: ["bind", "rprivate", "nosuid", "noexec"],
    }),
  );
  return mounts.toSpliced(standing, 0, ...binds);
}
