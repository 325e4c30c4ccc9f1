// The configuration that checks begin with: what docker would ask for, in the words of version 1.0 of
// the specification, which every runtime of today reads.

export interface ConfigMount {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
}

export interface ConfigDevice {
  path: string;
  type: string;
  major: number;
  minor: number;
  fileMode?: number;
  uid?: number;
  gid?: number;
}

export interface Mapping {
  containerID: number;
  hostID: number;
  size: number;
}

type Sets = "bounding" | "effective" | "inheritable" | "permitted" | "ambient";

export interface Config {
  ociVersion: string;
  process?: {
    args: string[];
    env: string[];
    cwd: string;
    user: { uid: number; gid: number; additionalGids?: number[]; umask?: number };
    capabilities: Record<Sets, string[]>;
    rlimits: { type: string; soft: number; hard: number }[];
    oomScoreAdj?: number;
    noNewPrivileges?: boolean;
    apparmorProfile?: string;
  };
  root: { path: string; readonly?: boolean };
  hostname?: string;
  mounts: ConfigMount[];
  hooks?: Record<string, { path: string; args: string[]; timeout?: number }[]>;
  annotations?: Record<string, string>;
  linux: {
    namespaces: { type: string; path?: string }[];
    resources: Record<string, unknown> & { devices: unknown[] };
    uidMappings?: Mapping[];
    gidMappings?: Mapping[];
    devices?: ConfigDevice[];
    maskedPaths?: string[];
    readonlyPaths?: string[];
    sysctl?: Record<string, string>;
    cgroupsPath?: string;
    rootfsPropagation?: string;
    mountLabel?: string;
    seccomp?: unknown;
  };
}

const CAPABILITIES = [
  ...["CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID"],
  ...["SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"],
].map((name) => `CAP_${name}`);

const own = ["nosuid", "noexec", "nodev"];

export const inAllSets = (names: readonly string[]): Record<Sets, string[]> => ({
  ...{ bounding: [...names], effective: [...names], inheritable: [...names] },
  ...{ permitted: [...names], ambient: [...names] },
});

export function usualConfig(script: string): Config {
  return {
    ociVersion: "1.0.2",
    process: {
      args: ["sh", "-c", script],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      user: { uid: 0, gid: 0 },
      capabilities: inAllSets(CAPABILITIES),
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 1024, hard: 1024 }],
    },
    root: { path: "." },
    hostname: "shell",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc", options: own },
      {
        ...{ destination: "/dev", type: "tmpfs", source: "tmpfs" },
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
      },
      {
        ...{ destination: "/dev/pts", type: "devpts", source: "devpts" },
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
      },
      {
        ...{ destination: "/dev/shm", type: "tmpfs", source: "shm" },
        options: [...own, "mode=1777", "size=65536k"],
      },
      { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: own },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: [...own, "ro"] },
    ],
    linux: {
      namespaces: ["pid", "network", "ipc", "uts", "mount"].map((type) => ({ type })),
      resources: { devices: [{ allow: false, access: "rwm" }] },
    },
  };
}

export function withoutNamespace(config: Config, type: string): void {
  config.linux.namespaces = config.linux.namespaces.filter((one) => one.type !== type);
}

export function withNamespace(config: Config, type: string, path?: string): void {
  withoutNamespace(config, type);
  config.linux.namespaces.push(path === undefined ? { type } : { type, path });
}
