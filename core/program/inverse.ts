// What undoes an operation of the host section. `undefined` where nothing must be undone: the
// effect goes with something that another inverse removes, or with the child's namespaces.

import type { Operation } from "./operation.ts";

/** How long a cgroup may stay busy after its last process was reaped. */
const CGROUP_BUSY_MS = 2000;

/** The operation that undoes `operation`, or undefined where nothing remains of it. */
export function inverseOf(operation: Operation): Operation | undefined {
  switch (operation.op) {
    case "makeDirectory":
      return { op: "removeDirectory", path: operation.path, retryMs: 0, ifUnused: true };
    case "makeCgroup":
      return {
        op: "removeDirectory",
        path: operation.path,
        retryMs: operation.shared ? 0 : CGROUP_BUSY_MS,
        ifUnused: operation.shared,
      };
    case "createFile":
      return { op: "removeFile", path: operation.path };
    case "mount":
    case "bind":
      return { op: "unmount", target: operation.target, detach: true };
    case "remount":
      return { ...operation, options: operation.before, before: operation.options };
    case "attachDeviceFilter":
      return operation.before && { ...operation, instructions: operation.before };
    case "shareMount":
      return { op: "releaseMount", lock: operation.lock, target: operation.target };
    default:
      return undefined;
  }
}
