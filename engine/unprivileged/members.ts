// The processes of a container that has no cgroup of its own: those of its pid namespace, or, where
// that is the machine's, those that see its mounts.

import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { identity } from "../containers/process-identity.ts";

/** Pids as this machine has them; none where the first process has ended. */
export function membersByNamespace(
  kernel: Kernel,
  files: Files,
  { process, request }: Pick<ContainerRecord, "process" | "request">,
): number[] {
  if (!process || !kernel.alive(identity(process))) return [];
  const kind = request.namespaces?.pid === undefined ? "pid" : "mnt";
  const own = kernel.namespaces(process.pid)[kind];
  if (own === undefined) return [];
  return files
    .list("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && kernel.namespaces(pid)[kind] === own);
}
