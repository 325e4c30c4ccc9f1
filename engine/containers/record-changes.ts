// What becomes of a container's record when its processes end, or nobody waits for it any more.

import type { ExitStatus, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";

/** Nor does anybody wait to check it. What its checks have found stays, for who looks. */
export function withoutProcesses(record: ContainerRecord) {
  const { process, supervisor, holder, ...rest } = record;
  return unawaited(rest);
}

export function unawaited(record: ContainerRecord): ContainerRecord {
  if (!record.health?.waiter) return record;
  const { waiter, ...health } = record.health;
  return { ...record, health };
}

export function atRest(record: ContainerRecord, status: ExitStatus): ContainerRecord {
  return {
    ...withoutProcesses(record),
    status: "exited",
    exitCode: status.code,
    oomKilled: status.oomKilled,
    finishedMs: status.finishedAtMs,
  };
}

/** An identity as a record keeps it. */
export const stored = (identity: ProcessIdentity) => ({
  pid: identity.pid,
  startTime: identity.startTime.toString(),
});
