// The port through which everything happens to a kernel.

import type { OutputChunk } from "../program/attach-frames.ts";
import type { NamespaceKind } from "../program/operation.ts";
import type { KernelProgram, Section } from "../program/program.ts";
import type { UserMaps } from "../user-namespace/id-map.ts";
import { token } from "./token.ts";

/** A process by pid and start time, so that a pid that was given again is not mistaken for it. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTime: bigint;
}

/** How the first process of a program ended. */
export interface ExitStatus {
  /** What a shell would report: the exit code, or 128 + the signal; 255 if `killAfter` has killed it. */
  readonly code: number;
  /** The signal's number, 0 if it exited by itself. */
  readonly signal: number;
  /** Whether the kernel's OOM killer took a process of its memory cgroup. */
  readonly oomKilled: boolean;
  /** Milliseconds since the epoch. */
  readonly finishedAtMs: number;
}

/** Which operation failed, and what the kernel said. */
export interface OperationFault {
  readonly section: Section;
  /** Position in its section. */
  readonly index: number;
  /** The kernel's name of the error, such as `ENOENT`. */
  readonly errno: string;
  /** What of the operation failed, such as `fsconfig lowerdir+`; may be empty. */
  readonly detail: string;
}

/** The streams a program's process gets from its caller. Numbers are descriptors of this process. */
export interface ProcessStreams {
  readonly stdin: number | "ignore" | "pipe";
  readonly stdout: number | "ignore" | "pipe";
  readonly stderr: number | "ignore" | "pipe";
  /** Descriptors that the process gets from 3 on, in this order, where its supervision passes them on; `undefined` is /dev/null. */
  readonly more?: readonly (number | undefined)[];
}

/** A program whose process runs. */
export interface RunningProgram {
  /** The container's first process, as the host sees it. */
  readonly process: ProcessIdentity;
  /** The supervisor that waits for it; forwarding of signals and window sizes goes through it. */
  readonly supervisor: ProcessIdentity;
  /** What `pipe` streams carry, to be taken once. Absent for those that are not pipes. */
  readonly stdin: WritableStream<Uint8Array> | undefined;
  readonly stdout: AsyncIterable<Uint8Array> | undefined;
  readonly stderr: AsyncIterable<Uint8Array> | undefined;
  /** Settles when the process has ended and all inverses have run. Never for a detached program, nor once it was left. */
  readonly exited: Promise<ExitStatus>;
  /** Resolves when the supervision's `leaveKeys` were typed: the program goes on as a detached one. */
  readonly left: Promise<void>;
  /** Sends a signal by number to the supervisor, which hands it on. */
  signal(number: number): void;
}

/** The streams of a program that runs detached, as one of those has them who attached to it. */
export interface AttachedStreams {
  /** From now on, in order; ends with the program's streams, or by `close`. Who does not read it holds the program up. */
  readonly output: AsyncIterable<OutputChunk>;
  /** To its standard input, where that is held open; else it goes nowhere. Resolves when there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  /** The size of its terminal, if it has one. */
  resize(rows: number, columns: number): void;
  /** The program goes on. */
  close(): void;
}

/** The root directory of one very process, whoever gets its pid after it. */
export interface HeldRoot {
  /** Its name, for Files and for programs, until `release`. Where the process has ended nothing is there. */
  readonly path: string;
  release(): void;
}

/** A line of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export interface MountEntry {
  readonly id: number;
  readonly parent: number;
  readonly device: string;
  readonly root: string;
  readonly target: string;
  readonly options: string;
  readonly type: string;
  readonly source: string;
  readonly superOptions: string;
}

/** What this host's kernel can do, probed once for a process. */
export interface KernelFacts {
  /** uname -r. */
  readonly release: string;
  /** OCI architecture: amd64, arm64, … */
  readonly architecture: string;
  /** Whether this process may do what a container needs, and if not, why. */
  readonly privileged: boolean;
  /**
   * How EROFS images of tars can be mounted: over plain files (6.13 and newer), over loop devices
   * (6.4 and newer), or not at all.
   */
  readonly erofs: "files" | "loop" | "none";
  readonly overlay: boolean;
  /**
   * Present where this process is in a user namespace of its own, as the engine of a user who is
   * not root: the IDs that there are. Nodes of devices cannot be made there, nor EROFS be mounted.
   */
  readonly userNamespace?: UserMaps;
  /** Why there is no user namespace for a user who is not root, who so is not `privileged`. */
  readonly refusal?: string;
  /** Present on a kernel that executes no machine code, but programs that it knows by their paths. */
  readonly machineCode?: false;
}

/**
 * Executes programs and shows processes and mounts as they are.
 *
 * Lifecycle: `execute` runs the host section. If an operation fails, the inverses of those before
 * it run, in reverse, and the promise rejects with a NacreError whose `cause` is the
 * OperationFault; the kernel is then as it was. A program without a process is complete at that
 * point and its host effects stay. With a process: the child is cloned, the parent section runs
 * while it waits, the child section runs in it, and the promise resolves when `execute` (the last
 * child operation) has replaced it. When the process ends, the exit record is written, the
 * inverses of the host section run, and `exited` settles. It rejects with `interrupted` if the
 * supervisor was killed before that.
 *
 * ```ts
 * const running = await kernel.execute(program, { stdin: "ignore", stdout: 1, stderr: 2 });
 * const { code } = await running.exited;
 * ```
 *
 * Errors: `command-not-found` and `command-not-executable` where the last child operation failed
 * with ENOENT, EACCES or ENOEXEC; `denied`, `no-space`, `kernel` for the others.
 */
export interface Kernel {
  facts(): KernelFacts;
  /** Runs a program of the host section alone. */
  perform(program: KernelProgram): Promise<void>;
  execute(program: KernelProgram, streams: ProcessStreams): Promise<RunningProgram>;
  /** Connects to the `attachPath` of a program that runs. NacreError `not-found` where nobody listens. */
  attach(path: string): Promise<AttachedStreams>;
  /**
   * Has a process go on that waits for its start at the supervision's `startPath`; resolves when it
   * executes its program. NacreError `not-found` where nobody waits, and as those of `execute`.
   */
  begin(path: string): Promise<void>;
  /** What a process has for its root, with all that is mounted there. NacreError `not-found` if that very process is gone. */
  holdRoot(process: ProcessIdentity): HeldRoot;
  /** Sends a signal by number; false if that very process is gone. */
  signal(process: ProcessIdentity, number: number): boolean;
  /** Whether that very process lives (a zombie does not). */
  alive(process: ProcessIdentity): boolean;
  /** The identity of a living process, undefined if there is none. */
  identify(pid: number): ProcessIdentity | undefined;
  /** /proc/PID/ns as kind → inode number. */
  namespaces(pid: number): Partial<Record<NamespaceKind, bigint>>;
  mounts(): MountEntry[];
}

export const Kernel = token<Kernel>("Kernel");
