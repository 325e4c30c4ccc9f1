// Operations that the OCI runtime specification, or who calls a runtime, asks for: hooks, a start that
// is somebody else's to give, and what a process is beside its user and its powers.

import type { Explained } from "./explained.ts";

/**
 * Runs a program of the host, or, once the root is entered, of the container, to its end: fork(2),
 * execve(2). Its standard input is a file that holds `before`, the pid of the container's process
 * as whoever runs the hook sees it, and `after`. It fails unless the program exits with 0 in time.
 * What the program writes is part of the error. Not undone. In the child section `by: "parent"`
 * has it run by the child's parent, in the namespaces of the host, while the child waits.
 */
export interface RunHook extends Explained {
  readonly op: "runHook";
  readonly path: string;
  readonly arguments: readonly string[];
  readonly environment: readonly string[];
  readonly before: string;
  readonly after: string;
  /** Of a process that is gone or was not made: none is said. */
  readonly pid?: number;
  /** 0: as long as it takes. */
  readonly timeoutMs: number;
  readonly by: "self" | "parent";
}
/** Writes /proc/self/`name`: attr/exec, timens_offsets. Through the /proc that the child was born with, which nothing in the container can redirect. */
export interface WriteOwnFile extends Explained {
  readonly op: "writeOwnFile";
  readonly name: string;
  readonly data: string;
}
/**
 * setns(2) into the time namespace that unshare(2) has made for children: execve(2) alone leads there
 * from Linux 6.3 on. From then on its offsets are what they are.
 */
export interface EnterTimeNamespace extends Explained {
  readonly op: "enterTimeNamespace";
}
/**
 * The process leaves the session keyring that it has for one of that name: the one that there is in its
 * user namespace if it may search that, else a new one, with these permissions. keyctl(2),
 * KEYCTL_JOIN_SESSION_KEYRING and KEYCTL_SETPERM. A kernel without keys has nothing to leave.
 */
export interface JoinSessionKeyring extends Explained {
  readonly op: "joinSessionKeyring";
  readonly name: string;
  readonly permissions: number;
}
/** personality(2). */
export interface SetPersonality extends Explained {
  readonly op: "setPersonality";
  readonly persona: number;
}
/** ioprio_set(2). `class`: 1 realtime, 2 best effort, 3 idle; `priority`: 0 to 7, the highest first. */
export interface SetIoPriority extends Explained {
  readonly op: "setIoPriority";
  readonly class: number;
  readonly priority: number;
}
/** set_mempolicy(2): `mode` with its flags, and the nodes as words of 64 bits, the lowest first. */
export interface SetMemoryPolicy extends Explained {
  readonly op: "setMemoryPolicy";
  readonly mode: number;
  readonly nodes: readonly bigint[];
}
/** sched_setattr(2): the policy's number, its flags, and times in nanoseconds. */
export interface SetScheduler extends Explained {
  readonly op: "setScheduler";
  readonly policy: number;
  readonly flags: bigint;
  readonly nice: number;
  readonly priority: number;
  readonly runtimeNs: bigint;
  readonly deadlineNs: bigint;
  readonly periodNs: bigint;
}
/** Fails as `execute` would where the program is not to be found or may not be executed. */
export interface FindProgram extends Explained {
  readonly op: "findProgram";
  readonly arguments: readonly string[];
  readonly environment: readonly string[];
}
/** The process stays where it is, hands signals on and reaps, and ends as its child does, with 128 and its signal; the rest of the section is the child's, in a process group of its own that has the terminal. */
export interface StayAsInit extends Explained {
  readonly op: "stayAsInit";
}
/** Waits until somebody connects to the supervision's `startPath`; what fails from then on is said there, and the connection ends when the program runs. */
export interface AwaitStart extends Explained {
  readonly op: "awaitStart";
}

export type RuntimeOperation =
  | RunHook
  | WriteOwnFile
  | EnterTimeNamespace
  | JoinSessionKeyring
  | SetPersonality
  | SetIoPriority
  | SetMemoryPolicy
  | SetScheduler
  | FindProgram
  | AwaitStart
  | StayAsInit;
