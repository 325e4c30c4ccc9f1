// The OCI runtime specification's config.json, as far as the compiler understands it: the
// intermediate form of every container, whoever asked for it.
// Source: opencontainers/runtime-spec, config.md and config-linux.md, version 1.2.

export interface SpecMount {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  /** fstab options: attributes (`ro`, `nosuid`), propagation (`rslave`) and the file system's own. */
  readonly options?: readonly string[];
  /** IDs on the file system (`containerID`) and as they are shown (`hostID`). */
  readonly uidMappings?: readonly SpecIdMapping[];
  readonly gidMappings?: readonly SpecIdMapping[];
  /** Of a bind, and not of OCI: a path within the source, which no link leads out of. */
  readonly subpath?: string;
}

export interface SpecIdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface SpecDevice {
  readonly type: "c" | "b" | "p";
  readonly path: string;
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A rule of the device controller: `a` is every device; -1 or absent is every number. */
export interface SpecDeviceRule {
  readonly allow: boolean;
  readonly type?: "a" | "c" | "b";
  readonly major?: number;
  readonly minor?: number;
  readonly access: string;
}

export type SpecNamespaceType =
  | "pid"
  | "network"
  | "mount"
  | "ipc"
  | "uts"
  | "user"
  | "cgroup"
  | "time";

export interface SpecCapabilities {
  readonly bounding: readonly string[];
  readonly effective: readonly string[];
  readonly permitted: readonly string[];
  readonly inheritable: readonly string[];
  readonly ambient: readonly string[];
}

/** Bytes; 0 is not set, -1 no limit. */
export interface SpecMemory {
  readonly limit?: number;
  readonly reservation?: number;
  /** Memory and swap together. */
  readonly swap?: number;
  /** 0 to 100. */
  readonly swappiness?: number;
  readonly disableOOMKiller?: boolean;
}

/** Times in microseconds. */
export interface SpecCpu {
  readonly shares?: number;
  readonly quota?: number;
  readonly period?: number;
  readonly realtimeRuntime?: number;
  readonly realtimePeriod?: number;
  /** Lists such as `0-3,7`. */
  readonly cpus?: string;
  readonly mems?: string;
}

interface SpecBlockDevice {
  readonly major: number;
  readonly minor: number;
}

/** Weights from 10 to 1000; rates in bytes or operations a second. */
export interface SpecBlockIO {
  readonly weight?: number;
  readonly weightDevice?: readonly (SpecBlockDevice & { readonly weight: number })[];
  readonly throttleReadBpsDevice?: readonly (SpecBlockDevice & { readonly rate: number })[];
  readonly throttleWriteBpsDevice?: readonly (SpecBlockDevice & { readonly rate: number })[];
  readonly throttleReadIOPSDevice?: readonly (SpecBlockDevice & { readonly rate: number })[];
  readonly throttleWriteIOPSDevice?: readonly (SpecBlockDevice & { readonly rate: number })[];
}

export interface SpecResources {
  readonly memory?: SpecMemory;
  readonly cpu?: SpecCpu;
  readonly pids?: { readonly limit: number };
  readonly blockIO?: SpecBlockIO;
  readonly devices?: readonly SpecDeviceRule[];
}

export interface SpecProcess {
  readonly terminal: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user: {
    readonly uid: number;
    readonly gid: number;
    readonly additionalGids: readonly number[];
    readonly umask?: number;
  };
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities: SpecCapabilities;
  readonly noNewPrivileges: boolean;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly rlimits?: readonly {
    readonly type: string;
    readonly soft: number;
    readonly hard: number;
  }[];
  readonly oomScoreAdj?: number;
}

export interface Spec {
  readonly ociVersion: string;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly process: SpecProcess;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly mounts: readonly SpecMount[];
  readonly linux: {
    readonly namespaces: readonly { readonly type: SpecNamespaceType; readonly path?: string }[];
    readonly cgroupsPath: string;
    readonly resources: SpecResources;
    readonly devices: readonly SpecDevice[];
    readonly maskedPaths: readonly string[];
    readonly readonlyPaths: readonly string[];
    readonly sysctl?: Readonly<Record<string, string>>;
    readonly rootfsPropagation?: "private" | "slave" | "shared" | "unbindable";
  };
  readonly annotations?: Readonly<Record<string, string>>;
}
