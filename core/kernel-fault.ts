// The kernel's error numbers, where the core refuses as the kernel would.

import { type ErrorKind, NacreError } from "./error.ts";

const FAULTS: Readonly<Record<number, [errno: string, kind: ErrorKind, text: string]>> = {
  2: ["ENOENT", "not-found", "no such file or directory"],
  3: ["ESRCH", "not-found", "no such process"],
  11: ["EAGAIN", "kernel", "a limit is reached"],
  13: ["EACCES", "denied", "permission denied"],
  16: ["EBUSY", "in-use", "busy"],
  17: ["EEXIST", "exists", "exists already"],
  22: ["EINVAL", "invalid", "invalid value"],
  28: ["ENOSPC", "kernel", "nothing left"],
  34: ["ERANGE", "invalid", "out of range"],
  36: ["ENAMETOOLONG", "invalid", "name too long"],
  95: ["EOPNOTSUPP", "conflict", "not supported in this state"],
};

/** The error of `code`, an errno of Linux, given for `operation` as a person would trace it. */
export function kernelFault(code: number, operation: string): NacreError {
  const [errno, kind, text] = FAULTS[code] ?? [`errno ${code}`, "kernel", "failed"];
  return new NacreError(kind, `${operation}: ${text} (${errno})`, { operation, errno });
}
