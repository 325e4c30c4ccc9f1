// Operations that stand between a program and the kernel: filters of its system calls.

import type { Explained } from "./explained.ts";
import type { FilterFlag } from "./system-call-filter.ts";

/** In the host section: connects to a unix socket, to which the child will hand its filter's descriptor, with `state` in parts between which its pid belongs. Goes with the child's execve(2). */
export interface ConnectListener extends Explained {
  readonly op: "connectListener";
  readonly path: string;
  readonly state: readonly string[];
}
/** In the child, once: seccomp(2) for all calls from the execve(2) of `execute` on. Needs no_new_privs, or CAP_SYS_ADMIN until then. */
export interface FilterSystemCalls extends Explained {
  readonly op: "filterSystemCalls";
  /** struct sock_filter[] */
  readonly filter: Uint8Array;
  /** `listener`: hands the filter's descriptor to who was connected to. */
  readonly flags: readonly (FilterFlag | "listener")[];
}
