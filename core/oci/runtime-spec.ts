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
  /** Of v1. Linux counts such memory with all other since 5.16: nothing is to be written. */
  readonly kernel?: number;
  /** Of v1. */
  readonly kernelTCP?: number;
  readonly useHierarchy?: boolean;
  /** Of `update`: refuses a limit below what is in use. */
  readonly checkBeforeUpdate?: boolean;
}

/** Times in microseconds. */
export interface SpecCpu {
  readonly shares?: number;
  readonly quota?: number;
  readonly burst?: number;
  readonly period?: number;
  /** 1: SCHED_IDLE for all of it. */
  readonly idle?: number;
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
  readonly leafWeight?: number;
  readonly weightDevice?: readonly (SpecBlockDevice & {
    readonly weight: number;
    readonly leafWeight?: number;
  })[];
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
  /** Bytes by page size: `2MB`. */
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: bigint }[];
  /** Of v1. */
  readonly network?: {
    readonly classID?: number;
    readonly priorities?: readonly { readonly name: string; readonly priority: number }[];
  };
  /** By device. */
  readonly rdma?: Readonly<
    Record<string, { readonly hcaHandles?: number; readonly hcaObjects?: number }>
  >;
  /** Files of a v2 node, and what is written to them after all else. */
  readonly unified?: Readonly<Record<string, string>>;
}

export interface SpecRlimit {
  /** `RLIMIT_NOFILE`. */
  readonly type: string;
  readonly soft: number | bigint;
  readonly hard: number | bigint;
}

/** As set_mempolicy(2) has it. */
export interface SpecMemoryPolicy {
  /** With its flags. */
  readonly mode: number;
  readonly nodes: readonly number[];
}

export interface SpecIoPriority {
  readonly class: "IOPRIO_CLASS_RT" | "IOPRIO_CLASS_BE" | "IOPRIO_CLASS_IDLE";
  readonly priority: number;
}

/** Numbers as sched_setattr(2) has them; times in nanoseconds. */
export interface SpecScheduler {
  readonly policy: number;
  readonly flags: bigint;
  readonly nice: number;
  readonly priority: number;
  readonly runtime: bigint;
  readonly deadline: bigint;
  readonly period: bigint;
}

export interface SpecHook {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** Seconds. */
  readonly timeout?: number;
}

export const HOOK_STAGES = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
] as const;
export type HookStage = (typeof HOOK_STAGES)[number];
export type SpecHooks = Readonly<Record<HookStage, readonly SpecHook[]>>;

export interface SpecProcess {
  readonly terminal: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user: {
    readonly uid: number;
    readonly gid: number;
    readonly additionalGids: readonly number[];
    /** Those that it has already, for it may lay none down. */
    readonly keepsGroups?: true;
    readonly umask?: number;
  };
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities: SpecCapabilities;
  readonly noNewPrivileges: boolean;
  readonly rlimits?: readonly SpecRlimit[];
  readonly oomScoreAdj?: number;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly ioPriority?: SpecIoPriority;
  readonly scheduler?: SpecScheduler;
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

export type RootPropagation = "private" | "slave" | "shared" | "unbindable";

/** What of a config.json docker's containers do without; `nacre oci` has it. */
export interface RuntimeSpec extends Omit<Spec, "process" | "linux"> {
  /** A container can be created without one, but not started. */
  readonly process?: SpecProcess;
  readonly hooks: SpecHooks;
  readonly linux: Omit<Spec["linux"], "cgroupsPath" | "rootfsPropagation"> & {
    /** Absent: the runtime's to choose. */
    readonly cgroupsPath?: string;
    readonly rootfsPropagation?: { readonly mode: RootPropagation; readonly recursive: boolean };
    readonly uidMappings: readonly SpecIdMapping[];
    readonly gidMappings: readonly SpecIdMapping[];
    /** By clock. */
    readonly timeOffsets: Readonly<
      Record<string, { readonly secs: number; readonly nanosecs: number }>
    >;
    readonly mountLabel?: string;
    /** The number of personality(2). */
    readonly persona?: number;
    readonly memoryPolicy?: SpecMemoryPolicy;
    /** As it stands in the file. */
    readonly seccomp?: unknown;
  };
}
