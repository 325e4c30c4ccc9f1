// What becomes of a container's record when its processes end, or nobody waits for it any more.

import type { ExitStatus, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { isSame } from "./process-identity.ts";

/** What is reported of a process whose end nobody saw: the machine went down, or its supervisor was killed. */
export const UNSEEN_EXIT_CODE = 255;

/** Nor does anybody wait to check it. What its checks have found stays, for who looks. */
export function withoutProcesses(record: ContainerRecord) {
  const { process, supervisor, holder, ...rest } = record;
  return unawaited(rest);
}

/** Nobody sleeps any more until its next health check. */
export function unawaited(record: ContainerRecord): ContainerRecord {
  if (!record.health?.waiter) return record;
  const { waiter, ...health } = record.health;
  return { ...record, health };
}

/** About to be started, with nothing of its last run but how often its policy has started it. */
export function anew(record: ContainerRecord, byPolicy: boolean, detached: boolean) {
  const { exitCode, finishedMs, error, oomKilled, stopped, health, ...known } = record;
  const { restarts = 0, restartDelayMs, ...fresh } = withoutProcesses(known);
  const rest = byPolicy
    ? { ...fresh, restarts: restarts + 1, ...(restartDelayMs && { restartDelayMs }) }
    : fresh;
  return { ...rest, request: { ...record.request, detached }, status: "starting" as const };
}

/** One who restarts it has done so. */
export function withoutKeeper(record: ContainerRecord, keeper: ProcessIdentity): ContainerRecord {
  const { keepers = [], ...rest } = record;
  const at = keepers.findIndex((one) => isSame(one, keeper));
  const left = keepers.filter((_, i) => i !== at);
  return left.length > 0 ? { ...rest, keepers: left } : rest;
}

/** After its end; who removes or restarts it comes later. */
export function atRest(record: ContainerRecord, status: ExitStatus): ContainerRecord {
  return {
    ...withoutProcesses(record),
    status: "exited",
    exitCode: status.code,
    oomKilled: status.oomKilled,
    finishedMs: status.finishedAtMs,
  };
}

/** On its way out: nobody but `holder` does anything with it any more. */
export function going(
  record: ContainerRecord,
  holder: ProcessIdentity,
  bootId: string,
): ContainerRecord {
  return { ...record, status: "removing", holder: stored(holder), bootId };
}

/** An identity as a record keeps it. */
export const stored = (identity: ProcessIdentity) => ({
  pid: identity.pid,
  startTime: identity.startTime.toString(),
});
