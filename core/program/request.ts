// What a user asks of a container, after the command line or the library call was understood and
// before the image had its say. Absent means: as the image or the default has it.

import type { SpecIdMapping } from "../oci/runtime-spec.ts";
import type { HealthRequest } from "./health-check.ts";
import type { LogRequest } from "./log-options.ts";
import type { MountAttribute } from "./mount-description.ts";
import type { RestartPolicy } from "./restart-policy.ts";

/** IDs that a mount shows instead of those on its file system, by ranges. */
export interface IdRange {
  /** The first one on the file system. */
  readonly stored: number;
  /** What it is shown as. */
  readonly shown: number;
  readonly length: number;
}

/** Ranges as they are; `owner`: whoever owns the source is shown as the container's user. */
export type IdMapRequest =
  | "owner"
  | { readonly uids: readonly IdRange[]; readonly gids: readonly IdRange[] };

/** How a mount was written: for who inspects the container, and for nothing else. */
interface Written {
  /** By --mount: docker shows it among HostConfig.Mounts, others among Binds and Tmpfs. */
  readonly byMount?: true;
  /** The options of a -v, `ro,z`. */
  readonly mode?: string;
}

/** A directory or file of this machine. */
export interface BindRequest extends Written {
  readonly type: "bind";
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** With what is mounted below it. */
  readonly recursive: boolean;
  readonly propagation: "private" | "slave" | "shared";
  /** Refused where the source is not there; otherwise a directory is made, as docker's -v has it. */
  readonly mustExist?: boolean;
  /** Of a read-only one: what is mounted below it stays as it is. */
  readonly writableBelow?: boolean;
  /** A path within the source, which no link leads out of. */
  readonly subpath?: string;
  readonly idmap?: IdMapRequest;
  readonly attributes?: readonly MountAttribute[];
}

/** A directory that outlives containers. */
export interface VolumeRequest extends Written {
  readonly type: "volume";
  /** Absent: a new one, of its own name, that goes with the container. */
  readonly name?: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Do not fill an empty one with what the image has at the target. */
  readonly noCopy?: boolean;
  readonly subpath?: string;
  /** How a new one is made; absent: `local`. */
  readonly driver?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** An empty file system in memory. */
export interface TmpfsRequest extends Written {
  readonly type: "tmpfs";
  readonly target: string;
  readonly options: readonly string[];
}

/** The root of an image, to read. */
export interface ImageMountRequest extends Written {
  readonly type: "image";
  /** As the user typed it; an image's ID once the container is made. */
  readonly source: string;
  readonly target: string;
  readonly subpath?: string;
}

/** A secret of the engine's, which a container gets a copy of. */
export interface SecretRequest {
  /** Its name, or a beginning of its ID. */
  readonly source: string;
  /** As a file, or as a variable. */
  readonly type: "mount" | "env";
  /** A file's absolute path, or its name below /run/secrets; a variable's name. Absent: the secret's. */
  readonly target?: string;
  /** Of a file; absent: root's, to be read by all. */
  readonly uid?: number;
  readonly gid?: number;
  readonly mode?: number;
}

export type RequestedMount = BindRequest | VolumeRequest | TmpfsRequest | ImageMountRequest;

export interface NamedVolume extends VolumeRequest {
  readonly name: string;
}

/** A mount of a container that was made: every volume has its name. */
export type ContainerMount = BindRequest | NamedVolume | TmpfsRequest | ImageMountRequest;

/** A mount as the kernel can do it: what volumes and images come down to. */
export type PlainMount = BindRequest | TmpfsRequest;

/** A rate at which a block device may be used at most, in bytes or operations a second. */
export interface ThrottleRequest {
  readonly what: "readBps" | "writeBps" | "readIops" | "writeIops";
  /** A device node of this machine. */
  readonly path: string;
  readonly rate: number;
}

/** Limits; absent is no limit, and so is -1 where it is allowed. */
export interface ResourceRequest {
  readonly memoryBytes?: number;
  readonly memoryReservationBytes?: number;
  /** Memory and swap together; -1 for as much swap as there is. */
  readonly memorySwapBytes?: number;
  /** 0 to 100. */
  readonly memorySwappiness?: number;
  /** At its memory limit the container waits instead of being killed (v1 alone). */
  readonly oomKillDisable?: boolean;
  /** CPUs in billionths, as docker's NanoCpus. */
  readonly nanoCpus?: number;
  readonly cpuShares?: number;
  readonly cpuPeriodUs?: number;
  readonly cpuQuotaUs?: number;
  readonly cpuRealtimePeriodUs?: number;
  readonly cpuRealtimeRuntimeUs?: number;
  /** Lists such as `0-3,7`. */
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly pids?: number;
  /** 10 to 1000. */
  readonly blkioWeight?: number;
  readonly blkioWeightDevices?: readonly { readonly path: string; readonly weight: number }[];
  readonly throttles?: readonly ThrottleRequest[];
  /** Rules of the device controller beside the usual ones, `c 10:200 rwm`. */
  readonly deviceRules?: readonly string[];
  /** Files of its node on cgroup v2 by their names, such as `memory.high`, and what is written to them, after all others. */
  readonly unified?: Readonly<Record<string, string>>;
}

/** A device of this machine that the container gets a node for. */
export interface DeviceRequest {
  readonly source: string;
  readonly target: string;
  /** Of `rwm`. */
  readonly access: string;
}

/** A resource limit of the process (setrlimit(2)), by the name that ulimit has; -1 is no limit. */
export interface LimitRequest {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** `host`, `private`, `container:NAME`; of ipc also `shareable` and `none`. Absent: private. */
export interface NamespaceRequest {
  readonly pid?: string;
  readonly ipc?: string;
  readonly uts?: string;
  readonly cgroup?: string;
}

/** The users of a container, one by one; what is said of one kind only holds for both. */
export interface IdMapsRequest {
  readonly uids?: readonly SpecIdMapping[];
  readonly gids?: readonly SpecIdMapping[];
  /** Whose ranges of /etc/subuid and /etc/subgid: all of them where there is no map, else its bounds. */
  readonly subuidName?: string;
  readonly subgidName?: string;
}

/** What is asked about names, beside what the network says. */
export interface NameRequest {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

/** Lines that the container's /etc/passwd and /etc/group get, as podman has them. */
export interface AccountRequest {
  /** Whether it gets any; absent: as if it were said. */
  readonly add?: boolean;
  /** Users of the machine, by name or number, that it is to know. */
  readonly hostUsers?: readonly string[];
  /** In place of the usual line: `$USERNAME`, `$UID`, `$GID`, `$NAME`, `$HOME` are replaced. */
  readonly passwdEntry?: string;
  /** `$GROUPNAME`, `$GID`, `$USERLIST` are. */
  readonly groupEntry?: string;
}

export interface ContainerRequest {
  /** As the user typed it: `debian`, `ghcr.io/o/app@sha256:…`, `host`. Empty with `rootDirectory`. */
  readonly image: string;
  /** Instead of an image: an absolute path of this machine, which is the container's to write; with `overlay` its own layer takes what it writes. */
  readonly rootDirectory?: { readonly path: string; readonly overlay: boolean };
  readonly name?: string;
  readonly hostname?: string;
  readonly domainname?: string;
  /** Replaces the image's Cmd where not empty. */
  readonly command: readonly string[];
  /** Replaces the image's Entrypoint and clears its Cmd; `[]` clears it. */
  readonly entrypoint?: readonly string[];
  /** `K=V`; a bare `K` was resolved by the caller. */
  readonly environment: readonly string[];
  /** `K=V` of variables that its image has, with `$K` of others of these; once the container is made they are among `environment`. */
  readonly mergeEnvironment?: readonly string[];
  /** Variables that it does not get from its image or by default, such as PATH; HOSTNAME and HOME stay. */
  readonly unsetEnvironment?: "all" | readonly string[];
  /** `uid[:gid]` or names. */
  readonly user?: string;
  readonly workingDirectory?: string;
  readonly terminal: boolean;
  /** Keep standard input open (`-i`). */
  readonly interactive: boolean;
  readonly detached: boolean;
  /** The streams that its first caller has; absent: all, and standard input if it is interactive. */
  readonly attach?: readonly ("stdin" | "stdout" | "stderr")[];
  readonly autoRemove: boolean;
  /** Its image goes with it, unless somebody else needs that. */
  readonly removeImage?: boolean;
  readonly readOnlyRoot: boolean;
  readonly mounts: readonly RequestedMount[];
  readonly secrets?: readonly SecretRequest[];
  /** Containers whose binds, volumes and mounted images it gets too: `NAME`, `NAME:ro`. */
  readonly volumesFrom?: readonly string[];
  /** Name of a NetworkDriver. */
  readonly network: string;
  /** `80/tcp`: what it says of itself beside its image; nothing is published by it. */
  readonly exposedPorts?: readonly string[];
  /** Name of a Runtime; absent: by the image's platform, `native` for the kernel's own execve. */
  readonly runtime?: string;
  /** Name of a LogDriver; absent: `json-file`. */
  readonly logDriver?: string;
  readonly log?: LogRequest;
  readonly resources: ResourceRequest;
  /** Where its cgroup is made, as cgroup-parent.ts has it; absent: below Nacre's own. */
  readonly cgroupParent?: string;
  /** A file of this machine, to which the number of its first process is written at every start. */
  readonly pidFile?: string;
  /** Groups of the process beside those that its image gives it, by number or name. */
  readonly groups?: readonly string[];
  readonly devices?: readonly DeviceRequest[];
  readonly limits?: readonly LimitRequest[];
  /** Bits that new files do not get, 0 to 0o777; absent: 0o022. */
  readonly umask?: number;
  readonly namespaces?: NamespaceRequest;
  /** `host`, `private`, `auto[:size=N]`, `container:NAME`, `ns:PATH`. Absent: as the engine has it, `host` if nobody said. */
  readonly userns?: string;
  readonly idMaps?: IdMapsRequest;
  /** Absent: lines for who keeps their ID (`keep-id`), and for nobody else. */
  readonly accounts?: AccountRequest;
  readonly sysctls?: Readonly<Record<string, string>>;
  /** -1000 to 1000: how soon the kernel's OOM killer takes it. */
  readonly oomScoreAdj?: number;
  /** `NAME:ADDRESS`, for /etc/hosts. */
  readonly extraHosts?: readonly string[];
  readonly dns?: NameRequest;
  /** Its /etc/hosts is its image's, as it is there. */
  readonly imageHosts?: boolean;
  /** What its /etc/localtime is: `local` for this machine's, else a name of its zone database, as `Europe/Berlin`. */
  readonly timeZone?: string;
  /** Size of /dev/shm. */
  readonly shmBytes?: number;
  /** Instead of the image's, by name or number. */
  readonly stopSignal?: string;
  /** What stop waits before SIGKILL, if it is not told. */
  readonly stopTimeoutMs?: number;
  /** How long it may run; then it is killed, and its restart policy has its say. */
  readonly timeoutMs?: number;
  /** Whoever waits for it in the foreground sees its first end; then it goes on in the background. */
  readonly restart?: RestartPolicy;
  /** Instead of what the image says, as far as it says something. */
  readonly health?: HealthRequest;
  /** By the kernel's names, with or without CAP_; `ALL`. */
  readonly capabilities?: { readonly add: readonly string[]; readonly drop: readonly string[] };
  /** For systemd as its first process; `detect`: where its command is one of systemd's, which is settled when it is made. */
  readonly systemd?: "detect" | "always";
  /** Whether process 1 is an init that hands signals on and reaps, and the command its child. */
  readonly init?: boolean;
  /** Every capability and device, and nothing hidden: no protection from it. */
  readonly privileged?: boolean;
  /** Setuid programs give it nothing. */
  readonly noNewPrivileges?: boolean;
  /** Which system calls it may make: a seccomp profile as JSON, `unconfined`, or `builtin`, as absent. */
  readonly seccomp?: string;
  /** An AppArmor profile that the kernel has, or `unconfined`. */
  readonly apparmor?: string;
  /** SELinux: `disable`, or `user:…`, `role:…`, `type:…`, `level:…` in place of the usual. */
  readonly securityLabel?: readonly string[];
  /** `unconfined`: nothing of /proc and /sys is hidden or read-only. */
  readonly systemPaths?: "unconfined";
  readonly labels: Readonly<Record<string, string>>;
  /** Of its OCI configuration: for hooks, and for who decides on its system calls. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** `os/arch[/variant]`; absent: this host's. */
  readonly platform?: string;
  /** When to ask the registry. */
  readonly pull: "missing" | "always" | "never";
}

/** A request as embedders write it: the image, and what differs from the defaults. */
export type PartialRequest = Pick<ContainerRequest, "image"> & Partial<ContainerRequest>;

/** Docker's defaults for what was left out; the network is `none` until there are others. */
export function completeRequest(partial: PartialRequest): ContainerRequest {
  return {
    command: [],
    environment: [],
    terminal: false,
    interactive: false,
    detached: false,
    autoRemove: false,
    readOnlyRoot: false,
    mounts: [],
    network: "none",
    resources: {},
    labels: {},
    pull: "missing",
    ...partial,
  };
}
