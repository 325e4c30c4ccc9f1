// Operations that limit what a process may use: resources, time.

import type { Explained } from "./explained.ts";

/** setrlimit(2). `resource`: the kernel's number; limits in its units, 2^64-1 for none. */
export interface SetLimit extends Explained {
  readonly op: "setLimit";
  readonly resource: number;
  readonly soft: bigint;
  readonly hard: bigint;
}
/** In the parent section: the child gets SIGKILL when that time has passed, if its parent lives by then, and its exit code is 255. setitimer(2); 0 takes an earlier one back. */
export interface KillAfter extends Explained {
  readonly op: "killAfter";
  readonly timeoutMs: number;
}
