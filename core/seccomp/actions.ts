// What a filter says of a call: SECCOMP_RET_* of linux/seccomp.h.

import type { SeccompAction } from "./profile.ts";

export const KILL_PROCESS = 0x8000_0000;
const EPERM = 1;
const ENOSYS = 38;
/** The kernel takes no larger one (MAX_ERRNO). */
export const MAX_ERRNO = 4095;

const RETURNS: Readonly<Record<SeccompAction, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: KILL_PROCESS,
  SCMP_ACT_TRAP: 0x0003_0000,
  SCMP_ACT_ERRNO: 0x0005_0000,
  SCMP_ACT_NOTIFY: 0x7fc0_0000,
  SCMP_ACT_TRACE: 0x7ff0_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
};

export const ACTIONS = Object.keys(RETURNS) as readonly SeccompAction[];

/** A call that the kernel does not have. */
export const NO_SUCH_CALL = RETURNS.SCMP_ACT_ERRNO | ENOSYS;

/** The value that a filter returns; `errno` counts for ERRNO and TRACE. */
export function returnValue(action: SeccompAction, errno = EPERM): number {
  const carries = action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE";
  return (RETURNS[action] | (carries ? errno : 0)) >>> 0;
}

/** What a filter returned, in the profile's words. */
export function actionOf(value: number): { readonly action: SeccompAction; readonly data: number } {
  const kind = (value & 0xffff_0000) >>> 0;
  const action = ACTIONS.find((name) => RETURNS[name] === kind) ?? "SCMP_ACT_KILL_PROCESS";
  return { action, data: value & 0xffff };
}
