// The program of a command that runs in namespaces of others, and in the machine's own for the
// rest: nsenter(1). It is in no container's cgroups and keeps its powers.

import type { NamespaceKind, Operation } from "./operation.ts";
import type { Clone, KernelProgram } from "./program.ts";

export interface JoinRequest {
  readonly title: string;
  readonly command: readonly string[];
  /** `K=V`. */
  readonly environment: readonly string[];
  /** Made where it is missing. */
  readonly workingDirectory: string;
  /** A process that must still be the same when its namespaces are joined. */
  readonly process?: { readonly pid: number; readonly startTime: bigint };
  readonly namespaces: readonly { readonly kind: NamespaceKind; readonly path: string }[];
  /** Our own root is also that of the user namespace: nothing is to be changed, and it might not be allowed (setgroups). */
  readonly isRootInside?: boolean;
}

/**
 * A user namespace comes last: who is privileged outside may join all others from there, but from
 * inside only those that belong to it (setns(2), user_namespaces(7)).
 */
const ORDER: readonly NamespaceKind[] = [
  "pid",
  "cgroup",
  "ipc",
  "uts",
  "net",
  "time",
  "mnt",
  "user",
];

/** The program of a command in namespaces of others (setns(2)), which are entered in their order. */
export function joinProgram(request: JoinRequest): KernelProgram {
  const { title, command, environment, process } = request;
  const joinPaths: Clone["joinPaths"] = request.namespaces.toSorted(
    (a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind),
  );
  const intoUser = joinPaths.some(({ kind }) => kind === "user");
  const becomeRoot: Operation[] =
    intoUser && !request.isRootInside
      ? [
          {
            op: "setUser",
            uid: 0,
            gid: 0,
            groups: [],
            why: "root of the user namespace, not of ours",
          },
        ]
      : [];
  return {
    title,
    host: [],
    process: {
      clone: {
        create: [],
        ...(process && { join: { ...process, namespaces: [] } }),
        cgroups: [],
        joinPaths,
      },
      parent: [],
      child: [
        { op: "newSession", why: "so that signals of the caller's terminal do not reach it" },
        { op: "openRoot", path: "/", why: "the root of the mount namespace that it is in now" },
        { op: "changeDirectory", path: request.workingDirectory, why: "where it begins" },
        ...becomeRoot,
        {
          op: "execute",
          arguments: command,
          environment,
          why: "in those namespaces, and the machine's own for the rest",
        },
      ],
      supervision: {
        stdin: "inherit",
        output: "inherit",
        terminal: "none",
        collect: [],
        detached: false,
      },
    },
  };
}
