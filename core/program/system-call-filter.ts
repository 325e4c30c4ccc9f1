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
