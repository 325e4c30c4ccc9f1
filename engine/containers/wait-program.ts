// A wait that outlives the process that wants it: a process that sleeps, below a supervisor that
// starts a command when it wakes. It costs two megabytes, and no Node.

import type { KernelProgram } from "@nacre/core/program/program.ts";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** `onWaking`: the command that follows. */
export function waitProgram(
  title: string,
  delayMs: number,
  onWaking: readonly string[],
): KernelProgram {
  return {
    title,
    host: [],
    process: {
      clone: { create: [], cgroups: [], joinPaths: [] },
      parent: [],
      child: [
        { op: "newSession", why: "it belongs to no terminal" },
        {
          op: "execute",
          arguments: ["sleep", String(delayMs / 1000)],
          environment: [PATH],
          why: "the wait, in a process that costs next to nothing",
        },
      ],
      supervision: {
        ...{ stdin: "null", output: "inherit", terminal: "none", collect: [], detached: true },
        onExit: onWaking,
      },
    },
  };
}
