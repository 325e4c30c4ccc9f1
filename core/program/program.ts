// A container as a program for the kernel: straight-line data that can be printed, compared,
// replayed and made to fail on purpose. The compiler makes it, a backend's Kernel executes it.

import type { NamespaceKind, Operation } from "./operation.ts";

/** How the child comes into being: clone3(2) with new namespaces, or joined ones. */
export interface Clone {
  /** Namespaces made new with the child. The cgroup namespace is unshared later, in the child. */
  readonly create: readonly NamespaceKind[];
  /** Namespaces of a running process to join; it is recognised by pid and start time. */
  readonly join?: {
    readonly pid: number;
    /** Field 22 of /proc/PID/stat, clock ticks since boot. */
    readonly startTime: bigint;
    readonly namespaces: readonly NamespaceKind[];
  };
  /**
   * Cgroup directories in which the child begins, one a hierarchy. On v2 it is born there
   * (CLONE_INTO_CGROUP); on v1 its first act is to write itself to `tasks`: a single thread that
   * moves itself needs no lock of all process groups, which costs any other mover a grace period
   * of RCU, 10 ms and more.
   */
  readonly cgroups: readonly string[];
  /** Namespaces to join by path (/proc/PID/ns/net, a bind mount of one). */
  readonly joinPaths: readonly { readonly kind: NamespaceKind; readonly path: string }[];
}

export interface LogLimits {
  readonly bytes: number;
  /** At least 1, the one that grows. */
  readonly files: number;
}

/** Where the child's streams go and what its parent does until and after its exit. */
export interface Supervision {
  /** `inherit`: the streams of the caller of execute; `null`: /dev/null; `hold`: a pipe that stays open and silent. */
  readonly stdin: "inherit" | "null" | "hold";
  /** `inherit`: the caller's own descriptors; `log`: pipes written to the log; `both`. */
  readonly output: "inherit" | "log" | "both";
  /** `attached`: the caller's terminal is put in raw mode and relayed; `detached`: to the log; `socket`: its master goes to who listens at `consolePath`. */
  readonly terminal: "none" | "attached" | "detached" | "socket";
  /** A listening socket, to which the terminal's master is sent (SCM_RIGHTS). */
  readonly consolePath?: string;
  /** The log in docker's json-file form, one JSON object a line: {"log","stream","time"}. */
  readonly logPath?: string;
  /**
   * Instead of a log: journald's socket, to which each line goes as a datagram in the native
   * protocol, and the fields of each, as `KEY=VALUE` lines.
   */
  readonly journal?: { readonly socket: string; readonly fields: string };
  /** When a line begins and the log has grown to so many bytes, it becomes `logPath`.1, that becomes .2, and so on; no more than so many files stay. Absent: no limit. */
  readonly logLimits?: LogLimits;
  /** A socket, for as long as the process lives, to which others connect that want its streams: Kernel.attach. */
  readonly attachPath?: string;
  /** A socket at which the child waits in `awaitStart`: Kernel.begin. The program counts as started when it waits. */
  readonly startPath?: string;
  /** The parent ends as soon as the program has started, and undoes nothing: the child becomes a child of the nearest subreaper (prctl(2)). */
  readonly leaves?: boolean;
  /** Bytes, at most 32, by which whoever has an `attached` terminal leaves the process running: RunningProgram.left. */
  readonly leaveKeys?: readonly number[];
  /** How many of the caller's further descriptors the process gets, from 3 on. */
  readonly descriptors?: number;
  /** Where the exit record is written (exit-record.ts). */
  readonly exitPath?: string;
  /** Files read at exit before anything is undone, their contents put in the exit record. */
  readonly collect: readonly string[];
  /** A command that the parent starts when all is undone, where nobody waits for that: removal, restart policy. */
  readonly onExit?: readonly string[];
  /** Whether the parent outlives the caller (own session, no descriptors of the caller). */
  readonly detached: boolean;
}

export interface KernelProgram {
  /** What this program is for, in a few words: "run debian as blue_otter". */
  readonly title: string;
  readonly host: readonly Operation[];
  /** Absent: a program of the host section alone, complete when it ends. */
  readonly process?: {
    readonly clone: Clone;
    readonly parent: readonly Operation[];
    readonly child: readonly Operation[];
    readonly supervision: Supervision;
  };
}

export type Section = "host" | "clone" | "parent" | "child";
