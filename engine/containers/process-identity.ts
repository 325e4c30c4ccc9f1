// Processes of a container: as its record keeps them, and as the kernel is asked for them.

import type { Kernel, ProcessIdentity } from "@nacre/core/ports/kernel.ts";

/** A stored identity as the kernel port takes it; pid 0 where there is none. */
export function identity(stored: Running["process"]): ProcessIdentity {
  return { pid: stored?.pid ?? 0, startTime: BigInt(stored?.startTime ?? 0) };
}

/** What is known of a container's processes: recorded, or as the kernel has just told. */
export type Running = Partial<
  Record<"process" | "supervisor", { readonly pid: number; readonly startTime: string | bigint }>
>;

/** Whether both are one process, or both none. */
export function isSame(one: Running["process"], other: Running["process"]): boolean {
  return one?.pid === other?.pid && String(one?.startTime) === String(other?.startTime);
}

/** Whether its first process, or the supervisor that still has to undo its program, lives. */
export function processesAlive(kernel: Kernel, record: Running): boolean {
  return [record.process, record.supervisor].some(
    (stored) => stored !== undefined && kernel.alive(identity(stored)),
  );
}
