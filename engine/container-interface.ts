// The engine's containers as its users see them.

import type { AttachedStreams, ProcessStreams } from "@nacre/core/ports/kernel.ts";
import type { LogLine } from "@nacre/core/ports/log-driver.ts";
import type { HealthState } from "@nacre/core/program/health-check.ts";
import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import type { PartialRequest, ResourceRequest } from "@nacre/core/program/request.ts";
import type { RestartPolicy } from "@nacre/core/program/restart-policy.ts";
import type { CgroupUsage } from "@nacre/core/program/usage.ts";
import type { ContainerRecord, ContainerStatus } from "@nacre/core/state/records.ts";
import type { ContainerFilters } from "./containers/filter.ts";
import type { ContainerFiles } from "./copy-interface.ts";

/** A process to be run in a running container; what is left out is as `docker exec` has it. */
export interface ExecRequest {
  readonly command: readonly string[];
  /** `K=V`, after the container's own. */
  readonly environment?: readonly string[];
  readonly user?: string;
  /** Every capability. */
  readonly privileged?: boolean;
  readonly workingDirectory?: string;
  readonly terminal?: boolean;
  readonly interactive?: boolean;
  readonly detached?: boolean;
  /** As in StartOptions. */
  readonly detachKeys?: readonly number[];
}

/** What of a container can be changed once it is made. */
export interface ContainerChange extends ResourceRequest {
  readonly restart?: RestartPolicy;
}

/** A container's process as its starter holds it. */
export interface Attached {
  readonly container: ContainerRecord;
  readonly stdin: WritableStream<Uint8Array> | undefined;
  readonly stdout: ReadableStream<Uint8Array> | undefined;
  readonly stderr: ReadableStream<Uint8Array> | undefined;
  /** The exit code as a shell has it, when the process has ended and the container was put to rest. 0 at once if it is detached, and when it was left running: see Containers.wait. */
  readonly exited: Promise<number>;
  signal(number: number): void;
}

/** The streams of a container that runs in the background. Its exit code: Containers.wait. */
export interface Attachment extends AttachedStreams {
  readonly container: ContainerRecord;
}

export interface StartOptions {
  /** Whether it goes on without this process; as it was made, if absent. */
  readonly detached?: boolean;
  /** Of one that is detached and interactive: its standard input is the caller's, to its end. */
  readonly feeds?: boolean;
  /** Bytes, at most 32, by which whoever has its terminal leaves it running in the background. */
  readonly detachKeys?: readonly number[];
  /** It is its restart policy that starts it. */
  readonly byPolicy?: boolean;
}

export interface StopOptions {
  /** Before SIGKILL; the container's own, if absent, which is 10 s where nobody said otherwise. */
  readonly timeoutMs?: number;
  /** By number, instead of the container's own. */
  readonly signal?: number;
}

/** A container that was to start with the machine; `error` if it could not. */
export interface BootReport {
  readonly id: string;
  readonly name: string;
  readonly error?: unknown;
}

/** What `wait` waits for: the present end or the next one, the removal, what a check finds, or a state. */
export type WaitCondition =
  | "not-running"
  | "next-exit"
  | "removed"
  | "healthy"
  | "unhealthy"
  | ContainerStatus;

/** What a container used between two looks. */
export interface ContainerUsage extends CgroupUsage {
  readonly container: ContainerRecord;
  /** 100 for one processor, fully used. */
  readonly cpuPercent: number;
  /** Through its network devices, since it started. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** A process of a container as /proc shows it to this machine. */
export interface ProcessListing {
  readonly pid: number;
  readonly parentPid: number;
  /** Effective. */
  readonly uid: number;
  readonly gid: number;
  /** Process group, session, and the group in the foreground of its terminal (-1 without one). */
  readonly group: number;
  readonly session: number;
  readonly foreground: number;
  /** -20 to 19. */
  readonly nice: number;
  /** As the kernel counts it: 20 for a process of nice 0. */
  readonly priority: number;
  /** The one that it ran on last. */
  readonly processor: number;
  /** Up to 15 bytes, as the process calls itself. */
  readonly command: string;
  /** Empty for a zombie. */
  readonly arguments: readonly string[];
  /** R, S, D, T, Z … (proc(5)). */
  readonly state: string;
  /** Device number of its terminal, 0 without one. */
  readonly terminal: number;
  readonly threads: number;
  readonly cpuMs: number;
  readonly startedMs: number;
  readonly virtualBytes: number;
  readonly residentBytes: number;
  /** Of the machine's memory. */
  readonly residentPercent: number;
}

export interface StatsOptions {
  /** Those that run, if absent; also looked for anew at every look. */
  readonly wanted?: readonly string[];
  /** Also those that do not run, where none are named. */
  readonly all?: boolean;
  /** Between looks; a second by default. */
  readonly intervalMs?: number;
  readonly signal?: AbortSignal;
}

export interface LogOptions {
  /** Waits for more until the container ends. */
  readonly follow?: boolean;
  /** Only so many lines from the end of those that are there. */
  readonly tail?: number;
  readonly sinceMs?: number;
  readonly untilMs?: number;
  /** Ends it without an error. */
  readonly signal?: AbortSignal;
}

/** What was asked to be said of each line of a container's log: chosen labels and variables, its tag. */
export type LogDetails = Readonly<Record<string, string>>;

export interface RemoveOptions {
  /** Kills it first, if it runs. */
  readonly force?: boolean;
  /** With `force`: has it end by its stop signal, and kills it after that time. */
  readonly timeoutMs?: number;
  /** With its volumes that have no name of the user's, and that nobody else has. */
  readonly volumes?: boolean;
}

export interface ContainerPruneOptions {
  /** Only those that were made before. */
  readonly untilMs?: number;
  /** `label`, and `label!` for those that do not have it: values by key. */
  readonly filters?: ContainerFilters;
}

export interface ContainerPruneReport {
  readonly containers: string[];
  readonly reclaimedBytes: number;
}

export interface ContainerSize {
  /** Of its storage layer. */
  readonly writtenBytes: number;
  /** Of its image's files and its storage layer. */
  readonly rootBytes: number;
}

export interface ListOptions {
  readonly all?: boolean;
  readonly filters?: ContainerFilters;
  /** Only so many of the newest, whatever their state. */
  readonly last?: number;
}

/**
 * A container is named by its ID, a prefix of that which no other has, or its name. Wherever one is
 * named: NacreError `not-found`, `invalid` for a prefix of several, and `conflict` where its state
 * does not allow what is asked (engine/containers/state.ts).
 */
export interface Containers {
  /** Makes a container and its storage layer; pulls the image where the request says so. */
  create(request: PartialRequest): Promise<ContainerRecord>;
  /** NacreError `command-not-found`, `command-not-executable`, `kernel`; the container is then as it was. */
  start(container: string, streams?: ProcessStreams, options?: StartOptions): Promise<Attached>;
  /** create and start; with `autoRemove` also removal, before `exited` settles. */
  run(request: PartialRequest, streams?: ProcessStreams, options?: StartOptions): Promise<Attached>;
  /** One more process in a container that runs. NacreError as of `start`. */
  exec(container: string, request: ExecRequest, streams?: ProcessStreams): Promise<Attached>;
  /** To what a container in the background writes from now on, and to its input. NacreError `conflict` if it does not run, or runs in the foreground of another. */
  attach(container: string): Promise<Attachment>;
  /** Its files, to be read and written, whether it runs or not. NacreError `conflict` if it is being removed. */
  files(container: string): Promise<ContainerFiles>;
  /** What `run` would do, without doing it. The image must be here. */
  explain(request: PartialRequest): Promise<KernelProgram>;
  /** Newest first; those that run, with `all` or filters by state also the others. NacreError `invalid` for an unknown filter. */
  list(options?: ListOptions): ContainerRecord[];
  get(container: string): ContainerRecord;
  /** In the order in which they were written. NacreError `unsupported` where its driver keeps none that can be read. */
  logs(container: string, options?: LogOptions): AsyncIterable<LogLine>;
  /** The same for all lines of a container. */
  logDetails(container: string): Promise<LogDetails>;
  /** stop, if it runs, and start, detached. */
  restart(container: string, options?: StopOptions): Promise<void>;
  /** Holds all its processes where they are, by the cgroup freezer, until `unpause`. NacreError `conflict` if it does not run. */
  pause(container: string): Promise<void>;
  /** NacreError `conflict` if it is not paused. */
  unpause(container: string): Promise<void>;
  /** Changes limits, at once where it runs, and what shall follow its end; what is not named stays. NacreError `invalid`, `kernel`: then nothing was changed. */
  update(container: string, change: ContainerChange): Promise<ContainerRecord>;
  /** NacreError `exists` if the name is taken. */
  rename(container: string, name: string): ContainerRecord;
  /** Its processes, by pid. NacreError `conflict` if it does not run. */
  top(container: string): ProcessListing[];
  /** Inode numbers of the namespaces of its first process; none where it does not run. */
  namespaces(container: string): Partial<Record<NamespaceKind, bigint>>;
  /** What containers use, look by look. NacreError `not-found` for one that was named and is not there, or no more. */
  stats(options?: StatsOptions): AsyncIterable<readonly ContainerUsage[]>;
  /** SIGTERM or the image's STOPSIGNAL, then SIGKILL after `timeoutMs` (10 s). */
  stop(container: string, options?: StopOptions): Promise<void>;
  /** By signal number. NacreError `conflict` if it does not run. */
  kill(container: string, signal: number): Promise<void>;
  /** After the machine has booted: starts those whose policy asks for it. */
  boot(): Promise<BootReport[]>;
  /** Resolves with the exit code when the condition holds (`not-running`), or the container is gone. */
  wait(container: string, condition?: WaitCondition): Promise<number>;
  /** With its storage layer and log; one that runs only with `force`. NacreError `conflict` also while another process removes it. */
  remove(container: string, options?: RemoveOptions): Promise<void>;
  /** Removes those that have ended or were never started. NacreError `invalid` for an unknown filter. */
  prune(options?: ContainerPruneOptions): Promise<ContainerPruneReport>;
  size(container: string): ContainerSize;
  /** What each of them runs, entry point and command, as the request and its image say. */
  commandLines(containers: readonly ContainerRecord[]): string[][];
  /** Docker's JSON for `inspect`. */
  inspect(container: string): Record<string, unknown>;
  /**
   * For the command that is started when a container's health is to be checked: does so, and sees to
   * the next time. With `now` it is checked whether it is due or not, and what is known then is
   * given. NacreError `invalid` where it has no check, `conflict` if it does not run.
   */
  checkHealth(
    container: string,
    options?: { readonly now?: boolean },
  ): Promise<HealthState | undefined>;
  /** For the supervisor's on-exit command: records the end, removes what asked for it, starts again what its policy starts again. */
  settle(container: string): Promise<void>;
}
