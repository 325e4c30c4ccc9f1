// `spec`: a config.json to begin with.

import { NacreError } from "@nacre/core/error.ts";
import { flag, text } from "../options.ts";
import { ociCommand } from "./command.ts";
import { absolute } from "./create.ts";
import { json } from "./life.ts";

const KEPT = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
const MASKED = ["acpi", "asound", "kcore", "keys", "latency_stats", "timer_list", "timer_stats"];
const CLOSED = ["bus", "fs", "irq", "sys", "sysrq-trigger"];

const tmpfs = (destination: string, ...options: string[]) => ({
  ...{ destination, type: "tmpfs", source: destination === "/dev" ? "tmpfs" : "shm" },
  options: ["nosuid", ...options],
});

const MOUNTS = [
  { destination: "/proc", type: "proc", source: "proc" },
  tmpfs("/dev", "strictatime", "mode=755", "size=65536k"),
  {
    ...{ destination: "/dev/pts", type: "devpts", source: "devpts" },
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
  },
  tmpfs("/dev/shm", "noexec", "nodev", "mode=1777", "size=65536k"),
  {
    ...{ destination: "/dev/mqueue", type: "mqueue", source: "mqueue" },
    options: ["nosuid", "noexec", "nodev"],
  },
];
const SYS = {
  ...{ destination: "/sys", type: "sysfs", source: "sysfs" },
  options: ["nosuid", "noexec", "nodev", "ro"],
};
const CGROUP = {
  ...{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" },
  options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
};
const HOST_SYS = {
  ...{ destination: "/sys", type: "bind", source: "/sys" },
  options: ["rbind", "nosuid", "noexec", "nodev", "ro"],
};

/** @param ids of the caller, where the container is to be his alone */
export function exampleConfig(ids?: { readonly uid: number; readonly gid: number }): unknown {
  const mapping = (hostID: number) => [{ containerID: 0, hostID, size: 1 }];
  const types = ["pid", "network", "ipc", "uts", "mount", "cgroup", ...(ids ? ["user"] : [])];
  return {
    ociVersion: "1.2.0",
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: KEPT, effective: KEPT, permitted: KEPT },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "nacre",
    mounts: [...MOUNTS, ...(ids ? [HOST_SYS] : [SYS, CGROUP])],
    linux: {
      ...(ids && { uidMappings: mapping(ids.uid), gidMappings: mapping(ids.gid) }),
      ...(!ids && { resources: { devices: [{ allow: false, access: "rwm" }] } }),
      namespaces: types.map((type) => ({ type })),
      maskedPaths: [...MASKED.map((name) => `/proc/${name}`), "/proc/scsi", "/sys/firmware"],
      readonlyPaths: CLOSED.map((name) => `/proc/${name}`),
    },
  };
}

export const spec = ociCommand({
  usage: "",
  summary: "Write a config.json to begin with",
  options: {
    bundle: text(["bundle", "b"], "DIR", "Where (default: the current directory)"),
    rootless: flag(["rootless"], "For a container in a user namespace of the caller's own"),
  },
  operands: { least: 0, most: 0 },
  async run({ host, runtime }, { bundle = ".", rootless }) {
    const path = `${absolute(host, bundle)}/config.json`;
    if (host.isFile(path)) {
      throw new NacreError("exists", `${path} is there already: remove it first`);
    }
    host.replaceFile(path, json(exampleConfig(rootless ? runtime.ids : undefined)));
    return 0;
  },
});
