// A filter of system calls as a program carries it: compiled, whoever compiled it and from what.

/** SECCOMP_FILTER_FLAG_* of linux/seccomp.h. */
export type FilterFlag = "tsync" | "log" | "spec-allow" | "wait-killable";

export interface SystemCallFilter {
  /** struct sock_filter[] of the machine. */
  readonly instructions: Uint8Array;
  readonly flags: readonly FilterFlag[];
  /** Who decides on calls that the filter leaves open (SECCOMP_RET_USER_NOTIF). */
  readonly listener?: {
    /** A unix socket of the host that somebody listens on. */
    readonly path: string;
    /** What is sent with the filter's descriptor: JSON in parts, between which the pid belongs. */
    readonly state: readonly string[];
  };
}

/** What a container says of itself to who listens: the state of the runtime spec (runtime.md). */
export interface ListenerState {
  readonly id: string;
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A container's process state (config-linux.md, "The Container Process State"), in parts between which its pid belongs. */
export function listenerState(metadata: string | undefined, about: ListenerState): string[] {
  const pid = "\u0000pid";
  const state = {
    ociVersion: "1.2.0",
    fds: ["seccompFd"],
    pid,
    metadata: metadata ?? "",
    state: { ociVersion: "1.2.0", ...about, status: "creating", pid },
  };
  return JSON.stringify(state).split(JSON.stringify(pid));
}
