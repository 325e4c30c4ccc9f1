// What the simulated disk refuses, with the kinds and words that the real one's errors get.

import { type ErrorKind, NacreError } from "@nacre/core/error.ts";
import type { ErrnoName } from "./errno.ts";

const MEANINGS: Partial<Record<ErrnoName, readonly [kind: ErrorKind, reason: string]>> = {
  ENOENT: ["not-found", "no such file or directory"],
  ENOTDIR: ["not-found", "not a directory"],
  EEXIST: ["exists", "file already exists"],
  ENOTEMPTY: ["in-use", "directory not empty"],
  EBUSY: ["in-use", "resource busy or locked"],
  EACCES: ["denied", "permission denied"],
  EPERM: ["denied", "operation not permitted"],
  EROFS: ["denied", "read-only file system"],
  ENOSPC: ["no-space", "no space left on device"],
  EDQUOT: ["no-space", "disk quota exceeded"],
};

/** As the Files port promises its errors: `errno` by the kind that the real disk's would have. */
export function fileFault(errno: ErrnoName, action: string, path: string): NacreError {
  const [kind, reason] = MEANINGS[errno] ?? ["kernel", errno];
  return new NacreError(kind, `cannot ${action} ${path}: ${reason}`, {
    operation: `${action} ${path}`,
    errno,
    advice: "This happened in the simulation only.",
  });
}
